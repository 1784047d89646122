import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { bucketCount } from "../../src/core/buckets.ts";
import { bucketOf, bucketOfHash, cohortHash, shardCount, shardOfHash } from "../../src/split/bucket.ts";

interface Vector {
  readonly salt: string;
  readonly key: string;
  readonly hash: number;
  readonly bucket: number;
  readonly shard: number;
}

// Written by Python with mmh3 5.3.1 (docs/splitting.md): nothing in this file came from the code under test.
const vectors = JSON.parse(readFileSync(new URL("vectors.json", import.meta.url), "utf8")) as readonly Vector[];

test("every published vector holds: any language finds a user's bucket", () => {
  expect(vectors.length).toBeGreaterThan(100);
  for (const { salt, key, hash, bucket, shard } of vectors) {
    const found = cohortHash(salt).hash(key);
    expect({ salt, key, hash: found, bucket: bucketOfHash(found), shard: shardOfHash(found) }).toEqual({ salt, key, hash, bucket, shard });
    expect(bucketOf(salt, key)).toBe(bucket);
  }
});

test("buckets cover 0 ... 99,999, each with its equal share of the hashes", () => {
  expect(bucketOfHash(0)).toBe(0);
  expect(bucketOfHash(0xffffffff)).toBe(bucketCount - 1);
  fc.assert(
    fc.property(fc.nat({ max: 0xffffffff }), (hash) => {
      // Integer arithmetic is the reference: the doubles must round nowhere.
      expect(bucketOfHash(hash)).toBe(Number((BigInt(hash) * BigInt(bucketCount)) >> 32n));
      expect(shardOfHash(hash)).toBe(hash % shardCount);
    }),
  );
});

test("a new salt reshuffles: who was in the first tenth says nothing about who is", () => {
  const before = (key: string): number => cohortHash("spring").hash(key);
  const after = (key: string): number => cohortHash("summer").hash(key);
  const users = 200_000;
  let first = 0;
  let both = 0;
  for (let i = 0; i < users; i++) {
    if (bucketOfHash(before(`user-${i}`)) >= 10_000) continue;
    first++;
    if (bucketOfHash(after(`user-${i}`)) < 10_000) both++;
  }
  // Binomial, six standard deviations: the keys are fixed, so this passes always or never.
  expect(Math.abs(both - first * 0.1)).toBeLessThan(6 * Math.sqrt(first * 0.09));
});

test("the same salt never reshuffles: a bucket depends on the salt and the key alone", () => {
  const hash = (key: string): number => cohortHash("checkout").hash(key);
  expect(hash("user-1")).toBe(hash("user-1"));
  hash("用户");
  expect(bucketOfHash(hash("user-1"))).toBe(bucketOf("checkout", "user-1"));
});

test("shards are spread evenly within any slice of the buckets", { timeout: 60_000 }, () => {
  const hash = (key: string): number => cohortHash("checkout").hash(key);
  const counts = new Uint32Array(shardCount);
  let inSlice = 0;
  for (let i = 0; i < 1_000_000; i++) {
    const h = hash(`user-${i}`);
    if (bucketOfHash(h) >= 5_000) continue;
    inSlice++;
    counts[shardOfHash(h)]!++;
  }
  const expected = inSlice / shardCount;
  let chiSquare = 0;
  for (const count of counts) chiSquare += (count - expected) ** 2 / expected;
  // 127 degrees of freedom: mean 127, standard deviation 16; six of them.
  expect(chiSquare).toBeLessThan(127 + 6 * 16);
});
