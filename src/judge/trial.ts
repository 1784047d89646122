/**
 * A trial: some tests on the same strata, each with its wealth against the candidate, and optionally with the summed
 * evidence that it is not worse. Strata are taken in once; see strata.ts for when, and for why the provisional wealth
 * keeps the promise as well.
 */
import { emptyStratum, pessimistic, type StratumCounts } from "./counts.ts";
import type { Dispersion } from "./dispersion.ts";
import type { SidecarRatios } from "./fleet.ts";
import { noChange, StrataBook, type Seconds, type StrataChange, type Stratum } from "./strata.ts";
import { bet, betFactors, factorOf, inject, newWealth, total, type Prior } from "./wealth.ts";

export interface TrialTest {
  readonly alternatives: number;
  /** What is betted on each alternative; evenly where it is absent. */
  readonly prior?: Prior;
  /** Which phi of the stratum divides the ratios; `errors` where it is absent, `none` where what is counted is independent. */
  readonly phi?: Exclude<keyof Dispersion, "rho" | "odds"> | "none";
  /** @param out `alternatives` zeros, to which the ratios in nats are added */
  llr(counts: StratumCounts, out: Float64Array): void;
  /** The same of the test in the other direction (JUDGE 6); null: this test cannot show that the candidate is not worse. */
  readonly notWorse: {
    readonly alternatives: number;
    llr(counts: StratumCounts, out: Float64Array): void;
    /** The e-value of the summed ratios. */
    value(logs: Float64Array): number;
  } | null;
}

class Account {
  readonly test: TrialTest;
  readonly wealth: Float64Array;
  readonly notWorse: Float64Array;
  provisional = 0;
  /** The value of `notWorse`; null: it has changed since it was computed. */
  notWorseValue: number | null = null;
  /** Where the test's ratios begin in a `Ledger`. */
  readonly worseAt: number;
  readonly otherAt: number;
  /** Of the stratum that is looked at. */
  readonly worse: Float64Array;
  readonly other: Float64Array;

  constructor(test: TrialTest, worseAt: number, otherAt: number) {
    this.test = test;
    this.wealth = newWealth(test.alternatives);
    this.notWorse = new Float64Array(test.notWorse?.alternatives ?? 0);
    this.worseAt = worseAt;
    this.otherAt = otherAt;
    this.worse = new Float64Array(test.alternatives);
    this.other = new Float64Array(this.notWorse.length);
  }

  ratios(counts: StratumCounts): Float64Array {
    this.worse.fill(0);
    this.test.llr(counts, this.worse);
    return this.worse;
  }

  otherRatios(counts: StratumCounts): Float64Array {
    this.other.fill(0);
    this.test.notWorse?.llr(counts, this.other);
    return this.other;
  }
}

/** What is remembered of one stratum, test after test in arrays of all of them: few objects, which live for a minute. */
interface Ledger {
  /** The stratum's `from`: the place may have been another one's. */
  from: number;
  /** In flight: what `worse` was computed from; taken in: infinite. */
  known: number;
  /** In flight: the factors of the bets, as lower bounds. Taken in: the ratios that were contributed, which a late outcome is the difference to. */
  readonly worse: Float64Array;
  readonly other: Float64Array;
}

/** A stratum that was taken in: what a fleet's leader needs of it (fleet.ts), by test. */
export interface Taken {
  readonly from: number;
  readonly to: number;
  readonly tests: readonly SidecarRatios[];
}

export class Trial {
  private readonly accounts: readonly Account[];
  private readonly phi: number;
  private readonly book: StrataBook;
  /** By the strata's places. */
  private readonly ledgers: Ledger[] = [];
  private readonly worseWidth: number;
  private readonly otherWidth: number;
  private readonly worst = emptyStratum();
  private readonly scratch: Float64Array;
  /** What the last update found: for a fleet's leader, who sums over sidecars (fleet-trial.ts). */
  change: StrataChange = noChange;
  /** What was known of the strata in flight at the last look; NaN: they must be counted again. */
  private inFlight = 0;

  /** @param phi the least overdispersion, at least 1; the book's own (JUDGE 4.3) may be larger */
  constructor(tests: readonly TrialTest[], book: StrataBook, phi = 1) {
    let [worseAt, otherAt, longest] = [0, 0, 0];
    this.accounts = tests.map((test) => {
      const account = new Account(test, worseAt, otherAt);
      worseAt += account.worse.length;
      otherAt += account.other.length;
      longest = Math.max(longest, account.worse.length);
      return account;
    });
    this.worseWidth = worseAt;
    this.otherWidth = otherAt;
    this.scratch = new Float64Array(longest);
    this.book = book;
    this.phi = phi;
  }

  /** What the last update took in, oldest first; the ratios are overwritten when a late outcome comes. */
  get taken(): readonly Taken[] {
    return this.change.committed.map((stratum) => ({
      from: stratum.from, to: stratum.to,
      tests: this.accounts.map(({ test, worse, worseAt }) => ({
        ratios: this.ledgers[stratum.place]!.worse.subarray(worseAt, worseAt + worse.length), phi: this.phiOf(test, stratum),
      })),
    }));
  }

  /** Injects into every test's wealth (JUDGE 3). */
  inject(amount: number): void {
    for (const account of this.accounts) {
      inject(account.wealth, amount, account.test.prior);
      account.provisional = total(account.wealth);
    }
    this.inFlight = Number.NaN;
  }

