/**
 * Which dispatch seconds make a stratum, and when it is taken in (JUDGE 1).
 *
 * A stratum closes after a second if it holds at least 25 requests, at the latest after 10 s: only the number of
 * *dispatched* requests decides, never an outcome, so no rule here can favour a verdict. It is taken in (committed), in
 * order, once every outcome is known, or 5 s after its end: by then both variants have had the same time to answer. What
 * arrives later is booked with the stratum's own share: the ratio is recomputed, and the wealth is moved by the
 * difference. After 60 s the slab's ring forgets the row; what is still in flight then, the breaker saw long ago.
 *
 * Between its end and its commit a stratum already speaks, provisionally: its ratio is computed from the counts as they
 * will be in the worst case for the accusation (counts.ts, `pessimistic`). Along every path that is a lower bound on
 * what will be committed at full knowledge, bets are monotone in the ratio, and the order of the strata is fixed; so the provisional wealth
 * never exceeds a wealth that the supermartingale really takes, and a breach that it shows is a breach that would be
 * committed anyway. Looking early, at any time, as often as one likes, therefore costs nothing of alpha. A hanging
 * candidate thus shows in the tails while its requests are in flight: what has passed an edge is known to exceed it.
 */
import { addSecond, clearStratum, emptyStratum, type LatencyCounts, type SecondCounts, type StratumCounts } from "./counts.ts";
import { independent, type Dispersion } from "./dispersion.ts";

export interface Seconds {
  candidate(second: number): SecondCounts | undefined;
  baseline(second: number): SecondCounts | undefined;
  /**
   * A number that changes whenever a count of the second does, once all of its outcomes are known; NaN before. Where the
   * source has it, strata that nothing happened to are not read again.
   */
  fingerprint?(second: number): number;
}

const requestsMin = 25;
const secondsMax = 10;
/** A dispatch that was counted a moment after its second ended. */
const closeAfterMs = 50;
const commitAfterMs = 5_000;
/** A stratum that closed a second ago is looked at so often; before, at every look. */
const readEveryMs = 400;
const secondMs = 1_000;
/** Many books take in what closed at a second's end over three looks. */
const spreadMs = 300;
/** The slab keeps 64 s. */
const forgetAfterSeconds = 60;

/** Valid until the slab has forgotten it: then the same object stands for another stratum. */
export interface Stratum {
  /** Its place among those that the book remembers, 0, 1, ...; free again when it is forgotten. */
  readonly place: number;
  /** Dispatch seconds [from, to). */
  from: number;
  to: number;
  /** As it was known when the stratum closed. */
  dispersion: Dispersion;
  counts: StratumCounts;
  /** Grows with whatever becomes known of the stratum. */
  known: number;
  /** Of its seconds, as of the last reading; NaN while outcomes are missing. */
  fingerprint: number;
  /** It is not looked at before: what is long in flight changes slowly. */
  nextReadMs: number;
}

export interface StrataChange {
  /** Taken in now, oldest first. */
  readonly committed: readonly Stratum[];
  /** Taken in before, but more has become known of them: `counts` is new. */
  readonly amended: readonly Stratum[];
  /** Closed, but not final. */
  readonly provisional: readonly Stratum[];
}

const nothing: readonly Stratum[] = [];
export const noChange: StrataChange = { committed: nothing, amended: nothing, provisional: nothing };

export class StrataBook {
  private next: number;
  private openFrom: number;
  private openRequests = 0;
  private readonly closed: Stratum[] = [];
  /** In the order in which they closed, as `closed`. */
  private readonly booked: Stratum[] = [];
  private amendedAt: number;
  private latencyFrom: number;
  private readonly dispersion: (from: number) => Dispersion;
  private readonly turnMs: number;
  /** What is used again: many rollouts remember a minute each, and collecting that as garbage took longer than judging. */
  private readonly free: Stratum[] = [];
  private readonly spare: LatencyCounts[] = [];
  private counting = emptyStratum();
  private places = 0;

  /**
   * @param second the first dispatch second that counts
   * @param latencyFrom the first one whose latency counts: after the candidate's warm-up
   * @param dispersion asked when a stratum closes, with its first second: from what was seen before (JUDGE 4)
   * @param turnMs 0 ... 900: when within a second old strata are looked at, so that many rollouts need not do it at once
   */
  constructor(second: number, latencyFrom: number, dispersion: (from: number) => Dispersion = () => independent, turnMs = 0) {
    this.dispersion = dispersion;
    this.turnMs = turnMs;
    this.next = second;
    this.openFrom = second;
    this.amendedAt = second;
    this.latencyFrom = latencyFrom;
  }

  /** Ends or starts a warm-up: latency counts from this second on; infinite while the candidate is cold. */
  judgeLatencyFrom(second: number): void {
    this.latencyFrom = second;
  }

