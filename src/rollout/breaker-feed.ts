/** What the breaker reads each tick (JUDGE 5): outcomes since the last one, the baseline's last 2 s, and distinct clients. */
import type { BreakerTick } from "../judge/breaker.ts";
import { counters } from "../observe/layout.ts";
import type { SlotReader } from "../observe/reader.ts";

const baselineMs = 2_000;
/** What hurts both begins for both at once: the baseline's last moments count where they are worse than its last 2 s. */
const baselineLatelyMs = 300;
const latelyOutcomesMin = 20;
/** An exchange that became late was dispatched so long ago; the slab keeps 64 s. */
const lookBackSecondsMax = 60;

interface Counted {
  readonly bad: number;
  readonly ok: number;
  readonly spread: number;
}

interface Outcomes extends Counted {
  readonly atMs: number;
}

export class BreakerFeed {
  /** Distinct cohort shards with a bad outcome, as of when they were last counted. */
  badClients = 0;
  /** The sets themselves, of 128 shards: with a bad outcome, and all. */
  readonly badShards = new Uint32Array(4);
  readonly shards = new Uint32Array(4);
  /** As of the last tick. */
  baselineNow: { readonly bad: number; readonly ok: number } = { bad: 0, ok: 0 };
  private readonly candidate: SlotReader;
  private readonly baseline: SlotReader;
  private last: Counted;
  private readonly baselinePast: Outcomes[] = [];

  constructor(candidate: SlotReader, baseline: SlotReader) {
    this.candidate = candidate;
    this.baseline = baseline;
    this.last = outcomes(candidate);
  }

  /** @param suspicious whether the clients matter: counting them costs a walk over the rows */
  next(nowMs: number, suspicious: boolean, lateMs: number): BreakerTick {
    const now = outcomes(this.candidate);
    const bad = now.bad - this.last.bad;
    const ok = now.ok - this.last.ok;
    const spread = now.spread - this.last.spread;
    this.last = now;
    this.baselineNow = this.baselineLately(nowMs);
    const { bad: baselineBad, ok: baselineOk } = this.baselineNow;
    let clients = 0;
    if (suspicious || bad > 0) clients = this.countClients(Math.floor(nowMs / 1000), lateMs);
    return { bad, ok, spread, baselineBad, baselineOk, badClients: this.badClients, clients };
  }

  /** The candidate's outcomes since the process began, as of the last tick. */
  get totals(): Counted {
    return this.last;
  }

  private baselineLately(nowMs: number): { bad: number; ok: number } {
    const past = this.baselinePast;
    const now = outcomes(this.baseline);
    past.push({ atMs: nowMs, bad: now.bad, ok: now.ok, spread: now.spread });
    while (past.length > 1 && past[1]!.atMs <= nowMs - baselineMs) past.shift();
    let recent = past.length - 1;
    while (recent > 0 && past[recent]!.atMs > nowMs - baselineLatelyMs) recent--;
    const whole = { bad: now.bad - past[0]!.bad, ok: now.ok - past[0]!.ok };
    const lately = { bad: now.bad - past[recent]!.bad, ok: now.ok - past[recent]!.ok };
    const worse = lately.bad + lately.ok >= latelyOutcomesMin && lately.bad * (whole.bad + whole.ok) > whole.bad * (lately.bad + lately.ok);
    return worse ? lately : whole;
  }

  private countClients(second: number, lateMs: number): number {
    const back = Math.min(lookBackSecondsMax, Math.ceil(lateMs / 1000) + 2);
    const { badShards: bad, shards: all } = this;
    bad.fill(0);
    all.fill(0);
    for (let s = second - back; s <= second; s++) {
      const row = this.candidate.stratum(s);
      if (row === undefined) continue;
      for (let i = 0; i < 4; i++) {
        bad[i]! |= row.errorShards[i]!;
        all[i]! |= row.shards[i]!;
      }
    }
    this.badClients = ones(bad);
    return ones(all);
  }
}

const outcomes = (reader: SlotReader): Counted => ({
  bad: reader.counter(counters.breakerBad), ok: reader.counter(counters.breakerOk), spread: reader.counter(counters.failedSpread),
});

/** How many are in a set of shards. */
export function ones(set: Iterable<number>): number {
  let count = 0;
  for (let word of set) {
    for (; word !== 0; word &= word - 1) count++;
  }
  return count;
}
