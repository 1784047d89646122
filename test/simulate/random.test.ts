import { describe, expect, test } from "vitest";
import { binomial, geometric, logFactorial, poisson, streamOf } from "../../src/cli/simulate/random.ts";

const draws = 200_000;

/** Mean and variance of many draws, in standard errors from what they should be. */
function moments(draw: () => number, mean: number, variance: number): { readonly mean: number; readonly variance: number } {
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < draws; i++) {
    const x = draw();
    sum += x - mean;
    squares += (x - mean) ** 2;
  }
  // The fourth moment of counts of these sizes is about 3 variances squared and a variance.
  return { mean: Math.abs(sum / draws) / Math.sqrt(variance / draws), variance: Math.abs(squares / draws - variance) / Math.sqrt((2 * variance * variance + variance) / draws) };
}

describe("counts are drawn exactly", () => {
  test.each([0.01, 0.7, 9.9, 10.1, 25, 475, 20_000])("a Poisson count of mean %d has that mean and that variance", (mean) => {
    const random = streamOf(`poisson ${mean}`);
    const off = moments(() => poisson(mean, random), mean, mean);
    expect(off.mean).toBeLessThan(4);
    expect(off.variance).toBeLessThan(4.5);
  });

  test.each([
    [475, 0.001], [475, 0.02], [475, 0.3], [25, 0.5], [25, 0.9], [3_000, 0.004], [40, 0.25],
  ])("a binomial count of %d tries at %d has its mean and its variance", (n, p) => {
    const random = streamOf(`binomial ${n} ${p}`);
    const off = moments(() => binomial(n, p, random), n * p, n * p * (1 - p));
    expect(off.mean).toBeLessThan(4);
    expect(off.variance).toBeLessThan(4.5);
  });

  test("each count of a small binomial comes as often as the formula says", () => {
    const random = streamOf("shares");
    const seen = new Float64Array(41);
    for (let i = 0; i < draws; i++) seen[binomial(40, 0.3, random)]! += 1 / draws;
    const worst = seen.map((share, k) => Math.abs(share - Math.exp(logFactorial(40) - logFactorial(k) - logFactorial(40 - k) + k * Math.log(0.3) + (40 - k) * Math.log(0.7)))).reduce((a, b) => Math.max(a, b));
    expect(worst).toBeLessThan(0.004);
  });

  test("sizes of clusters are at least one, and ten on average", () => {
    const random = streamOf("geometric");
    const off = moments(() => geometric(10, random), 10, 90);
    expect(off.mean).toBeLessThan(4);
  });
});

test("streams of different seeds have nothing in common, streams of one seed everything", () => {
  const [a, b, c] = [streamOf("1/x/1"), streamOf("1/x/1"), streamOf("1/x/2")];
  let same = 0;
  let alike = 0;
  for (let i = 0; i < 1_000; i++) {
    const x = a();
    if (x === b()) same++;
    if (x === c()) alike++;
  }
  expect(same).toBe(1_000);
  expect(alike).toBe(0);
});
