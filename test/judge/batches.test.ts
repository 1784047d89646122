/** The order and the size of the portions in which the judge gets its counts. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/core/random.ts";
import { emptyStratum, type SecondCounts } from "../../src/judge/counts.ts";
import { advanceConversionAlternatives, advanceConversionLlr, conversionLlr, conversionNotWorse, conversionRatios } from "../../src/judge/conversion.ts";
import { errorLlr, errorPrior, errorRatios } from "../../src/judge/errors.ts";
import { StrataBook, type Seconds } from "../../src/judge/strata.ts";
import { Trial, type TrialTest } from "../../src/judge/trial.ts";
import { bet, inject, newWealth, stepInjection } from "../../src/judge/wealth.ts";
import { budgetShares } from "../../src/judge/budget.ts";
import { binomial, poisson } from "./simulation.ts";

const test10: TrialTest = { alternatives: errorRatios.length, prior: errorPrior, llr: (s, out) => errorLlr(s, 1.1, 0.0005, out), notWorse: null };

/** Seconds of settled traffic. */
function traffic(seed: number, seconds: number): Seconds {
  const random = seededRandom(seed);
  const row = (rate: number, errors: number): SecondCounts => {
    const n = poisson(rate, random);
    return { n, errors: binomial(n, errors, random), settled: n, generation: 0, location: [], tails: [] };
  };
  const c = Array.from({ length: seconds }, () => row(30, 0.02));
  const b = Array.from({ length: seconds }, () => row(60, 0.01));
  return { candidate: (s) => c[s], baseline: (s) => b[s] };
}

describe("a verdict", () => {
  test("does not depend on how often anybody looks", () => {
    fc.assert(
      fc.property(fc.nat(1_000), fc.array(fc.integer({ min: 1, max: 4_000 }), { minLength: 1, maxLength: 40 }), (seed, pauses) => {
        const rows = traffic(seed, 50);
        const wealth = (looks: readonly number[]): number => {
          const trial = new Trial([test10], new StrataBook(0, 0));
          trial.inject(0.4);
          for (const look of looks) trial.update(look, rows);
          return trial.wealth(0);
        };
        let nowMs = 0;
        const some = pauses.map((pause) => (nowMs += pause)).filter((look) => look < 49_000);
        const often = Array.from({ length: 490 }, (_, i) => (i + 1) * 100);
        expect(wealth([...some, 49_000])).toBeCloseTo(wealth(often), 6);
      }),
      { numRuns: 40 },
    );
  });

  test("is the same whether a source says that nothing changed, or is read again", () => {
    const rows = traffic(5, 40);
    const told: Seconds = { ...rows, fingerprint: (s) => [rows.candidate(s), rows.baseline(s)].reduce((sum, row) => sum + (row === undefined ? 0 : row.n + row.errors), 0) };
    const wealth = (source: Seconds): number => {
      const trial = new Trial([test10], new StrataBook(0, 0));
      trial.inject(0.4);
      for (let nowMs = 100; nowMs <= 39_000; nowMs += 100) trial.update(nowMs, source);
      return trial.wealth(0);
    };
    expect(wealth(told)).toBe(wealth(rows));
  });

  test("is reached through more evidence, never through more portions: two seconds at once never say more than the cap", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 }), fc.integer({ min: 1, max: 2 ** 31 }), (nC, nB) => {
        const wealth = newWealth(errorRatios.length);
        inject(wealth, 1, errorPrior);
        const out = new Float64Array(errorRatios.length);
        errorLlr({ nC, nB, errorsC: nC, errorsB: 0 }, 1.1, 0.0005, out);
        expect(bet(wealth, out, 1, 1, errorPrior)).toBeLessThanOrEqual((1 + 1 / 86_400) * Math.exp(2) * (1 + 1e-9));
      }),
    );
  });
});

