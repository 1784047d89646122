/**
 * What was observed lately: a ring of each series' totals, one sample a second, subtracted from the totals of now. For
 * people and pages; the judge has its own strata (JUDGE 1). Reads what the last `Slab.refresh` took in.
 */
import type { Clock } from "../core/clock.ts";
import type { ErrorCode } from "../core/errors.ts";
import { quantile } from "./histogram.ts";
import { counters, errorWord, histogramBuckets, offsets } from "./layout.ts";
import type { SlotReader } from "./reader.ts";
import type { Slab } from "./slab.ts";

/** Length of the window; a younger series has a shorter one. */
export const windowSecondsMax = 10;
const sampleEveryMs = 1000;
const ringSamples = windowSecondsMax + 1;
/** Counters and errors lie together; they are kept as float64, because bytes may pass 2^32 within a window. */
const cellsFrom = offsets.counters;
const cellsCount = offsets.firstByte - offsets.counters;

interface Sample {
  atMs: number;
  readonly cells: Float64Array;
  /** Modulo 2^32, which halves the ring's memory: no bucket counts so much within a window. */
  readonly firstByte: Uint32Array;
}

/** The last seconds of one slot (of a series, or slot 0 of the threads themselves): about 44 KiB. */
export class SlotWindow {
  private readonly reader: SlotReader;
  private readonly samples: Sample[] = [];
  private oldest = 0;
  private nowMs: number;

  constructor(reader: SlotReader, nowMs: number) {
    this.reader = reader;
    this.nowMs = nowMs;
    this.sample(nowMs);
  }

  /** Takes a sample when a second has passed since the last one; call it at any pace up to that. */
  tick(nowMs: number): void {
    this.nowMs = nowMs;
    const newest = this.samples[(this.oldest + this.samples.length - 1) % this.samples.length]!;
    // The tolerance keeps a caller who ticks each second, and is a little early, from sampling every other second.
    if (nowMs - newest.atMs >= sampleEveryMs - sampleEveryMs / 20) this.sample(nowMs);
  }

  /** Length of the window in seconds; 0 for one that has just begun. */
  get seconds(): number {
    return Math.max(0, this.nowMs - this.samples[this.oldest]!.atMs) / 1000;
  }

  /** What a cell of `counters` (`threadCounters` for slot 0) counted within the window. Not for gauges. */
  count(cell: number): number {
    return this.since(offsets.counters + cell);
  }

  /** How often a reason was counted within the window. */
  error(code: ErrorCode): number {
    return this.since(errorWord(code));
  }

  /** A cell's count per second; 0 while the window is empty. */
  rate(cell: number): number {
    const { seconds } = this;
    return seconds > 0 ? this.count(cell) / seconds : 0;
  }

  /** Failed outcomes over settled ones, 0 ... 1; null where nothing has settled: no data is never success. */
  errorRate(): number | null {
    const settled = this.count(counters.settled);
    return settled > 0 ? Math.min(1, this.count(counters.failed) / settled) : null;
  }

  /** The window's own first-byte histogram, in the slab's buckets. @param into is overwritten, and returned */
  firstByte(into = new Uint32Array(histogramBuckets)): Uint32Array {
    const now = this.reader.histogram("firstByte");
    const then = this.samples[this.oldest]!.firstByte;
    for (let i = 0; i < histogramBuckets; i++) into[i] = now[i]! - then[i]!;
    return into;
  }

  /** First-byte quantiles of the window. @param qs each 0 ... 1. @returns microseconds; null for a window without answers */
  firstByteQuantiles(qs: readonly number[]): (number | null)[] {
    const counts = this.firstByte();
    return qs.map((q) => {
      const micros = quantile(counts, q);
      return Number.isNaN(micros) ? null : micros;
    });
  }

  private since(word: number): number {
    return this.reader.counter(word - offsets.counters) - this.samples[this.oldest]!.cells[word - cellsFrom]!;
  }

  private sample(atMs: number): void {
    let into = this.samples[this.oldest];
    if (this.samples.length < ringSamples) {
      into = { atMs, cells: new Float64Array(cellsCount), firstByte: new Uint32Array(histogramBuckets) };
      this.samples.push(into);
    } else {
      this.oldest = (this.oldest + 1) % ringSamples;
    }
    into!.atMs = atMs;
    this.reader.copyCounters(into!.cells);
    into!.firstByte.set(this.reader.histogram("firstByte"));
  }
}

/** The windows of all series that are in use. */
export class Windows {
  private readonly slab: Slab;
  private readonly clock: Clock;
  private windows = new Map<number, SlotWindow>();

  constructor(slab: Slab, clock: Clock) {
    this.slab = slab;
    this.clock = clock;
  }

  /** Follows exactly these slots from now on; a series that left the configuration gives its memory back. */
  follow(slots: Iterable<number>): void {
    const kept = new Map<number, SlotWindow>();
    for (const slot of slots) kept.set(slot, this.windows.get(slot) ?? this.start(slot));
    this.windows = kept;
  }

  /** After each `Slab.refresh`. */
  tick(): void {
    const nowMs = this.clock.monotonicMs();
    for (const window of this.windows.values()) window.tick(nowMs);
  }

  /** The window of a slot; a slot that was not followed yet is from now on, with an empty window. */
  of(slot: number): SlotWindow {
    let window = this.windows.get(slot);
    if (window === undefined) this.windows.set(slot, (window = this.start(slot)));
    return window;
  }

  private start(slot: number): SlotWindow {
    return new SlotWindow(this.slab.reader(slot), this.clock.monotonicMs());
  }
}