  /** This test's evidence has been acted on. */
  rearm(test: number): void {
    this.accounts[test]!.wealth.fill(0);
    this.accounts[test]!.provisional = 0;
    this.inFlight = Number.NaN;
  }

  /** Evidence that the candidate is not worse is wanted for a step, under that step's load. */
  restartNotWorse(): void {
    for (const account of this.accounts) {
      account.notWorse.fill(0);
      account.notWorseValue = null;
    }
  }

  /** @param second infinite while the candidate is cold */
  judgeLatencyFrom(second: number): void {
    this.book.judgeLatencyFrom(second);
  }

  /** @param patient see `StrataBook.update`. @returns whether any wealth may have changed */
  update(nowMs: number, rows: Seconds, patient = false): boolean {
    const change = this.book.update(nowMs, rows, patient);
    const { committed, amended, provisional } = change;
    this.change = change;
    for (const stratum of amended) this.amend(stratum);
    for (const stratum of committed) this.commit(stratum);
    const changed = committed.length + amended.length > 0;
    if (changed) for (const account of this.accounts) account.notWorseValue = null;
    // Between two looks mostly nothing becomes known.
    let inFlight = provisional.length;
    for (const stratum of provisional) inFlight += stratum.known;
    if (!changed && inFlight === this.inFlight) return false;
    this.inFlight = inFlight;
    for (const stratum of provisional) this.look(stratum);
    for (const account of this.accounts) account.provisional = provisional.length === 0 ? total(account.wealth) : this.provisionalOf(account, provisional);
    return true;
  }

  /** S of a test, with what is in flight counted for the candidate. */
  wealth(test: number): number {
    const account = this.accounts[test]!;
    // A stratum in flight may also speak for the candidate; what is known for certain stands.
    return Math.max(account.provisional, total(account.wealth));
  }

  /** E that the candidate is not worse; 0 where the test cannot show it. */
  notWorse(test: number): number {
    const account = this.accounts[test]!;
    return (account.notWorseValue ??= account.test.notWorse?.value(account.notWorse) ?? 0);
  }

  private provisionalOf({ test, wealth, worseAt }: Account, provisional: readonly Stratum[]): number {
    const { scratch } = this;
    let sum = 0;
    for (let j = 0; j < wealth.length; j++) scratch[j] = wealth[j]!;
    for (const { place, from, to } of provisional) betFactors(scratch, wealth.length, this.ledgers[place]!.worse, worseAt, to - from, test.prior);
    for (let j = 0; j < wealth.length; j++) sum += scratch[j]!;
    return sum;
  }

  /** The lower bounds of a stratum in flight; computed again only where more has become known of it. */
  private look(stratum: Stratum): void {
    const ledger = this.ledgerOf(stratum);
    if (ledger.known === stratum.known) return;
    ledger.known = stratum.known;
    const counts = pessimistic(stratum.counts, this.worst);
    for (const account of this.accounts) {
      const worse = account.ratios(counts);
      const phi = this.phiOf(account.test, stratum);
      for (let j = 0; j < worse.length; j++) ledger.worse[account.worseAt + j] = factorOf(worse[j]!, phi);
    }
  }

  private ledgerOf({ place, from }: Stratum): Ledger {
    const ledger = (this.ledgers[place] ??= { from, known: Number.NaN, worse: new Float64Array(this.worseWidth), other: new Float64Array(this.otherWidth) });
    if (ledger.from === from) return ledger;
    ledger.from = from;
    ledger.known = Number.NaN;
    return ledger;
  }

  private phiOf(test: TrialTest, stratum: Stratum): number {
    return test.phi === "none" ? this.phi : Math.max(this.phi, stratum.dispersion[test.phi ?? "errors"]);
  }

  private commit(stratum: Stratum): void {
    const ledger = this.ledgerOf(stratum);
    ledger.known = Number.POSITIVE_INFINITY;
    for (const account of this.accounts) {
      const { test, wealth, notWorse, worseAt, otherAt } = account;
      const phi = this.phiOf(test, stratum);
      const worse = account.ratios(stratum.counts);
      const other = account.otherRatios(stratum.counts);
      bet(wealth, worse, stratum.to - stratum.from, phi, test.prior);
      for (let j = 0; j < other.length; j++) notWorse[j]! += other[j]! / phi;
      ledger.worse.set(worse, worseAt);
      ledger.other.set(other, otherAt);
    }
  }

  private amend(stratum: Stratum): void {
    const ledger = this.ledgerOf(stratum);
    // It was taken in by another trial on the same book.
    if (ledger.known !== Number.POSITIVE_INFINITY) return;
    for (const account of this.accounts) {
      const { test, wealth, notWorse, worseAt, otherAt } = account;
      const phi = this.phiOf(test, stratum);
      const worse = account.ratios(stratum.counts);
      const other = account.otherRatios(stratum.counts);
      for (let j = 0; j < worse.length; j++) {
        const now = worse[j]!;
        worse[j] = now - ledger.worse[worseAt + j]!;
        ledger.worse[worseAt + j] = now;
      }
      bet(wealth, worse, 0, phi, test.prior);
      for (let j = 0; j < other.length; j++) notWorse[j]! += (other[j]! - ledger.other[otherAt + j]!) / phi;
      ledger.other.set(other, otherAt);
    }
  }
}
