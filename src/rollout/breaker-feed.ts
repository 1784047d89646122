/** What the breaker reads each tick (JUDGE 5): outcomes since the last one, the baseline's last 2 s, and distinct clients. */
import type { BreakerTick } from "../judge/breaker.ts";
import { counters } from "../observe/layout.ts";
import type { SlotReader } from "../observe/reader.ts";

const baselineMs = 2_000;
/** An exchange that became late was dispatched so long ago; the slab keeps 64 s. */
const lookBackSecondsMax = 60;

interface Outcomes {
  readonly atMs: number;
  readonly bad: number;
  readonly ok: number;
}

export class BreakerFeed {
  /** Distinct cohort shards with a bad outcome, as of when they were last counted. */
  badClients = 0;
  private readonly candidate: SlotReader;
  private readonly baseline: SlotReader;
  private last: { readonly bad: number; readonly ok: number };
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
    this.last = now;
    const baseline = outcomes(this.baseline);
    this.baselinePast.push({ atMs: nowMs, ...baseline });
    while (this.baselinePast.length > 1 && this.baselinePast[1]!.atMs <= nowMs - baselineMs) this.baselinePast.shift();
    const before = this.baselinePast[0]!;
    let clients = 0;
    if (suspicious || bad > 0) clients = this.countClients(Math.floor(nowMs / 1000), lateMs);
    return { bad, ok, baselineBad: baseline.bad - before.bad, baselineOk: baseline.ok - before.ok, badClients: this.badClients, clients };
  }

  private countClients(second: number, lateMs: number): number {
    const back = Math.min(lookBackSecondsMax, Math.ceil(lateMs / 1000) + 2);
    const bad = new Uint32Array(4);
    const all = new Uint32Array(4);
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

const outcomes = (reader: SlotReader): { bad: number; ok: number } => ({ bad: reader.counter(counters.breakerBad), ok: reader.counter(counters.breakerOk) });

function ones(set: Uint32Array): number {
  let count = 0;
  for (let word of set) {
    for (; word !== 0; word &= word - 1) count++;
  }
  return count;
}
