/**
 * The reading side of the slab, on the control thread: sums the threads' parts into totals that never wrap.
 * `refresh` must run more often than any cell can wrap (2^32 requests or bytes: the control loop's 100 ms is ample). It takes in the
 * counters; a histogram, which is twelve times as long, is taken in when somebody asks for it, and now and then by itself.
 */
import {
  blockCells, blockRing, blockWords, counters, cumulativeWords, endpointShards, errorShards, errorWord, histogramBuckets, latencyShards, offsets, rowCells,
  goalsMax, numberBuckets, numberClasses, slotOffset, slotWords, strataRows, strataRowWords, tailEdges, threadCounters,
} from "./layout.ts";
import type { ErrorCode } from "../core/errors.ts";

/** So many refreshes may pass before a histogram is taken in unasked: a minute of the control loop, far from wrapping. */
const histogramEvery = 600;
const seriesGauges: readonly number[] = [offsets.counters + counters.inFlight, offsets.counters + counters.tunnels];
const threadGauges: readonly number[] = [offsets.counters + threadCounters.connectionsActive, offsets.counters + threadCounters.upstreamConnectionsActive];

/** One dispatch second of one series, summed over threads. Live: it is overwritten by the next read. */
export interface StratumRow {
  second: number;
  n: number;
  /** Deduplicated by client. */
  errors: number;
  /** Deduplicated, and without a single endpoint's excess. */
  errorsSpread: number;
  errorsRaw: number;
  settled: number;
  /** Distinct cohort shards (of 128) with an error or a late answer: a lower bound on the distinct clients. */
  readonly errorShards: Uint32Array;
  /** Distinct cohort shards that were dispatched. */
  readonly shards: Uint32Array;
  /** The edges' generation; 0 where the threads disagree or had none: then latency says nothing. */
  generation: number;
  readonly location: Float64Array;
  readonly tails: Float64Array;
  /** Conversions by goal. */
  readonly goals: Float64Array;
  /** Classes of a custom limit's numbers, and the generation of their edges; 0 where the threads disagree or had none. */
  readonly numbers: Float64Array;
  numberGeneration: number;
}

/** What the split gave to one series in one second, summed over threads. */
export interface GivenRow {
  n: number;
  cohorts: number;
}

/** Ten seconds of one series by unit, summed over threads: see `blockCells`. Live arrays: they are overwritten by the next read. */
export interface BlockRow {
  classSquares: number;
  readonly errors: Float64Array;
  readonly classed: Float64Array;
  readonly classSum: Float64Array;
  readonly slow: Float64Array;
  readonly endpointErrors: Float64Array;
  readonly endpointClassed: Float64Array;
  readonly endpointClassSum: Float64Array;
  readonly endpointSlow: Float64Array;
}

/** Totals of one slot since the process started. Index 0 is the threads' own slot. */
export class SlotReader {
  readonly slot: number;
  private readonly parts: Uint32Array[];
  private readonly sums: Float64Array[];
  private readonly last: Uint32Array[];
  private readonly totals = new Float64Array(cumulativeWords);
  private readonly gauges: readonly number[];
  private refreshes: number;
  private readonly row: StratumRow = {
    second: 0, n: 0, errors: 0, errorsSpread: 0, errorsRaw: 0, settled: 0, generation: 0,
    errorShards: new Uint32Array(4), shards: new Uint32Array(4), location: new Float64Array(16), tails: new Float64Array(tailEdges), goals: new Float64Array(goalsMax), numbers: new Float64Array(numberClasses), numberGeneration: 0,
  };
  private blockRow: BlockRow | undefined;

  constructor(page: SharedArrayBuffer, slot: number, threads: number) {
    this.slot = slot;
    // Slots take turns.
    this.refreshes = slot % histogramEvery;
    this.gauges = slot === 0 ? threadGauges : seriesGauges;
    const starts = Array.from({ length: threads }, (_, thread) => slotOffset(slot, thread) * 4);
    this.parts = starts.map((start) => new Uint32Array(page, start, slotWords));
    this.sums = starts.map((start) => new Float64Array(page, start, 2));
    this.last = starts.map(() => new Uint32Array(cumulativeWords));
  }

