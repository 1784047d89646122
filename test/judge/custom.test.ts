import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/core/random.ts";
import { emptyLatency, type LatencyCounts } from "../../src/judge/counts.ts";
import { addCustomLlr, customModel } from "../../src/judge/custom.ts";
import { latencyWeights, locationEtas, locationPrior } from "../../src/judge/latency.ts";
import { bet, inject, newWealth } from "../../src/judge/wealth.ts";
import { numberBuckets } from "../../src/observe/layout.ts";
import { badnessFrom, numberBucketOf, numberQuantile, type WorseWhen } from "../../src/observe/numbers.ts";

/** A number from the service: lognormal around 40, say results on a page. */
const draw = (random: () => number): number => 40 * Math.exp(0.6 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));

function modelOf(worse: WorseWhen, seed: number) {
  const random = seededRandom(seed);
  const counts = new Float64Array(numberBuckets);
  for (let i = 0; i < 2_000; i++) counts[numberBucketOf(draw(random).toFixed(2), worse)]!++;
  return customModel(1, { counts, lowerMicros: (bucket) => badnessFrom(bucket, worse) }, 0.1);
}

/** @returns the largest wealth within so many seconds, where the candidate's numbers are `times` as high */
function after(seconds: number, times: number, worse: WorseWhen, seed: number): number {
  const random = seededRandom(seed);
  const model = modelOf(worse, seed + 1_000);
  const weights = latencyWeights(model, 1);
  const wealth = newWealth(locationEtas.length);
  inject(wealth, 1, locationPrior);
  let most = 0;
  for (let t = 0; t < seconds; t++) {
    const counts: LatencyCounts = { ...emptyLatency(1), nC: 50, nB: 450 };
    for (let i = 0; i < 50; i++) counts.locationC[model.candidateTable[numberBucketOf((draw(random) * times).toFixed(2), worse)]! & 15]!++;
    for (let i = 0; i < 450; i++) counts.locationB[model.baselineTable[numberBucketOf(draw(random).toFixed(2), worse)]! & 15]!++;
    const out = new Float64Array(locationEtas.length);
    addCustomLlr(counts, weights, out);
    most = Math.max(most, bet(wealth, out, 1, 1, locationPrior));
  }
  return most;
}

describe.each([
  { worse: "higher" as const, bad: 1.3, good: 0.8, allowed: 1.05 },
  { worse: "lower" as const, bad: 1 / 1.3, good: 1.25, allowed: 1 / 1.05 },
])("a number of the service that is worse when $worse", ({ worse, bad, good, allowed }) => {
  test("accuses a candidate whose numbers are worse by three tenths", () => expect(after(120, bad, worse, 1)).toBeGreaterThan(2_000));
  test("says nothing against one whose numbers are the same, better, or worse inside the margin", () => {
    for (let seed = 1; seed <= 10; seed++) for (const times of [1, good, allowed]) expect(after(120, times, worse, seed)).toBeLessThan(100);
  });
  test("falls into eight classes from good to bad", () => {
    const { baselineTable } = modelOf(worse, 3);
    expect(Math.max(...baselineTable.map((byte) => byte & 15))).toBe(7);
    const classOf = (value: string): number => baselineTable[numberBucketOf(value, worse)]! & 15;
    const values = ["0", "5", "30", "40", "50", "200", "1e9"].map(classOf);
    expect(values).toEqual(values.toSorted((a, b) => (worse === "higher" ? a - b : b - a)));
    expect(values.at(worse === "higher" ? -1 : 0)).toBe(7);
  });
});

describe("a number's bucket", () => {
  const worseWhen = fc.constantFrom<WorseWhen>("higher", "lower");
  test("is the one whose borders it lies in, and never farther than an eighth from what is shown of it", () => {
    fc.assert(
      fc.property(fc.double({ min: 2 ** -11, max: 2 ** 25, noNaN: true }), worseWhen, (value, worse) => {
        const bucket = numberBucketOf(String(value), worse);
        const badness = worse === "higher" ? value : 1 / value;
        expect(badnessFrom(bucket, worse)).toBeLessThanOrEqual(badness * 1.000001);
        expect(badnessFrom(bucket + 1, worse)).toBeGreaterThanOrEqual(badness * 0.999999);
        const counts = new Float64Array(numberBuckets);
        counts[bucket] = 5;
        expect(Math.abs(Math.log(numberQuantile(counts, 0.5, worse)! / value))).toBeLessThan(0.04);
      }),
    );
  });
  test("rises in badness, from nothing to everything", () => {
    for (const worse of ["higher", "lower"] as const) {
      const edges = Array.from({ length: numberBuckets + 1 }, (_, bucket) => badnessFrom(bucket, worse));
      expect(edges).toEqual(edges.toSorted((a, b) => a - b));
      expect([edges[0], edges.at(-1)! > 2 ** 25]).toEqual([0, true]);
    }
  });
  test.each(["", "x", "-1", "NaN", "Infinity", "1e999", "1".repeat(33), "1,5"])("is none for %j", (text) => expect(numberBucketOf(text, "higher")).toBe(-1));
  test("holds whatever else there is", () => {
    fc.assert(fc.property(fc.oneof(fc.double().map(String), fc.string()), worseWhen, (text, worse) => {
      const bucket = numberBucketOf(text, worse);
      expect(bucket === -1 || (bucket >= 0 && bucket < numberBuckets)).toBe(true);
    }));
  });
});
