import { bucketCount, type BucketRange } from "../core/buckets.ts";

/**
 * Holds ranges that came from a store, a file or another sidecar against what an allocation is.
 *
 * @throws RangeError naming the range, the field and its value: a bucket that nobody or two variants own, an unknown
 * variant, an order that would make the last taken ambiguous
 */
export function checkAllocation(ranges: readonly BucketRange[], variantCount: number): void {
  if (!Number.isSafeInteger(variantCount) || variantCount < 1) {
    throw new RangeError(`variantCount: ${variantCount} is not a number of variants. A route has its baseline at least.`);
  }
  const seen = new Set<string>();
  let next = 0;
  for (const [index, { from, to, variant, order }] of ranges.entries()) {
    if (from !== next) fail(index, "from", from, `must be ${next}, where the range before it ends`);
    if (!Number.isSafeInteger(to) || to <= from || to > bucketCount) fail(index, "to", to, `must be a whole number from ${from + 1} to ${bucketCount}`);
    if (!Number.isSafeInteger(variant) || variant < 0 || variant >= variantCount) fail(index, "variant", variant, `must be a whole number from 0 to ${variantCount - 1}`);
    if (!Number.isSafeInteger(order) || order < 0) fail(index, "order", order, "must be a whole number, 0 or more");
    if (variant !== 0 && seen.has(`${variant} ${order}`)) fail(index, "order", order, `must differ from the other orders of variant ${variant}`);
    seen.add(`${variant} ${order}`);
    next = to;
  }
  if (next !== bucketCount) throw new RangeError(`allocation: ends at bucket ${next}. The last range must end at ${bucketCount}; begin again with all buckets at the baseline if the record is damaged.`);
}

function fail(index: number, field: keyof BucketRange, value: number, remedy: string): never {
  throw new RangeError(`allocation[${index}].${field}: is ${value}, but ${remedy}. Begin again with all buckets at the baseline if the record is damaged.`);
}
