/** One variant as the control thread sees it: its slot's reader, the last 10 s, and what came since a mark. */
import { quantile } from "../observe/histogram.ts";
import { counters, histogramBuckets } from "../observe/layout.ts";
import type { SlotReader } from "../observe/reader.ts";
import { SlotWindow } from "../observe/window.ts";
import type { VariantWindow } from "./types.ts";

export const emptyWindow: VariantWindow = { requests: 0, settled: 0, failed: 0, errorRate: null, p50Ms: null, p95Ms: null, p99Ms: null };

type Quantiles = Pick<VariantWindow, "p50Ms" | "p95Ms" | "p99Ms">;

export class VariantView {
  readonly reader: SlotReader;
  private readonly window: SlotWindow;
  private readonly counts = new Uint32Array(histogramBuckets);
  private cached: Quantiles = emptyWindow;
  private cachedAtMs = Number.NEGATIVE_INFINITY;

  constructor(reader: SlotReader, nowMs: number) {
    this.reader = reader;
    this.window = new SlotWindow(reader, nowMs);
  }

  tick(nowMs: number): void {
    this.window.tick(nowMs);
  }

  get requests(): number {
    return this.reader.counter(counters.requests);
  }

  get settled(): number {
    return this.reader.counter(counters.settled);
  }

  get failed(): number {
    return this.reader.counter(counters.failed);
  }

  /** The last 10 s. Counts are of now; the quantiles, which cost a walk over the histogram, of at most a second ago. */
  recent(nowMs: number): VariantWindow {
    const { window } = this;
    if (nowMs - this.cachedAtMs >= 1_000) {
      this.cachedAtMs = nowMs;
      this.cached = quantiles(window.firstByte(this.counts));
    }
    const requests = Math.max(0, window.count(counters.requests));
    const settled = Math.max(0, window.count(counters.settled));
    const failed = Math.max(0, window.count(counters.failed));
    // Field by field: it is made twice for each rollout and look.
    const { p50Ms, p95Ms, p99Ms } = this.cached;
    return { requests, settled, failed, errorRate: rate(failed, settled), p50Ms, p95Ms, p99Ms };
  }

  mark(): Mark {
    return new Mark(this);
  }
}

/** Totals at one moment, and what came since. */
export class Mark {
  private readonly view: VariantView;
  private readonly requests: number;
  private readonly settled: number;
  private readonly failed: number;
  private readonly firstByte: Float64Array;

  constructor(view: VariantView) {
    this.view = view;
    this.requests = view.requests;
    this.settled = view.settled;
    this.failed = view.failed;
    this.firstByte = Float64Array.from(view.reader.histogram("firstByte"));
  }

  since(): VariantWindow {
    const { view } = this;
    const settled = view.settled - this.settled;
    const failed = view.failed - this.failed;
    const now = view.reader.histogram("firstByte");
    return {
      requests: view.requests - this.requests, settled, failed, errorRate: rate(failed, settled),
      ...quantiles(this.firstByte.map((count, i) => now[i]! - count)),
    };
  }

  get requestsSince(): number {
    return this.view.requests - this.requests;
  }

  get settledSince(): number {
    return this.view.settled - this.settled;
  }
}

/** An answer that breaks after its first byte fails a second after it settled: the rate is capped. */
const rate = (failed: number, settled: number): number | null => (settled > 0 ? Math.min(1, failed / settled) : null);

function quantiles(counts: ArrayLike<number>): Quantiles {
  const of = (q: number): number | null => {
    const micros = quantile(counts, q);
    return Number.isNaN(micros) ? null : micros / 1000;
  };
  return counts.length === histogramBuckets ? { p50Ms: of(0.5), p95Ms: of(0.95), p99Ms: of(0.99) } : { p50Ms: null, p95Ms: null, p99Ms: null };
}