  /** Takes in what was counted since the last call. */
  refresh(): void {
    this.take(offsets.counters, offsets.firstByte);
    if (++this.refreshes % histogramEvery === 0) this.take(offsets.firstByte, cumulativeWords);
    for (const gauge of this.gauges) {
      let sum = 0;
      for (const part of this.parts) sum += part[gauge]! | 0;
      this.totals[gauge] = Math.max(0, sum);
    }
  }

  private take(from: number, to: number): void {
    for (let t = 0; t < this.parts.length; t++) {
      const part = this.parts[t]!;
      const last = this.last[t]!;
      for (let i = from; i < to; i++) {
        const now = part[i]!;
        const delta = (now - last[i]!) >>> 0;
        if (delta === 0) continue;
        this.totals[i]! += delta;
        last[i] = now;
      }
    }
  }

  /** A cell of `counters` (or of `threadCounters` for slot 0), as of the last refresh. */
  counter(cell: number): number {
    return this.totals[offsets.counters + cell]!;
  }

  /** @param into gets the first cells from `offsets.counters` on, as of the last refresh */
  copyCounters(into: Float64Array): void {
    into.set(this.totals.subarray(offsets.counters, offsets.counters + into.length));
  }

  error(code: ErrorCode): number {
    return this.totals[errorWord(code)]!;
  }

  /** A live view of 768 counts, as of now: copy what is kept. */
  histogram(which: "firstByte" | "total"): Float64Array {
    this.take(offsets[which], offsets[which] + histogramBuckets);
    return this.totals.subarray(offsets[which], offsets[which] + histogramBuckets);
  }

  /** Sum of the latencies in microseconds. */
  sumMicros(which: "firstByte" | "total"): number {
    let sum = 0;
    for (const part of this.sums) sum += part[which === "firstByte" ? 0 : 1]!;
    return sum;
  }

  /** The row of a dispatch second, read straight from the slab into the reader's own row; undefined where no thread has one. */
  stratum(second: number): StratumRow | undefined {
    const at = offsets.strata + (second % strataRows) * strataRowWords;
    let row: StratumRow | undefined;
    for (const part of this.parts) {
      if (part[at] !== second) continue;
      if (row === undefined) {
        row = this.row;
        clearRow(row, second, part[at + rowCells.generation]!);
        row.numberGeneration = part[at + rowCells.numberGeneration]!;
      }
      row.n += part[at + rowCells.n]!;
      row.errors += part[at + rowCells.errors]!;
      row.errorsSpread += part[at + rowCells.errorsSpread]!;
      row.errorsRaw += part[at + rowCells.errorsRaw]!;
      row.settled += part[at + rowCells.settled]!;
      if (part[at + rowCells.generation] !== row.generation) row.generation = 0;
      for (let i = 0; i < 4; i++) {
        row.errorShards[i]! |= part[at + rowCells.errorShards + i]!;
        row.shards[i]! |= part[at + rowCells.shards + i]!;
      }
      for (let i = 0; i < 16; i++) row.location[i]! += part[at + rowCells.location + i]!;
      const numberGeneration = part[at + rowCells.numberGeneration]!;
      if (numberGeneration !== row.numberGeneration) row.numberGeneration = 0;
      // Few routes have one.
      if (numberGeneration !== 0) for (let i = 0; i < numberClasses; i++) row.numbers[i]! += part[at + rowCells.numbers + i]!;
      for (let i = 0; i < goalsMax; i++) row.goals[i]! += part[at + rowCells.goals + i]!;
      for (let i = 0; i < tailEdges; i++) row.tails[i]! += part[at + rowCells.tails + i]!;
    }
    return row;
  }

