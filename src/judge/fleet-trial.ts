/**
 * A trial over a fleet (JUDGE 7): what trial.ts is to one sidecar's strata, this is to the strata that all sidecars publish. Each
 * stratum's ratios are computed from that sidecar's own counts, against its own edges and with its own phi; only the ratios are
 * summed, in slots of one second.
 *
 * A stratum belongs to the slot in which it was first heard of. When that is depends on dispatches (strata close by their numbers)
 * and on the network, never on an outcome. Until its outcomes are known it speaks provisionally, by a lower bound (counts.ts,
 * `pessimistic`), as in strata.ts. A sum of lower bounds is one, so a breach that is seen early would be committed anyway. Within a slot
 * the capped product min(e^2, M) of a supermartingale M is one too (min is concave), so a slot may be looked at while it fills.
 *
 * Messages may be lost, late, doubled or out of order: a stratum is known by its sidecar and its first second, strata of one sidecar
 * begin in ascending order, and of one stratum only more knowledge replaces less. What never arrives contributes nothing.
 */
import { emptyStratum, pessimistic, type StratumCounts } from "./counts.ts";
import type { Dispersion } from "./dispersion.ts";
import { knowledge } from "./strata.ts";
import type { TrialTest } from "./trial.ts";
import { bet, betFactors, factorOf, inject, newWealth, total } from "./wealth.ts";

/** A closed stratum as its sidecar knows it at the moment. */
export interface MemberStratum {
  /** First dispatch second, on the sidecar's own line. */
  readonly from: number;
  readonly counts: StratumCounts;
  /** As of when it closed. */
  readonly dispersion: Dispersion;
  /** The sidecar has taken it in itself: every outcome is known, or had its time. */
  readonly final: boolean;
}

/** A stratum of which more may become known. */
interface Row {
  readonly slot: Slot;
  readonly bornMs: number;
  known: number;
  final: boolean;
  readonly worse: Float64Array;
  readonly other: Float64Array;
}

interface Slot {
  readonly second: number;
  /** Rows that are not final. */
  open: number;
  /** Its bets are in the wealth; what becomes known later is the difference. */
  committed: boolean;
  readonly worse: Float64Array;
  readonly other: Float64Array;
}

/** A sidecar commits a stratum 5 s after its end; a message may take its time as well. */
const commitAfterMs = 7_000;
/** The slab forgets after 64 s. */
const rememberMs = 66_000;
const slotMs = 1_000;

/** One sidecar's part in the trial. Its tests are the trial's, with the sidecar's own edges and history in them. */
export class FleetMember {
  readonly tests: readonly TrialTest[];
  /** By first second; strata that are wholly known are not kept. */
  readonly rows = new Map<number, Row>();
  lastFrom = Number.NEGATIVE_INFINITY;

  constructor(tests: readonly TrialTest[]) {
    this.tests = tests;
  }
}

interface Account {
  readonly test: TrialTest;
  readonly wealth: Float64Array;
  readonly notWorse: Float64Array;
  readonly worseAt: number;
  readonly otherAt: number;
  provisional: number;
}

export class FleetTrial {
  private readonly accounts: readonly Account[];
  private readonly worseWidth: number;
  private readonly otherWidth: number;
  /** Uncommitted, oldest first. */
  private slots: Slot[] = [];
  private readonly worst = emptyStratum();
  private readonly scratch: Float64Array;
  private changed = false;

  /** @param tests whose alternatives, priors and e-values all members share */
  constructor(tests: readonly TrialTest[]) {
    let [worseAt, otherAt, longest] = [0, 0, 0];
    this.accounts = tests.map((test) => {
      const account = { test, wealth: newWealth(test.alternatives), notWorse: new Float64Array(test.notWorse?.alternatives ?? 0), worseAt, otherAt, provisional: 0 };
      worseAt += test.alternatives;
      otherAt += account.notWorse.length;
      longest = Math.max(longest, test.alternatives);
      return account;
    });
    this.worseWidth = worseAt;
    this.otherWidth = otherAt;
    this.scratch = new Float64Array(longest);
  }

  inject(amount: number): void {
    for (const account of this.accounts) inject(account.wealth, amount, account.test.prior);
    this.changed = true;
  }

  rearm(test: number): void {
    this.accounts[test]!.wealth.fill(0);
    this.changed = true;
  }

  restartNotWorse(): void {
    for (const { notWorse } of this.accounts) notWorse.fill(0);
  }

