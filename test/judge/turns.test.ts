/** Many rollouts take turns with what is not urgent: it must not change what is found. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { seededRandom } from "../../src/core/random.ts";
import type { SecondCounts } from "../../src/judge/counts.ts";
import { errorLlr, errorPrior, errorRatios } from "../../src/judge/errors.ts";
import { StrataBook, type Seconds } from "../../src/judge/strata.ts";
import { Trial, type TrialTest } from "../../src/judge/trial.ts";
import { breachThreshold } from "../../src/judge/wealth.ts";
import { binomial, poisson } from "./simulation.ts";

const errors: TrialTest = { alternatives: errorRatios.length, prior: errorPrior, llr: (s, out) => errorLlr(s, 1.1, 0.0005, out), notWorse: null };
const trialOf = (turnMs: number): Trial => {
  const trial = new Trial([errors], new StrataBook(0, 0, undefined, turnMs));
  trial.inject(0.4);
  return trial;
};

/** Settled traffic of 100 s; the candidate fails this share. */
function traffic(seed: number, bad: number): Seconds {
  const random = seededRandom(seed);
  const row = (rate: number, share: number): SecondCounts => {
    const n = poisson(rate, random);
    return { n, errors: binomial(n, share, random), settled: n, generation: 0, location: [], tails: [] };
  };
  const c = Array.from({ length: 100 }, () => row(30, bad));
  const b = Array.from({ length: 100 }, () => row(60, 0.01));
  return { candidate: (second) => c[second], baseline: (second) => b[second] };
}

const turn = fc.integer({ min: 0, max: 9 }).map((tenth) => tenth * 100);

test("a book that waits for its turn takes in the same strata, at most 200 ms later", () => {
  fc.assert(
    fc.property(fc.nat(1_000), turn, (seed, turnMs) => {
      const rows = traffic(seed, 0.02);
      const [prompt, patient] = [trialOf(0), trialOf(turnMs)];
      let before: number[] = [];
      for (let nowMs = 100; nowMs <= 90_000; nowMs += 100) {
        prompt.update(nowMs, rows);
        patient.update(nowMs, rows, true);
        before = [...before.slice(-2), prompt.wealth(0)];
        expect(before).toContain(patient.wealth(0));
      }
    }),
    { numRuns: 30 },
  );
});

test("a conviction comes in the same look, where whoever is under suspicion waits for nothing", () => {
  fc.assert(
    fc.property(fc.nat(1_000), turn, fc.constantFrom(0.04, 0.1, 0.3, 1), (seed, turnMs, bad) => {
      const rows = traffic(seed, bad);
      const threshold = breachThreshold(0.01);
      const convictedMs = (trial: Trial): number => {
        for (let nowMs = 100; nowMs <= 90_000; nowMs += 100) {
          trial.update(nowMs, rows, trial.wealth(0) < 0.05 * threshold);
          if (trial.wealth(0) >= threshold) return nowMs;
        }
        return Number.POSITIVE_INFINITY;
      };
      expect(convictedMs(trialOf(turnMs))).toBe(convictedMs(trialOf(0)));
    }),
    { numRuns: 60 },
  );
});
