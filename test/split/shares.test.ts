import { expect, test } from "vitest";
import { initial, reweigh, weightsOf } from "../../src/split/allocation.ts";
import { bucketOfHash, cohortHash } from "../../src/split/bucket.ts";
import { compileTable, variantAt } from "../../src/split/table.ts";

const users = 1_000_000;
// A million keys take a fifth of a second on an idle machine, and many times that on one that is not.
const patient = { timeout: 60_000 };

test.each([
  ["one candidate", [0, 5]],
  ["a single bucket", [0, 0.001]],
  ["three candidates", [0, 1, 10, 33.333]],
  ["the baseline's last bucket", [0, 99.999]],
])("a million users are shared out within the binomial bounds: %s", patient, (salt, wanted) => {
  const ranges = reweigh(initial(), wanted);
  const table = compileTable(ranges);
  const hash = (key: string): number => cohortHash(salt).hash(key);
  const counts = wanted.map(() => 0);
  for (let i = 0; i < users; i++) counts[variantAt(table, bucketOfHash(hash(`user-${i}`)))]!++;
  for (const [variant, weight] of weightsOf(ranges, wanted.length).entries()) {
    const share = weight / 100;
    // Five standard deviations; the keys are fixed, so this passes always or never.
    expect(Math.abs(counts[variant]! - users * share)).toBeLessThanOrEqual(5 * Math.sqrt(users * share * (1 - share)) + 1);
  }
});

test("0 percent serves not one of a million users, and 100 percent all of them", patient, () => {
  const hash = (key: string): number => cohortHash("exact").hash(key);
  const none = compileTable(reweigh(reweigh(initial(), [0, 50]), [0, 0]));
  const all = compileTable(reweigh(initial(), [0, 100]));
  let toCandidate = 0;
  let toBaseline = 0;
  for (let i = 0; i < users; i++) {
    const bucket = bucketOfHash(hash(`user-${i}`));
    toCandidate += variantAt(none, bucket);
    toBaseline += 1 - variantAt(all, bucket);
  }
  expect([toCandidate, toBaseline]).toEqual([0, 0]);
});

test("a new salt sends other users to the candidate", () => {
  const table = compileTable(reweigh(initial(), [0, 10]));
  const spring = (key: string): number => cohortHash("spring").hash(key);
  const summer = (key: string): number => cohortHash("summer").hash(key);
  let chosen = 0;
  let again = 0;
  for (let i = 0; i < 100_000; i++) {
    if (variantAt(table, bucketOfHash(spring(`user-${i}`))) === 0) continue;
    chosen++;
    again += variantAt(table, bucketOfHash(summer(`user-${i}`)));
  }
  expect(Math.abs(again - chosen * 0.1)).toBeLessThan(5 * Math.sqrt(chosen * 0.09));
});
