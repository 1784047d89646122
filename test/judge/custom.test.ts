import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/core/random.ts";
import { addCustomLlr, type WorseWhen } from "../../src/judge/custom.ts";
import { latencyModel } from "../../src/judge/edges.ts";
import { latencyWeights, locationEtas, locationPrior } from "../../src/judge/latency.ts";
import { bet, inject, newWealth } from "../../src/judge/wealth.ts";

/** A number from the service, say results on a page, in buckets of one. */
const buckets = 64;
const counts = Array.from({ length: buckets }, (_, i) => Math.round(1_000 * Math.exp(-(((i - 30) / 8) ** 2))));
const none = { margin: 0, floorMs: 0 };
const model = latencyModel(1, { counts, lowerMicros: (bucket) => bucket * 1_000 }, { location: { margin: 0.05, floorMs: 0 }, p95: none, p99: none, "2xp99": none });

/** @returns the wealth after so many seconds, where the candidate's numbers lie `shift` buckets off */
function after(seconds: number, shift: number, worseWhen: WorseWhen, seed: number): number {
  const random = seededRandom(seed);
  const weights = latencyWeights(model, 1);
  const wealth = newWealth(locationEtas.length);
  inject(wealth, 1, locationPrior);
  const draw = (): number => Math.max(0, Math.min(buckets - 1, Math.round(30 + 5.66 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()))));
  // Where lower is worse the arms are swapped, and so are the edges: the margin moves the baseline's.
  const [tableC, tableB] = worseWhen === "higher" ? [model.candidateTable, model.baselineTable] : [model.baselineTable, model.candidateTable];
  let sum = 0;
  for (let t = 0; t < seconds; t++) {
    const classesC = new Float64Array(16);
    const classesB = new Float64Array(16);
    for (let i = 0; i < 50; i++) classesC[tableC[Math.max(0, Math.min(buckets - 1, draw() + shift))]! & 15]!++;
    for (let i = 0; i < 450; i++) classesB[tableB[draw()]! & 15]!++;
    const out = new Float64Array(locationEtas.length);
    addCustomLlr({ nC: 50, nB: 450, classesC, classesB }, worseWhen, weights, out);
    sum = bet(wealth, out, 1, 1, locationPrior);
  }
  return sum;
}

describe.each([
  { worseWhen: "higher" as const, worse: 8 },
  { worseWhen: "lower" as const, worse: -8 },
])("a number of the service that is worse when $worseWhen", ({ worseWhen, worse }) => {
  test("accuses a candidate whose numbers are worse", () => expect(after(60, worse, worseWhen, 1)).toBeGreaterThan(200));
  test("clears one whose numbers are better", () => expect(after(60, -worse, worseWhen, 2)).toBeLessThan(1));
  test("says nothing against one whose numbers are the same", () => expect(after(60, 0, worseWhen, 3)).toBeLessThan(5));
});
