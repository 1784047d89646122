/** How a candidate takes buckets and gives them back. The lists hold candidates' ranges only: the rest is the baseline's. */
import { bucketCount, type BucketRange } from "../core/buckets.ts";

interface Gap {
  readonly from: number;
  readonly to: number;
}

/** How many buckets no candidate holds. */
export function baselineBuckets(granted: readonly BucketRange[]): number {
  return granted.reduce((left, range) => left - (range.to - range.from), bucketCount);
}

/** Gives `variant` that many of the baseline's buckets. @param buckets at most `baselineBuckets(granted)` */
export function grow(granted: BucketRange[], variant: number, buckets: number): void {
  let left = buckets - extend(granted, variant, buckets);
  let order = granted.reduce((highest, range) => Math.max(highest, range.order), 0);
  while (left > 0) {
    const gap = largestGap(granted);
    const from = startIn(gap, granted, left);
    const to = Math.min(gap.to, from + left);
    granted.push({ from, to, variant, order: ++order });
    left -= to - from;
  }
}

/** Takes that many buckets from `variant`, the last taken first. */
export function shrink(granted: BucketRange[], variant: number, buckets: number): void {
  let left = buckets;
  while (left > 0) {
    const top = topOf(granted, variant);
    if (top < 0) return;
    const range = granted[top]!;
    const size = range.to - range.from;
    if (size <= left) granted.splice(top, 1);
    else granted[top] = { ...range, to: range.to - left };
    left -= Math.min(size, left);
  }
}

/**
 * The top range grows upwards as far as the baseline follows it: no range is added, and its buckets stay in the order
 * in which they were taken.
 */
function extend(granted: BucketRange[], variant: number, buckets: number): number {
  const top = topOf(granted, variant);
  if (top < 0) return 0;
  const range = granted[top]!;
  let end = bucketCount;
  for (const other of granted) if (other.from >= range.to && other.from < end) end = other.from;
  const taken = Math.min(buckets, end - range.to);
  if (taken > 0) granted[top] = { ...range, to: range.to + taken };
  return taken;
}

/**
 * Where a new range starts. Whoever grows upwards into the gap keeps the lower half of it to grow on, so that two
 * candidates that grow in turns do not cut the buckets into slices.
 */
function startIn(gap: Gap, granted: readonly BucketRange[], buckets: number): number {
  const below = granted.findIndex((range) => range.to === gap.from);
  if (below < 0 || below !== topOf(granted, granted[below]!.variant)) return gap.from;
  const middle = gap.from + ((gap.to - gap.from) >>> 1);
  return Math.max(gap.from, Math.min(middle, gap.to - buckets));
}

/** The index of the range that `variant` was given last; -1 where it has none. */
function topOf(granted: readonly BucketRange[], variant: number): number {
  let top = -1;
  for (let i = 0; i < granted.length; i++) {
    if (granted[i]!.variant === variant && (top < 0 || granted[i]!.order > granted[top]!.order)) top = i;
  }
  return top;
}

/** Of the baseline's gaps the largest; of equal ones the lowest. */
function largestGap(granted: readonly BucketRange[]): Gap {
  let largest: Gap = { from: 0, to: 0 };
  let from = 0;
  for (const range of granted.toSorted((a, b) => a.from - b.from)) {
    if (range.from - from > largest.to - largest.from) largest = { from, to: range.from };
    from = range.to;
  }
  return bucketCount - from > largest.to - largest.from ? { from, to: bucketCount } : largest;
}
