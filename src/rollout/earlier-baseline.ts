/**
 * What the baseline used to be like: its 10 s windows of the last five minutes, as one. A rollback is verified against
 * it, and at 100%, where no concurrent baseline is left, errors are held against it.
 */
import { failing } from "./health.ts";
import type { VariantWindow } from "./types.ts";

const everyMs = 10_000;
const keptMax = 30;
/** At 100% the error rate may be so many times the earlier baseline's, and at least so much above it. */
const bakeTimes = 3;
const bakeMargin = 0.01;
const settledMin = 20;

export class EarlierBaseline {
  private readonly past: VariantWindow[] = [];
  private sampledMs: number | null = null;
  private merged: VariantWindow | null = null;

  /**
   * Takes a window each 10 s. One with hardly an answer says nothing, and an outage is not what the baseline used to be like.
   * @param turnMs by so much the second one comes earlier, so that many rollouts that began together take turns
   */
  sample(recent: () => VariantWindow, nowMs: number, turnMs = 0): void {
    this.sampledMs ??= nowMs;
    // The first one comes early: a rollback in the first seconds must be verified too.
    if (nowMs - this.sampledMs < (this.past.length === 0 ? everyMs / 5 : everyMs)) return;
    const window = recent();
    this.sampledMs = this.past.length === 0 ? nowMs - turnMs : nowMs;
    if (window.settled < settledMin || failing(window, this.merged)) return;
    this.past.push(window);
    if (this.past.length > keptMax) this.past.shift();
    this.merged = merge(this.past);
  }

  window(): VariantWindow | null {
    return this.merged;
  }

  /** The error share that the candidate is held to while the baseline has no traffic; 1 where nothing is known. */
  errorBound(): number {
    const rate = this.merged?.errorRate ?? null;
    return rate === null ? 1 : Math.min(1, Math.max(bakeTimes * rate, rate + bakeMargin));
  }
}

function merge(windows: readonly VariantWindow[]): VariantWindow {
  const sum = (of: (window: VariantWindow) => number): number => windows.reduce((a, window) => a + of(window), 0);
  const settled = sum((window) => window.settled);
  const failed = sum((window) => window.failed);
  return {
    requests: sum((window) => window.requests), settled, failed,
    errorRate: settled > 0 ? Math.min(1, failed / settled) : null,
    p50Ms: median(windows.map((window) => window.p50Ms)),
    p95Ms: median(windows.map((window) => window.p95Ms)),
    p99Ms: median(windows.map((window) => window.p99Ms)),
  };
}

function median(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null).toSorted((a, b) => a - b);
  return known.length === 0 ? null : known[known.length >> 1]!;
}
