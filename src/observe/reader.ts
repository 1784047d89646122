/**
 * The reading side of the slab, on the control thread: sums the threads' parts into totals that never wrap.
 * `refresh` must run more often than any cell can wrap (2^32 requests or bytes: the control loop's 100 ms is ample).
 */
import { counters, errorWord, histogramBuckets, offsets, rowCells, slotOffset, slotWords, strataRows, strataRowWords, threadCounters } from "./layout.ts";
import type { ErrorCode } from "../core/errors.ts";

const cumulativeWords = offsets.strata;
const seriesGauges: readonly number[] = [offsets.counters + counters.inFlight, offsets.counters + counters.tunnels];
const threadGauges: readonly number[] = [offsets.counters + threadCounters.connectionsActive, offsets.counters + threadCounters.upstreamConnectionsActive];

/** One dispatch second of one series, summed over threads. */
export interface StratumRow {
  readonly second: number;
  n: number;
  errors: number;
  settled: number;
  /** Distinct cohort shards (of 128) with an error or a late answer: a lower bound on the distinct clients. */
  readonly errorShards: Uint32Array;
  /** Distinct cohort shards that were dispatched. */
  readonly shards: Uint32Array;
  /** The edges' generation; 0 where the threads disagree or had none: then latency says nothing. */
  generation: number;
  readonly location: Float64Array;
  readonly tails: Float64Array;
}

/** Totals of one slot since the process started. Index 0 is the threads' own slot. */
export class SlotReader {
  readonly slot: number;
  private readonly parts: Uint32Array[];
  private readonly sums: Float64Array[];
  private readonly last: Uint32Array[];
  private readonly totals = new Float64Array(cumulativeWords);
  private readonly gauges: readonly number[];

  constructor(page: SharedArrayBuffer, slot: number, threads: number) {
    this.slot = slot;
    this.gauges = slot === 0 ? threadGauges : seriesGauges;
    const starts = Array.from({ length: threads }, (_, thread) => slotOffset(slot, thread) * 4);
    this.parts = starts.map((start) => new Uint32Array(page, start, slotWords));
    this.sums = starts.map((start) => new Float64Array(page, start, 2));
    this.last = starts.map(() => new Uint32Array(cumulativeWords));
  }

  /** Takes in what was counted since the last call. */
  refresh(): void {
    for (let t = 0; t < this.parts.length; t++) {
      const part = this.parts[t]!;
      const last = this.last[t]!;
      for (let i = offsets.counters; i < cumulativeWords; i++) {
        const now = part[i]!;
        const delta = (now - last[i]!) >>> 0;
        if (delta === 0) continue;
        this.totals[i]! += delta;
        last[i] = now;
      }
    }
    for (const gauge of this.gauges) {
      let sum = 0;
      for (const part of this.parts) sum += part[gauge]! | 0;
      this.totals[gauge] = Math.max(0, sum);
    }
  }

  /** A cell of `counters` (or of `threadCounters` for slot 0), as of the last refresh. */
  counter(cell: number): number {
    return this.totals[offsets.counters + cell]!;
  }

  error(code: ErrorCode): number {
    return this.totals[errorWord(code)]!;
  }

  /** A live view of 768 counts: copy what is kept. */
  histogram(which: "firstByte" | "total"): Float64Array {
    return this.totals.subarray(offsets[which], offsets[which] + histogramBuckets);
  }

  /** Sum of the latencies in microseconds. */
  sumMicros(which: "firstByte" | "total"): number {
    let sum = 0;
    for (const part of this.sums) sum += part[which === "firstByte" ? 0 : 1]!;
    return sum;
  }

  /** The row of a dispatch second, read straight from the slab; undefined where no thread has one. */
  stratum(second: number): StratumRow | undefined {
    const at = offsets.strata + (second % strataRows) * strataRowWords;
    let row: StratumRow | undefined;
    for (const part of this.parts) {
      if (part[at] !== second) continue;
      row ??= {
        second, n: 0, errors: 0, settled: 0, generation: part[at + rowCells.generation]!,
        errorShards: new Uint32Array(4), shards: new Uint32Array(4), location: new Float64Array(16), tails: new Float64Array(3),
      };
      row.n += part[at + rowCells.n]!;
      row.errors += part[at + rowCells.errors]!;
      row.settled += part[at + rowCells.settled]!;
      if (part[at + rowCells.generation] !== row.generation) row.generation = 0;
      for (let i = 0; i < 4; i++) {
        row.errorShards[i]! |= part[at + rowCells.errorShards + i]!;
        row.shards[i]! |= part[at + rowCells.shards + i]!;
      }
      for (let i = 0; i < 16; i++) row.location[i]! += part[at + rowCells.location + i]!;
      for (let i = 0; i < 3; i++) row.tails[i]! += part[at + rowCells.tails + i]!;
    }
    return row;
  }
}