  /**
   * @param nowMs on the line of the dispatch seconds
   * @param patient whether strata that have just closed may wait for this book's turn, up to 200 ms, before anything is read of them. Where
   *   they close is never put off, so it cannot depend on what was observed.
   */
  update(nowMs: number, rows: Seconds, patient = false): StrataChange {
    this.close(nowMs, rows);
    const waitMs = closeAfterMs + (patient ? this.turnMs % spreadMs : 0);
    const waits = (stratum: Stratum): boolean => stratum.known < 0 && nowMs < stratum.to * secondMs + waitMs;
    let committed: Stratum[] | undefined;
    while (this.closed.length > 0 && !waits(this.closed[0]!)) {
      const stratum = this.closed[0]!;
      this.readOpen(stratum, nowMs, rows);
      const { counts } = stratum;
      const final = counts.settledC >= counts.nC && counts.settledB >= counts.nB;
      if (!final && nowMs < stratum.to * 1000 + commitAfterMs) break;
      this.closed.shift();
      (committed ??= []).push(stratum);
    }
    let waiting = false;
    for (const stratum of this.closed) {
      if (waits(stratum)) waiting = true;
      else if (stratum !== this.closed[0]) this.readOpen(stratum, nowMs, rows);
    }
    const amended = this.amend(nowMs, rows);
    if (committed !== undefined) for (const stratum of committed) this.booked.push(stratum);
    return { committed: committed ?? nothing, amended, provisional: waiting ? this.closed.filter((stratum) => stratum.known >= 0) : this.closed };
  }

  private close(nowMs: number, rows: Seconds): void {
    const now = Math.floor(nowMs / 1000);
    if (now - this.next > forgetAfterSeconds) {
      // The control thread was away for longer than the slab remembers.
      this.next = now - forgetAfterSeconds;
      this.openFrom = this.next;
      this.openRequests = 0;
    }
    while ((this.next + 1) * 1000 + closeAfterMs <= nowMs) {
      this.openRequests += (rows.candidate(this.next)?.n ?? 0) + (rows.baseline(this.next)?.n ?? 0);
      this.next++;
      if (this.openRequests < requestsMin && this.next - this.openFrom < secondsMax) continue;
      if (this.openRequests > 0) this.closed.push(this.newStratum());
      this.openFrom = this.next;
      this.openRequests = 0;
    }
  }

  private newStratum(): Stratum {
    const dispersion = this.dispersion(this.openFrom);
    const stratum = this.free.pop() ?? { place: this.places++, from: 0, to: 0, dispersion, counts: emptyStratum(), known: -1, fingerprint: Number.NaN, nextReadMs: 0 };
    stratum.from = this.openFrom;
    stratum.to = this.next;
    stratum.dispersion = dispersion;
    clearStratum(stratum.counts, this.spare);
    stratum.known = -1;
    stratum.fingerprint = Number.NaN;
    stratum.nextReadMs = 0;
    return stratum;
  }

  /** Once a second: late outcomes of the strata that were taken in before. */
  private amend(nowMs: number, rows: Seconds): readonly Stratum[] {
    const at = Math.floor((nowMs - this.turnMs) / secondMs);
    if (at === this.amendedAt) return nothing;
    this.amendedAt = at;
    const now = Math.floor(nowMs / secondMs);
    let forgotten = 0;
    while (forgotten < this.booked.length && now - this.booked[forgotten]!.from >= forgetAfterSeconds) forgotten++;
    if (forgotten > 0) this.free.push(...this.booked.splice(0, forgotten));
    let amended: Stratum[] | undefined;
    for (const stratum of this.booked) if (this.read(stratum, rows)) (amended ??= []).push(stratum);
    return amended ?? nothing;
  }

  private readOpen(stratum: Stratum, nowMs: number, rows: Seconds): void {
    const overdueMs = nowMs - stratum.to * 1000 - commitAfterMs;
    if (nowMs < stratum.nextReadMs && overdueMs < 0) return;
    // The first pause is shorter: rollouts whose strata closed together are not read together.
    if (nowMs >= stratum.to * 1000 + 1000) stratum.nextReadMs = nowMs + readEveryMs - (stratum.nextReadMs === 0 ? this.turnMs % readEveryMs : 0);
    this.read(stratum, rows);
  }

  /** @returns whether anything has become known since the last time */
  private read(stratum: Stratum, rows: Seconds): boolean {
    let fingerprint = rows.fingerprint === undefined ? Number.NaN : 0;
    if (rows.fingerprint !== undefined) for (let second = stratum.from; second < stratum.to; second++) fingerprint += rows.fingerprint(second);
    // NaN is unequal to itself.
    if (fingerprint === stratum.fingerprint) return false;
    stratum.fingerprint = fingerprint;
    const counts = this.counting;
    clearStratum(counts, this.spare);
    counts.rhoMin = stratum.dispersion.rho;
    counts.odds = stratum.dispersion.odds ?? null;
    for (let second = stratum.from; second < stratum.to; second++) {
      addSecond(counts, rows.candidate(second), rows.baseline(second), second >= this.latencyFrom, this.spare);
    }
    const known = knowledge(counts);
    // Less than before: the ring has come round.
    if (known <= stratum.known) return false;
    this.counting = stratum.counts;
    stratum.counts = counts;
    stratum.known = known;
    return true;
  }
}

/** Every cell only ever grows, so the sum changes exactly when something has become known. */
export function knowledge(s: StratumCounts): number {
  let sum = s.nC + s.nB + s.errorsC + s.errorsB + s.settledC + s.settledB;
  for (let k = 0; k < s.goalsC.length; k++) sum += s.goalsC[k]! + s.goalsB[k]!;
  for (const g of s.numbers) sum += g.nC + g.nB;
  for (const g of s.latency) {
    for (let y = 0; y < g.locationC.length; y++) sum += g.locationC[y]! + g.locationB[y]!;
    for (let k = 0; k < g.tailsC.length; k++) sum += g.tailsC[k]! + g.tailsB[k]!;
  }
  return sum;
}
