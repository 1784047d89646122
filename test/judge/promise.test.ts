/** The two numbers that the judge is for: how seldom it convicts the innocent, how few requests the guilty get. */
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/core/random.ts";
import { armedBreaker, breakerTick, type BreakerTick } from "../../src/judge/breaker.ts";
import type { StratumCounts } from "../../src/judge/counts.ts";
import { errorLlr, errorRatios } from "../../src/judge/errors.ts";
import { bet, breachThreshold, inject, metricShares, newWealth, stepInjections } from "../../src/judge/wealth.ts";
import { errorSecond, median } from "./simulation.ts";

const threshold = breachThreshold(0.01);

/** @returns the candidate requests until the error test convicts; infinite where it never does */
function requestsToBreach(secondsMax: number, second: (t: number) => StratumCounts): number {
  const wealth = newWealth(errorRatios.length);
  const llr = new Float64Array(errorRatios.length);
  inject(wealth, stepInjections[0]!);
  let requests = 0;
  for (let t = 0; t < secondsMax; t++) {
    const s = second(t);
    requests += s.nC;
    errorLlr(s, 1.1, 0.0005, llr);
    if (metricShares.errorRate * bet(wealth, llr, 1, 1) >= threshold) return requests;
  }
  return Number.POSITIVE_INFINITY;
}

function runs(count: number, run: (random: () => number) => number): number[] {
  return Array.from({ length: count }, (_, seed) => run(seededRandom(seed + 1)));
}

describe("500 requests a second, 5% of them to the candidate", () => {
  // JUDGE 9 has medians of 1,076 and 172 candidate requests.
  test.each([
    { from: 0.001, to: 0.01, medianMax: 1_300 },
    { from: 0.001, to: 0.05, medianMax: 210 },
  ])("errors that rise from $from to $to are found within $medianMax candidate requests in half of the cases", ({ from, to, medianMax }) => {
    const found = runs(200, (random) => requestsToBreach(2_000, () => errorSecond(500, 0.05, to, from, random)));
    expect(median(found)).toBeLessThanOrEqual(medianMax);
    expect(found.every(Number.isFinite)).toBe(true);
  });

  test("two equal versions are hardly ever told apart, though every second is looked at", () => {
    const accused = runs(100, (random) => requestsToBreach(1_000, () => errorSecond(500, 0.05, 0.001, 0.001, random))).filter(Number.isFinite);
    expect(accused.length).toBeLessThanOrEqual(1);
  });

  test("a season of x20, a ramp to 50% and a shared outage accuse nobody", () => {
    const accused = runs(60, (random) =>
      requestsToBreach(600, (t) => {
        const errors = t > 300 && t < 400 ? 0.5 : 0.001 * (1 + 19 * Math.sin((Math.PI * t) / 600));
        return errorSecond(500, 0.01 + (0.49 * t) / 600, errors, errors, random);
      }),
    ).filter(Number.isFinite);
    expect(accused.length).toBeLessThanOrEqual(1);
  });
});

describe("the breaker", () => {
  const tick = (changes: Partial<BreakerTick>): BreakerTick => ({ bad: 0, ok: 0, baselineBad: 0, baselineOk: 100, badClients: 100, clients: 100, ...changes });

  test("trips at the fifth failure of a candidate that fails from its first request", () => {
    let state = armedBreaker;
    for (let i = 0; i < 4; i++) state = breakerTick(state, tick({ bad: 1 }));
    expect(state.tripped).toBe(false);
    expect(breakerTick(state, tick({ bad: 1 })).tripped).toBe(true);
  });

  test("trips within 21 failures of a candidate that was healthy for a day", () => {
    let state = breakerTick(armedBreaker, tick({ ok: 1_000_000 }));
    for (let i = 0; i < 21; i++) state = breakerTick(state, tick({ bad: 1 }));
    expect(state.tripped).toBe(true);
  });

  test("holds still when the baseline fails as well", () => {
    let state = armedBreaker;
    for (let i = 0; i < 1_000; i++) state = breakerTick(state, tick({ bad: 1, baselineBad: 50, baselineOk: 50 }));
    expect(state.tripped).toBe(false);
  });

  test("is not tripped by one failing client among many, but is by the only one there is", () => {
    expect(breakerTick(armedBreaker, tick({ bad: 50, badClients: 1 })).tripped).toBe(false);
    expect(breakerTick(armedBreaker, tick({ bad: 50, badClients: 1, clients: 1 })).tripped).toBe(true);
  });

  test.each([
    { share: 0.3, within: 200 },
    { share: 0.5, within: 50 },
    { share: 0.7, within: 35 },
  ])("trips on a candidate that fails $share of its requests within $within of them", ({ share, within }) => {
    const found = runs(100, (random) => {
      let state = armedBreaker;
      for (let i = 1; i <= 1_000; i++) {
        state = breakerTick(state, tick(random() < share ? { bad: 1 } : { ok: 1 }));
        if (state.tripped) return i;
      }
      return Number.POSITIVE_INFINITY;
    });
    expect(median(found)).toBeLessThanOrEqual(within);
  });

  test("is not tripped by half of the answers failing while they are one endpoint's, or a few clients'", () => {
    const random = seededRandom(9);
    let state = armedBreaker;
    for (let i = 0; i < 2_000; i++) state = breakerTick(state, tick(random() < 0.5 ? { bad: 1, spread: i % 50 === 0 ? 1 : 0 } : { ok: 1 }));
    expect(state.tripped).toBe(false);
  });

  test("never trips at a failure share of a twelfth", () => {
    const random = seededRandom(5);
    let state = armedBreaker;
    for (let i = 0; i < 20_000; i++) state = breakerTick(state, tick(random() < 1 / 12 ? { bad: 1 } : { ok: 1 }));
    expect(state.tripped).toBe(false);
  });
});

test("wealth stays finite and above zero whatever is betted on", () => {
  const wealth = newWealth(4);
  inject(wealth, 1);
  for (let i = 0; i < 5_000; i++) bet(wealth, [50, -1e300, Number.NEGATIVE_INFINITY, 0], 1, 1);
  for (const w of wealth) expect(Number.isFinite(w) && w >= 0).toBe(true);
  for (let i = 0; i < 5; i++) bet(wealth, [-1e9, 2, 2, 2], 1, 1);
  expect(wealth[1]).toBeGreaterThan(0);
});
