/**
 * The slab's 768 buckets on the fixed ladder of `le` edges that Prometheus is shown. Each edge is moved to the nearest
 * bucket border, so the counts are exact for an edge that lies at most 1.6% beside its label.
 */
import { bucketLower } from "../observe/histogram.ts";
import { histogramBuckets } from "../observe/layout.ts";

/** Seconds. */
export const ladderSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;

function nearestBorder(micros: number): number {
  let index = 0;
  while (index < histogramBuckets && bucketLower(index + 1) <= micros) index++;
  return micros - bucketLower(index) <= bucketLower(index + 1) - micros ? index : index + 1;
}

/** For each edge the number of buckets that lie wholly below it. */
const borders = ladderSeconds.map((seconds) => nearestBorder(seconds * 1e6));

/** Where each edge of the ladder really lies, in seconds. */
export const effectiveEdgesSeconds: readonly number[] = borders.map((border) => bucketLower(border) / 1e6);

export interface LadderCounts {
  /** Cumulative, aligned with `ladderSeconds`. */
  readonly cumulative: readonly number[];
  readonly count: number;
}

/** @param counts the slab's histogram, 768 buckets of microseconds */
export function onLadder(counts: ArrayLike<number>): LadderCounts {
  const cumulative: number[] = [];
  let sum = 0;
  let bucket = 0;
  for (const border of borders) {
    for (; bucket < border; bucket++) sum += counts[bucket]!;
    cumulative.push(sum);
  }
  for (; bucket < histogramBuckets; bucket++) sum += counts[bucket]!;
  return { cumulative, count: sum };
}
