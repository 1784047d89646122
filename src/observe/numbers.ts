/**
 * Numbers that a service sends with its answers, in buckets: ten an octave (7.2% wide) from 2^-12 to 2^26, one for all that is
 * less, and the last for all that is more. Where lower is worse the order is turned round, so a higher bucket is always the worse one.
 */
import { numberBuckets } from "./layout.ts";

const perOctave = 10;
const lowestOctave = 12;
const last = numberBuckets - 1;
/** Longer than any number that means something. */
const charactersMax = 32;

export type WorseWhen = "higher" | "lower";

/** @returns 0 ... 383; -1 for what is no number of 0 or more */
export function numberBucketOf(text: string, worse: WorseWhen): number {
  if (text === "" || text.length > charactersMax) return -1;
  const value = Number(text);
  if (!(value >= 0 && value < Infinity)) return -1;
  const bucket = value < 2 ** -lowestOctave ? 0 : Math.min(last, 1 + Math.floor((Math.log2(value) + lowestOctave) * perOctave));
  return worse === "higher" ? bucket : last - bucket;
}

/** The smallest number of a bucket of `higher`. */
const lower = (bucket: number): number => (bucket <= 0 ? 0 : bucket > last ? Infinity : 2 ** ((bucket - 1) / perOctave - lowestOctave));

/** Where a bucket begins on a scale on which higher is worse, and a factor is a factor: the number, or its reciprocal. */
export const badnessFrom = (bucket: number, worse: WorseWhen): number => (worse === "higher" ? lower(bucket) : 1 / lower(numberBuckets - bucket));

/** A quantile in the number's own unit, at the middle of its bucket; null for an empty histogram. @param q 0 ... 1, of the numbers from low to high */
export function numberQuantile(counts: ArrayLike<number>, q: number, worse: WorseWhen): number | null {
  let n = 0;
  for (let i = 0; i < numberBuckets; i++) n += counts[i]!;
  if (n === 0) return null;
  let below = 0;
  for (let i = 0; i < numberBuckets; i++) {
    const count = counts[worse === "higher" ? i : last - i]!;
    below += count;
    if (count > 0 && below >= q * n) return i === 0 ? 0 : lower(i) * 2 ** (0.5 / perOctave);
  }
  return null;
}
