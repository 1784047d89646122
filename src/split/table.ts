import type { BucketRange } from "../core/buckets.ts";

/**
 * The allocation as the request path asks it: the sorted ends of the ranges, and whose each is. A search, not a table
 * of 100,000 bytes: that would be 100 MB per thread with 1,000 routes, and its lookups would miss the cache, while this
 * is a few dozen bytes and its search (2 ... 10 steps) costs a few nanoseconds.
 */
export interface AllocationTable {
  /** Exclusive ends, ascending; the last is the number of buckets. */
  readonly ends: Uint32Array;
  /** `variants[i]` owns the buckets below `ends[i]` that no earlier range owns. */
  readonly variants: Uint32Array;
}

/** @param ranges cover every bucket, ascending, without gap or overlap (see `checkAllocation`) */
export function compileTable(ranges: readonly BucketRange[]): AllocationTable {
  const ends: number[] = [];
  const variants: number[] = [];
  for (const { to, variant } of ranges) {
    // Neighbours of one variant differ in when they were given, which no request asks.
    if (variants.at(-1) === variant) ends[ends.length - 1] = to;
    else {
      ends.push(to);
      variants.push(variant);
    }
  }
  return { ends: Uint32Array.from(ends), variants: Uint32Array.from(variants) };
}

/**
 * The variant that owns a bucket.
 *
 * @param bucket 0 ... 99,999
 * @returns an index into the route's variants
 */
export function variantAt(table: AllocationTable, bucket: number): number {
  const { ends, variants } = table;
  let low = 0;
  let high = ends.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (bucket < ends[middle]!) high = middle;
    else low = middle + 1;
  }
  return variants[low]!;
}