  /** @param nowMs the leader's. @returns false where nothing new was said */
  offer(member: FleetMember, stratum: MemberStratum, nowMs: number): boolean {
    const known = knowledge(stratum.counts);
    let row = member.rows.get(stratum.from);
    if (row === undefined) {
      // Wholly known already, or so old that a later one was heard of first.
      if (stratum.from <= member.lastFrom) return false;
      member.lastFrom = stratum.from;
      const slot = this.slotAt(nowMs);
      slot.open++;
      row = { slot, bornMs: nowMs, known: -1, final: false, worse: new Float64Array(this.worseWidth), other: new Float64Array(this.otherWidth) };
      member.rows.set(stratum.from, row);
    }
    if (known < row.known || (known === row.known && (row.final || !stratum.final))) return false;
    row.known = known;
    if (stratum.final && !row.final) {
      row.final = true;
      row.slot.open--;
    }
    this.book(member, row, stratum);
    const { counts } = stratum;
    if (row.final && counts.settledC >= counts.nC && counts.settledB >= counts.nB) member.rows.delete(stratum.from);
    this.changed = true;
    return true;
  }

  /** Commits the slots whose time has come. */
  update(nowMs: number): void {
    while (this.slots.length > 0) {
      const slot = this.slots[0]!;
      const overMs = nowMs - (slot.second + 1) * slotMs;
      if (overMs < 0 || (slot.open > 0 && overMs < commitAfterMs)) break;
      this.slots.shift();
      this.commit(slot);
    }
    if (!this.changed) return;
    this.changed = false;
    for (const account of this.accounts) account.provisional = this.provisionalOf(account);
  }

  /** Strata whose sidecar has forgotten them: nothing more can become known. Those that wait for their slot stay until it is committed. */
  forget(member: FleetMember, nowMs: number): void {
    for (const [from, row] of member.rows) if (row.slot.committed && nowMs - row.bornMs > rememberMs) member.rows.delete(from);
  }

  /** S of a test over the fleet, with what is in flight counted for the candidate. As of the last update. */
  wealth(test: number): number {
    const account = this.accounts[test]!;
    return Math.max(account.provisional, total(account.wealth));
  }

  /** E that the candidate is not worse; 0 where the test cannot show it. */
  notWorse(test: number): number {
    const account = this.accounts[test]!;
    return account.test.notWorse?.value(account.notWorse) ?? 0;
  }

  private slotAt(nowMs: number): Slot {
    const second = Math.floor(nowMs / slotMs);
    const last = this.slots.at(-1);
    // A clock that is set back does not reopen what is over.
    if (last !== undefined && last.second >= second) return last;
    const slot: Slot = { second, open: 0, committed: false, worse: new Float64Array(this.worseWidth), other: new Float64Array(this.otherWidth) };
    this.slots.push(slot);
    return slot;
  }

  /** Puts a row's ratios, as they are now, in the place of what was known before. */
  private book({ tests }: FleetMember, row: Row, { counts, dispersion, final }: MemberStratum): void {
    const { slot } = row;
    const speaking = final ? counts : pessimistic(counts, this.worst);
    for (let i = 0; i < this.accounts.length; i++) {
      const { worseAt, otherAt, wealth, notWorse, test } = this.accounts[i]!;
      const own = tests[i]!;
      const phi = Math.max(1, own.phi === "none" ? 1 : dispersion[own.phi ?? "errors"]);
      const worse = new Float64Array(wealth.length);
      own.llr(speaking, worse);
      for (let j = 0; j < worse.length; j++) {
        const now = worse[j]! / phi;
        const more = now - row.worse[worseAt + j]!;
        row.worse[worseAt + j] = now;
        if (slot.committed) worse[j] = more;
        else slot.worse[worseAt + j]! += more;
      }
      if (slot.committed) bet(wealth, worse, 0, 1, test.prior);
      // That it is not worse is shown by what is known, not by bounds.
      if (!final || own.notWorse === null || notWorse.length === 0) continue;
      const other = new Float64Array(notWorse.length);
      own.notWorse.llr(counts, other);
      for (let j = 0; j < other.length; j++) {
        const now = other[j]! / phi;
        const more = now - row.other[otherAt + j]!;
        row.other[otherAt + j] = now;
        if (slot.committed) notWorse[j]! += more;
        else slot.other[otherAt + j]! += more;
      }
    }
  }

  private commit(slot: Slot): void {
    slot.committed = true;
    this.changed = true;
    for (const { test, wealth, notWorse, worseAt, otherAt } of this.accounts) {
      bet(wealth, slot.worse.subarray(worseAt, worseAt + wealth.length), slotMs / 1000, 1, test.prior);
      for (let j = 0; j < notWorse.length; j++) notWorse[j]! += slot.other[otherAt + j]!;
    }
  }

  private provisionalOf({ test, wealth, worseAt }: Account): number {
    const { scratch } = this;
    scratch.set(wealth);
    const factors = new Float64Array(wealth.length);
    for (const slot of this.slots) {
      for (let j = 0; j < factors.length; j++) factors[j] = factorOf(slot.worse[worseAt + j]!, 1);
      betFactors(scratch, wealth.length, factors, 0, slotMs / 1000, test.prior);
    }
    let sum = 0;
    for (let j = 0; j < wealth.length; j++) sum += scratch[j]!;
    return sum;
  }
}
