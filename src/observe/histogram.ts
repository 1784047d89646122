/**
 * Log-linear histogram of microseconds: 32 sub-buckets an octave, so a bucket is at most 1/32 (3.2%) wide relative to
 * its lower edge; values below 32 us are exact. Covers 0 ... 2^28 us (268 s); larger values land in the last bucket.
 * The scheme is HdrHistogram's (Tene), with base 2 and 5 bits of precision. Merging is addition.
 */
import { histogramBuckets } from "./layout.ts";

/** @param micros >= 0, fractions are cut. @returns 0 ... 767 */
export function bucketOf(micros: number): number {
  if (micros >= 268435455) return histogramBuckets - 1;
  const v = micros | 0;
  if (v < 32) return v < 0 ? 0 : v;
  const shift = 26 - Math.clz32(v);
  return (shift << 5) + (v >>> shift);
}

/** The smallest value of a bucket, in microseconds. */
export function bucketLower(index: number): number {
  if (index < 64) return index;
  const shift = (index >>> 5) - 1;
  return (32 + (index & 31)) * 2 ** shift;
}

/** The first value above a bucket, in microseconds. */
export const bucketUpper = (index: number): number => bucketLower(index + 1);

/**
 * A quantile of a histogram, interpolated linearly inside its bucket.
 * @param q 0 ... 1
 * @returns microseconds; NaN for an empty histogram
 */
export function quantile(counts: ArrayLike<number>, q: number): number {
  let n = 0;
  for (let i = 0; i < histogramBuckets; i++) n += counts[i]!;
  if (n === 0) return Number.NaN;
  const rank = q * n;
  let below = 0;
  for (let i = 0; i < histogramBuckets; i++) {
    const c = counts[i]!;
    if (c > 0 && below + c >= rank) {
      const share = Math.min(1, Math.max(0, (rank - below) / c));
      return bucketLower(i) + share * (bucketUpper(i) - bucketLower(i));
    }
    below += c;
  }
  return bucketUpper(histogramBuckets - 1);
}
