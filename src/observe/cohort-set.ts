/**
 * Which cohorts were seen: one bit for each of 65,536 bins, in memory that all proxy threads share. The first cohort that
 * meets a bin takes it, and others that fall into the same bin are not counted. So what is counted are different cohorts,
 * each once, whichever thread meets them; and because it depends on nothing but the order in which they came, those that are counted got their
 * variants as all others did. When the bins are taken, counting stops: the memory is bounded.
 *
 * It is the only part of shared memory that several threads write: by one atomic instruction, and only at a first sight.
 */

/** About 45,000 different cohorts take half of them. */
export const cohortBins = 65_536;

/** An empty set: 8 KiB. */
export const newCohortBits = (): SharedArrayBuffer => new SharedArrayBuffer(cohortBins / 8);

export class CohortSet {
  private readonly words: Int32Array;

  constructor(bits: SharedArrayBuffer) {
    this.words = new Int32Array(bits);
  }

  /** @param hash the cohort's, 0 ... 2^32 - 1. @returns whether its bin was free: true exactly once among all threads */
  add(hash: number): boolean {
    const bin = binOf(hash);
    const bit = 1 << (bin & 31);
    const at = bin >>> 5;
    // Nearly always it is known, and reading costs no bus lock.
    if ((this.words[at]! & bit) !== 0) return false;
    return (Atomics.or(this.words, at, bit) & bit) === 0;
  }

  has(hash: number): boolean {
    const bin = binOf(hash);
    return (this.words[bin >>> 5]! & (1 << (bin & 31))) !== 0;
  }
}

/** Mixed anew (the end of murmur3): a candidate's buckets are neighbours in the hash, and must not be neighbours here. */
function binOf(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) & (cohortBins - 1);
}
