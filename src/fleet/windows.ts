/** What several sidecars saw of one variant in the same ten seconds, as one window. Pure. */
import type { VariantWindow } from "../rollout/types.ts";

/**
 * Counts are sums. Quantiles do not add up: the fleet's is the median of the sidecars', each weighed by its answers. It is for people and
 * for the verification of a rollback; no limit is judged by it.
 */
export function joinWindows(windows: readonly VariantWindow[]): VariantWindow {
  let [requests, settled, failed] = [0, 0, 0];
  for (const window of windows) {
    requests += window.requests;
    settled += window.settled;
    failed += window.failed;
  }
  return {
    requests, settled, failed, errorRate: settled > 0 ? Math.min(1, failed / settled) : null,
    p50Ms: typical(windows, "p50Ms"), p95Ms: typical(windows, "p95Ms"), p99Ms: typical(windows, "p99Ms"),
  };
}

function typical(windows: readonly VariantWindow[], key: "p50Ms" | "p95Ms" | "p99Ms"): number | null {
  const known = windows.filter((window) => window[key] !== null && window.settled > 0).toSorted((a, b) => a[key]! - b[key]!);
  let half = known.reduce((sum, window) => sum + window.settled, 0) / 2;
  for (const window of known) {
    half -= window.settled;
    if (half <= 0) return window[key];
  }
  return null;
}
