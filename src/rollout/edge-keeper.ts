/**
 * Keeps a rollout's latency edges fresh: new ones from each finished window of baseline traffic (JUDGE 2). Edges must be
 * older than what they classify, and nothing else: so the first ones come early and coarse, rather than late.
 */
import { bucketLower } from "../observe/histogram.ts";
import { histogramBuckets } from "../observe/layout.ts";
import { latencyModel, type EdgeMargins, type LatencyModel } from "../judge/edges.ts";

/** When a window is enough for edges: any of these. */
interface WindowRule {
  readonly requests: number;
  readonly ms: number;
}
const firstEdges: readonly WindowRule[] = [{ requests: 200, ms: 1_000 }, { requests: 100, ms: 10_000 }];
const secondEdges: readonly WindowRule[] = [{ requests: 2_000, ms: 5_000 }, { requests: 500, ms: 60_000 }];
const laterEdges: readonly WindowRule[] = [{ requests: 2_000, ms: 15_000 }, { requests: 500, ms: 60_000 }];

/**
 * The late edge: so many times the baseline's p95, at least so much, and below the first-byte timeout. The breaker trips
 * at three late exchanges in ten, so a few slow requests (the p99, a cold start) need not hold it back.
 */
const lateTimesP95 = 5;
const lateMinMs = 1_000;
const lateShareOfTimeout = 0.8;
/** Before any baseline history: a share of the timeout, or a fixed time where the route has none. */
const earlyLateShareOfTimeout = 0.5;
const earlyLateMs = 5_000;

export class EdgeKeeper {
  private readonly margins: EdgeMargins;
  private readonly timeoutMs: number;
  private readonly windowStart = new Float64Array(histogramBuckets);
  private windowStartMs: number;
  private built = 0;
  /** The window's own histogram, when it is looked at. */
  private readonly counts = new Float64Array(histogramBuckets);
  private readonly turnMs: number;
  /** -1: it is asked for at the next look. */
  private settledAtStart = -1;
  lateMs: number;
  /** The newest edges; null before the first. */
  model: LatencyModel | null = null;

  /**
   * @param timeoutMs the route's first-byte timeout; 0: none
   * @param turnMs below a second: many rollouts that began together need not have new edges together
   */
  constructor(margins: EdgeMargins, timeoutMs: number, histogram: Float64Array, nowMs: number, turnMs = 0) {
    this.turnMs = turnMs;
    this.margins = margins;
    this.timeoutMs = timeoutMs;
    this.windowStart.set(histogram);
    this.windowStartMs = nowMs;
    this.lateMs = timeoutMs > 0 ? timeoutMs * earlyLateShareOfTimeout : earlyLateMs;
  }

  /**
   * Whether the window may be enough for edges: only then is the histogram worth looking at.
   * @param settled the baseline's outcomes since the start: at least as many as its histogram has
   */
  due(nowMs: number, settled: number): boolean {
    if (this.settledAtStart < 0 || settled < this.settledAtStart) this.settledAtStart = settled;
    const requests = settled - this.settledAtStart;
    return this.full(nowMs, requests);
  }

  private full(nowMs: number, requests: number): boolean {
    const ageMs = nowMs - this.windowStartMs;
    for (const rule of this.rules()) if (ageMs >= rule.ms && requests >= rule.requests) return true;
    return false;
  }

  private rules(): readonly WindowRule[] {
    return this.built === 0 ? firstEdges : this.built === 1 ? secondEdges : laterEdges;
  }

  /**
   * @param histogram the baseline's first-byte histogram since the start
   * @param generation the number that new edges would get
   * @returns new edges where the window is full; it starts over then
   */
  update(histogram: Float64Array, generation: number, nowMs: number): LatencyModel | null {
    if (!this.full(nowMs, Number.POSITIVE_INFINITY)) return null;
    const { counts } = this;
    let requests = 0;
    for (let i = 0; i < counts.length; i++) requests += counts[i] = histogram[i]! - this.windowStart[i]!;
    if (!this.full(nowMs, requests)) return null;
    this.windowStart.set(histogram);
    // Once, the next window counts as older by the turn, so it is the only one that is shorter.
    this.windowStartMs = this.built === 1 ? nowMs - this.turnMs : nowMs;
    this.settledAtStart = -1;
    this.built++;
    const model = latencyModel(generation, { counts, lowerMicros: bucketLower }, this.margins);
    const late = Math.max(lateMinMs, (lateTimesP95 * model.p95Micros) / 1000);
    this.lateMs = this.timeoutMs > 0 ? Math.min(late, this.timeoutMs * lateShareOfTimeout) : late;
    this.model = model;
    return model;
  }
}