  /** Takes in a custom limit's numbers by bucket. @param into is added to. @param last what `into` has, modulo 2^32: the caller's, because few ask */
  numbers(into: Float64Array, last: Uint32Array): void {
    for (let i = 0; i < numberBuckets; i++) {
      let sum = 0;
      for (const part of this.parts) sum += part[offsets.numbers + i]!;
      const delta = (sum - last[i]!) >>> 0;
      if (delta === 0) continue;
      into[i]! += delta;
      last[i] = sum;
    }
  }

  /** How much was given in a dispatch second. @param into is added to */
  addGiven(second: number, into: GivenRow): void {
    const at = offsets.strata + (second % strataRows) * strataRowWords;
    for (const part of this.parts) {
      if (part[at] !== second) continue;
      into.n += part[at + rowCells.n]!;
      into.cohorts += part[at + rowCells.cohorts]!;
    }
  }

  /**
   * Whether a row has changed, without reading it whole: a number that differs whenever a count does once all outcomes are known. An
   * answer that breaks later adds an error and nothing else, so n and the errors say it all then.
   * @returns NaN while outcomes are missing; 0 where no thread has the row
   */
  fingerprint(second: number): number {
    const at = offsets.strata + (second % strataRows) * strataRowWords;
    let n = 0;
    let settled = 0;
    let errors = 0;
    for (const part of this.parts) {
      if (part[at] !== second) continue;
      n += part[at + rowCells.n]!;
      settled += part[at + rowCells.settled]!;
      errors += part[at + rowCells.errorsRaw]!;
    }
    return settled < n ? Number.NaN : n + errors;
  }

  /** A block of 10 s, `floor(second / 10)`, read into the reader's own arrays; undefined where no thread has it. */
  block(block: number): BlockRow | undefined {
    const at = offsets.blocks + (block % blockRing) * blockWords;
    let into: BlockRow | undefined;
    for (const part of this.parts) {
      if (part[at] !== block) continue;
      if (into === undefined) {
        into = this.blockRow ??= emptyBlock();
        clear(into);
      }
      into.classSquares += part[at + blockCells.classSquares]!;
      addCells(into.errors, part, at + blockCells.errors);
      addCells(into.classed, part, at + blockCells.classed);
      addCells(into.classSum, part, at + blockCells.classSum);
      addCells(into.slow, part, at + blockCells.slow);
      addCells(into.endpointErrors, part, at + blockCells.endpointErrors);
      addCells(into.endpointClassed, part, at + blockCells.endpointClassed);
      addCells(into.endpointClassSum, part, at + blockCells.endpointClassSum);
      addCells(into.endpointSlow, part, at + blockCells.endpointSlow);
    }
    return into;
  }
}

function addCells(into: Float64Array, part: Uint32Array, from: number): void {
  for (let i = 0; i < into.length; i++) into[i]! += part[from + i]!;
}

function clearRow(row: StratumRow, second: number, generation: number): void {
  row.second = second;
  row.generation = generation;
  row.n = row.errors = row.errorsSpread = row.errorsRaw = row.settled = 0;
  for (const cells of [row.errorShards, row.shards, row.location, row.tails, row.goals, row.numbers]) cells.fill(0);
}

function clear(row: BlockRow): void {
  row.classSquares = 0;
  for (const cells of [row.errors, row.classed, row.classSum, row.slow, row.endpointErrors, row.endpointClassed, row.endpointClassSum, row.endpointSlow]) cells.fill(0);
}

const emptyBlock = (): BlockRow => ({
  classSquares: 0,
  errors: new Float64Array(errorShards), classed: new Float64Array(latencyShards), classSum: new Float64Array(latencyShards), slow: new Float64Array(latencyShards),
  endpointErrors: new Float64Array(endpointShards), endpointClassed: new Float64Array(endpointShards),
  endpointClassSum: new Float64Array(endpointShards), endpointSlow: new Float64Array(endpointShards),
});
