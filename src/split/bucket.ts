import { bucketCount } from "../core/buckets.ts";
import { Murmur3Prefix } from "../core/murmur3.ts";

/** How many shards the judge sorts users into to learn how unevenly they fail (JUDGE section 4). A power of two. */
export const shardCount = 128;

/** The 32-bit hash of cohort keys under one salt; the bucket and the shard are both read from it. */
export type CohortHash = Pick<Murmur3Prefix, "hash">;

/**
 * Prepares a salt, once per snapshot, so that a request hashes its key alone.
 *
 * @returns whose `hash(key)` is `murmur3_32(salt + ":" + key)`, unsigned, seed 0, over UTF-8
 */
export function cohortHash(salt: string): CohortHash {
  return new Murmur3Prefix(`${salt}:`);
}

/** The bucket of a hash, 0 ... 99,999. Scaling reads the high bits, and is exact: the product stays below 2^49. */
export function bucketOfHash(hash: number): number {
  return Math.floor((hash / 4294967296) * bucketCount);
}

/** The shard of a hash, 0 ... 127: its low bits, which say next to nothing about the bucket. */
export function shardOfHash(hash: number): number {
  return hash & (shardCount - 1);
}

/** `floor(murmur3_32(salt + ":" + key) / 2^32 * 100000)`, for callers off the request path. */
export function bucketOf(salt: string, key: string): number {
  return bucketOfHash(cohortHash(salt).hash(key));
}