test("phi only ever takes from the evidence against the candidate", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 4, maxLength: 4 }), fc.double({ min: 1, max: 50, noNaN: true }), (llr, phi) => {
      // In expectation: by Jensen's inequality E[exp(l/phi)] <= E[exp(l)]^(1/phi) <= 1. Here for any two-point l with E[exp l] = 1.
      for (const l of llr) {
        if (l === 0) continue;
        const other = l > 0 ? -1 : 1;
        const p = (Math.exp(other) - 1) / (Math.exp(other) - Math.exp(l));
        expect(p * Math.exp(l / phi) + (1 - p) * Math.exp(other / phi)).toBeLessThanOrEqual(1 + 1e-9);
      }
    }),
  );
});

describe("the budget", () => {
  test("of a plan with any number of steps is injected whole, and never more than that", () => {
    for (let steps = 1; steps <= 20; steps++) {
      let sum = 0;
      for (let step = 0; step < steps + 5; step++) sum += stepInjection(step, steps);
      expect(sum).toBeCloseTo(1, 12);
      if (steps >= 5) expect(stepInjection(0, steps)).toBeCloseTo(0.4, 12);
    }
  });

  test("is split among any metrics to 1, by the operator's shares where there are some", () => {
    const [errors, p99, custom] = budgetShares([{ metric: "errorRate" }, { metric: "p99" }, { metric: "custom" }]);
    expect(errors).toBeCloseTo(0.52 / 0.82, 12);
    expect(p99! + custom!).toBeCloseTo(0.3 / 0.82, 12);
    expect(budgetShares([{ metric: "errorRate", share: 3 }, { metric: "conversion", share: 1 }])).toEqual([0.75, 0.25]);
  });
});

test("what a conversion is betted on is a fair game at most, while the baseline converts no more than rho times as often", () => {
  const out = new Float64Array(conversionRatios.length);
  const logs = new Float64Array(advanceConversionAlternatives);
  const odds = fc.double({ min: 0.05, max: 99, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), odds, fc.double({ min: 1, max: 2, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), (n, split, rho, within) => {
      // Of one conversion: that it is the baseline's, where it converts `ratio` times as often.
      const share = (ratio: number): number => (ratio * split) / (1 + ratio * split);
      const expected = (ratio: number, of: (goalsB: number) => Float64Array): number[] => {
        const sums = [...of(0)].map(() => 0);
        for (let k = 0, p = (1 - share(ratio)) ** n; k <= n; k++) {
          of(k).forEach((l, j) => (sums[j]! += p * Math.exp(l)));
          p *= ((n - k) / (k + 1)) * (share(ratio) / (1 - share(ratio)));
        }
        return sums;
      };
      const worse = expected(rho * within + 1e-9, (k) => (conversionLlr({ goalsC: n - k, goalsB: k }, split, rho, out), out));
      const notWorse = expected(rho / Math.max(0.1, within), (k) => (advanceConversionLlr({ goalsC: n - k, goalsB: k }, split, rho, logs), logs));
      expect(Math.max(...worse, ...notWorse)).toBeLessThanOrEqual(1 + 1e-6);
    }),
    { numRuns: 200 },
  );
});

test("a candidate whose cohorts convert less is accused, one whose convert more is cleared, and nothing is said without a split", () => {
  const out = new Float64Array(conversionRatios.length);
  const logs = new Float64Array(advanceConversionAlternatives);
  const fewer = { goalsC: 40, goalsB: 900 };
  conversionLlr(fewer, 9, 1.05, out);
  expect(Math.max(...out)).toBeGreaterThan(5);
  advanceConversionLlr(fewer, 9, 1.05, logs);
  expect(conversionNotWorse(logs)).toBeLessThan(1);
  const more = { goalsC: 200, goalsB: 900 };
  conversionLlr(more, 9, 1.05, out);
  expect(Math.max(...out)).toBeLessThan(0);
  advanceConversionLlr(more, 9, 1.05, logs);
  expect(conversionNotWorse(logs)).toBeGreaterThan(20);
  for (const odds of [0, Number.NaN, Number.POSITIVE_INFINITY]) {
    conversionLlr(fewer, odds, 1.05, out);
    advanceConversionLlr(more, odds, 1.05, logs);
    expect([...out, ...logs].every((l) => l === 0)).toBe(true);
  }
  expect(emptyStratum().rhoMin).toBe(1);
});
