import type { BucketRange } from "../core/buckets.ts";

/**
 * The allocation as the request path asks it: in turns where a range ends (exclusive, ascending; the last is the number of buckets) and whose it is, so
 * that a table of a few ranges is one line of memory. A search, not a table of 100,000 bytes: that would be 100 MB per thread with 1,000 routes, and its
 * lookups would miss the cache, while this is a few dozen bytes and its search (2 ... 10 steps) costs a few nanoseconds.
 */
export type AllocationTable = readonly number[];

/** @param ranges cover every bucket, ascending, without gap or overlap (see `checkAllocation`) */
export function compileTable(ranges: readonly BucketRange[]): AllocationTable {
  const table: number[] = [];
  for (const { to, variant } of ranges) {
    // Neighbours of one variant differ in when they were given, which no request asks.
    if (table.at(-1) === variant) table[table.length - 2] = to;
    else table.push(to, variant);
  }
  // A copy has no room to grow.
  return table.slice();
}

/**
 * The variant that owns a bucket.
 *
 * @param bucket 0 ... 99,999
 * @returns an index into the route's variants
 */
export function variantAt(table: AllocationTable, bucket: number): number {
  let low = 0;
  let high = (table.length >>> 1) - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (bucket < table[middle * 2]!) high = middle;
    else low = middle + 1;
  }
  return table[low * 2 + 1]!;
}
