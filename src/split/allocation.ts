/**
 * Which buckets belong to which variant, as data: pure functions from ranges to ranges. Every answer covers all buckets
 * ascending, without gap or overlap, and neighbours of the baseline are one range.
 *
 * A candidate's buckets are a stack. Its ranges by `order`, and within a range ascending, is the order in which the
 * buckets were taken; it grows on top and shrinks from the top, so whoever joined last leaves first.
 */
import { bucketCount, type BucketRange } from "../core/buckets.ts";
import { checkAllocation } from "./allocation-check.ts";
import { baselineBuckets, grow, shrink } from "./grants.ts";

/** The baseline's index. Its ranges have order 0: it is given back to, and gives nothing back. */
const baseline = 0;
const bucketsPerPercent = bucketCount / 100;

/**
 * Growth that would need more ranges is refused. A ramp needs 2, and eight candidates that climb in turns 29 (measured,
 * see docs/splitting.md); the bound keeps the snapshot small whatever is asked of it.
 */
export const rangesMax = 1_024;

/** Everybody is served by the baseline. */
export function initial(): BucketRange[] {
  return [{ from: 0, to: bucketCount, variant: baseline, order: 0 }];
}

/**
 * Moves every candidate to its weight. Candidates take from the baseline alone and give back to it alone, so what one
 * does moves no user between two others. They grow before others shrink: a user who is given back stays with the
 * baseline, unless a growing candidate finds no other bucket. Among themselves they go in the order of the variants.
 *
 * @param weights percent by variant index, grain 0.001, candidates' sum at most 100; `weights[0]` is not read, because
 * the baseline has what the candidates leave
 * @throws RangeError for a weight out of range or finer than the grain, a sum above 100, ranges that are no allocation
 * of `weights.length` variants, and growth beyond `rangesMax`. A call that lowers any weight is never refused for the
 * latter: it may be a rollback, and safety goes before tidiness.
 */
export function reweigh(ranges: readonly BucketRange[], weights: readonly number[]): BucketRange[] {
  checkAllocation(ranges, weights.length);
  const wanted = bucketsWanted(weights);
  const granted = ranges.filter((range) => range.variant !== baseline);
  const missing = wanted.map((buckets, variant) => (variant === baseline ? 0 : buckets - heldBy(granted, variant)));
  const onlyGrows = missing.every((buckets) => buckets >= 0) && missing.some((buckets) => buckets > 0);

  for (const [variant, buckets] of missing.entries()) {
    const now = Math.min(buckets, baselineBuckets(granted));
    if (now <= 0) continue;
    grow(granted, variant, now);
    missing[variant] = buckets - now;
  }
  for (const [variant, buckets] of missing.entries()) if (buckets < 0) shrink(granted, variant, -buckets);
  for (const [variant, buckets] of missing.entries()) if (buckets > 0) grow(granted, variant, buckets);

  const result = withBaseline(granted);
  if (onlyGrows && result.length > rangesMax) {
    throw new RangeError(`The allocation would have ${result.length} ranges, above ${rangesMax}. Take a candidate to 0 percent, which joins its ranges, and raise it again.`);
  }
  return result;
}

/**
 * Carries an allocation over to another list of variants. Users stay with the variant of the same name, wherever in the
 * list it is now. Buckets of a name that is gone go to the baseline; a new name starts without any. A baseline that
 * became a candidate keeps its buckets, as if taken in ascending order.
 *
 * @param oldNames by variant index, the baseline first; likewise `newNames`
 * @throws RangeError for no name, a repeated name, or ranges that are no allocation of `oldNames`
 */
export function remap(ranges: readonly BucketRange[], oldNames: readonly string[], newNames: readonly string[]): BucketRange[] {
  checkNames("oldNames", oldNames);
  checkNames("newNames", newNames);
  checkAllocation(ranges, oldNames.length);
  const variantNow = oldNames.map((name) => Math.max(baseline, newNames.indexOf(name)));
  const granted: BucketRange[] = [];
  let order = ranges.reduce((highest, range) => Math.max(highest, range.order), 0);
  for (const range of ranges) {
    const variant = variantNow[range.variant]!;
    if (variant === baseline) continue;
    granted.push({ ...range, variant, order: range.variant === baseline ? ++order : range.order });
  }
  return withBaseline(granted);
}

/** The variant that owns a bucket, for callers off the request path (which has a table, see table.ts). */
export function variantOf(ranges: readonly BucketRange[], bucket: number): number {
  const owner = ranges.find((range) => bucket >= range.from && bucket < range.to);
  if (owner === undefined) throw new RangeError(`bucket: ${bucket} is in no range. Use a whole number from 0 to ${bucketCount - 1}.`);
  return owner.variant;
}

/** @returns percent by variant index, the baseline's included; the exact weights that `reweigh` was given */
export function weightsOf(ranges: readonly BucketRange[], variantCount: number): number[] {
  return Array.from({ length: variantCount }, (_, variant) => heldBy(ranges, variant) / bucketsPerPercent);
}

function heldBy(ranges: readonly BucketRange[], variant: number): number {
  return ranges.reduce((sum, range) => sum + (range.variant === variant ? range.to - range.from : 0), 0);
}

/** In buckets by variant index; the baseline's entry says nothing. */
function bucketsWanted(weights: readonly number[]): number[] {
  const wanted = weights.map((weight, variant) => (variant === baseline ? 0 : bucketsOf(weight, variant)));
  const sum = wanted.reduce((total, buckets) => total + buckets, 0);
  if (sum > bucketCount) {
    throw new RangeError(`weights: the candidates' sum, ${sum / bucketsPerPercent} percent, is above 100. Lower one of them.`);
  }
  return wanted;
}

function bucketsOf(weight: number, variant: number): number {
  const buckets = Math.round(weight * bucketsPerPercent);
  if (!(weight >= 0 && weight <= 100)) throw new RangeError(`weights[${variant}]: ${weight} is out of range. Use a percentage from 0 to 100.`);
  // 0.1 + 0.2 is a third of a bucket's millionth off 0.3; the tolerance is far above that and far below the grain.
  if (Math.abs(weight * bucketsPerPercent - buckets) > 1e-6) {
    throw new RangeError(`weights[${variant}]: ${weight} is finer than the grain. Use a multiple of 0.001 percent, as ${buckets / bucketsPerPercent}.`);
  }
  return buckets;
}

function checkNames(argument: string, names: readonly string[]): void {
  if (names.length === 0) throw new RangeError(`${argument}: is empty. Name the baseline, then the candidates.`);
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) throw new RangeError(`${argument}: ${JSON.stringify(repeated)} is given twice. Give every variant a name of its own.`);
}

/** The candidates' ranges, ascending, and the baseline in between. */
function withBaseline(granted: readonly BucketRange[]): BucketRange[] {
  const result: BucketRange[] = [];
  let from = 0;
  for (const range of granted.toSorted((a, b) => a.from - b.from)) {
    if (range.from > from) result.push({ from, to: range.from, variant: baseline, order: 0 });
    result.push(range);
    from = range.to;
  }
  if (from < bucketCount) result.push({ from, to: bucketCount, variant: baseline, order: 0 });
  return result;
}
