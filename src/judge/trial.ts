/**
 * A trial: some tests on the same strata, each with its wealth against the candidate, and optionally with the summed
 * evidence that it is not worse. Strata are taken in once; see strata.ts for when, and for why the provisional wealth
 * keeps the promise as well.
 */
import { pessimistic, type StratumCounts } from "./counts.ts";
import type { Dispersion } from "./dispersion.ts";
import type { SidecarRatios } from "./fleet.ts";
import { StrataBook, type Seconds, type Stratum } from "./strata.ts";
import { bet, inject, newWealth, total, type Prior } from "./wealth.ts";

export interface TrialTest {
  readonly alternatives: number;
  /** What is betted on each alternative; evenly where it is absent. */
  readonly prior?: Prior;
  /** Which phi of the stratum divides the ratios; `errors` where it is absent. */
  readonly phi?: Exclude<keyof Dispersion, "rho">;
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

  constructor(test: TrialTest) {
    this.test = test;
    this.wealth = newWealth(test.alternatives);
    this.notWorse = new Float64Array(test.notWorse?.alternatives ?? 0);
  }
}

/** The ratios that a stratum contributed when it was last taken in: what a late outcome is the difference to. */
type Contribution = readonly { readonly worse: Float64Array; readonly notWorse: Float64Array; readonly phi: number }[];

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
  private readonly early = new WeakMap<Stratum, { readonly known: number; readonly ratios: readonly Float64Array[] }>();
  private readonly contributions = new WeakMap<Stratum, Contribution>();
  /** What the last update took in, oldest first. */
  taken: readonly Taken[] = [];
  /** What was known of the strata in flight at the last look; NaN: they must be counted again. */
  private inFlight = 0;

  /** @param phi the least overdispersion, at least 1; the book's own (JUDGE 4.3) may be larger */
  constructor(tests: readonly TrialTest[], book: StrataBook, phi = 1) {
    this.accounts = tests.map((test) => new Account(test));
    this.book = book;
    this.phi = phi;
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

  /** @returns whether any wealth may have changed */
  update(nowMs: number, rows: Seconds): boolean {
    const { committed, amended, provisional } = this.book.update(nowMs, rows);
    for (const stratum of amended) this.amend(stratum);
    this.taken = committed.map((stratum) => this.commit(stratum));
    const changed = committed.length + amended.length > 0;
    if (changed) for (const account of this.accounts) account.notWorseValue = null;
    // Between two looks mostly nothing becomes known.
    let inFlight = provisional.length;
    for (const stratum of provisional) inFlight += stratum.known;
    if (!changed && inFlight === this.inFlight) return false;
    this.inFlight = inFlight;
    const early = provisional.map((stratum) => ({ stratum, ratios: this.earlyRatios(stratum) }));
    this.accounts.forEach((account, i) => {
      const wealth = early.length === 0 ? account.wealth : Float64Array.from(account.wealth);
      for (const { stratum, ratios: of } of early) bet(wealth, of[i]!, stratum.to - stratum.from, this.phiOf(account.test, stratum), account.test.prior);
      account.provisional = total(wealth);
    });
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

  /** The lower bounds of a stratum in flight; computed again only where more has become known of it. */
  private earlyRatios(stratum: Stratum): readonly Float64Array[] {
    const before = this.early.get(stratum);
    if (before?.known === stratum.known) return before.ratios;
    const counts = pessimistic(stratum.counts);
    const now = this.accounts.map(({ test }) => ratios(test, counts));
    this.early.set(stratum, { known: stratum.known, ratios: now });
    return now;
  }

  private phiOf(test: TrialTest, stratum: Stratum): number {
    return Math.max(this.phi, stratum.dispersion[test.phi ?? "errors"]);
  }

  private commit(stratum: Stratum): Taken {
    const contribution = this.accounts.map(({ test, wealth, notWorse }) => {
      const phi = this.phiOf(test, stratum);
      const worse = ratios(test, stratum.counts);
      const other = otherRatios(test, stratum.counts);
      bet(wealth, worse, stratum.to - stratum.from, phi, test.prior);
      for (let j = 0; j < other.length; j++) notWorse[j]! += other[j]! / phi;
      return { worse, notWorse: other, phi };
    });
    this.contributions.set(stratum, contribution);
    return { from: stratum.from, to: stratum.to, tests: contribution.map(({ worse, phi }) => ({ ratios: worse, phi })) };
  }

  private amend(stratum: Stratum): void {
    const before = this.contributions.get(stratum);
    if (before === undefined) return;
    this.contributions.set(stratum, this.accounts.map(({ test, wealth, notWorse }, i) => {
      const { phi } = before[i]!;
      const worse = ratios(test, stratum.counts);
      const other = otherRatios(test, stratum.counts);
      bet(wealth, worse.map((l, j) => l - before[i]!.worse[j]!), 0, phi, test.prior);
      for (let j = 0; j < other.length; j++) notWorse[j]! += (other[j]! - before[i]!.notWorse[j]!) / phi;
      return { worse, notWorse: other, phi };
    }));
  }
}

function ratios(test: TrialTest, counts: StratumCounts): Float64Array {
  const out = new Float64Array(test.alternatives);
  test.llr(counts, out);
  return out;
}

function otherRatios(test: TrialTest, counts: StratumCounts): Float64Array {
  const out = new Float64Array(test.notWorse?.alternatives ?? 0);
  test.notWorse?.llr(counts, out);
  return out;
}
