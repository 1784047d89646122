import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/core/random.ts";
import { emptyStratum, type StratumCounts } from "../../src/judge/counts.ts";
import { errorLlr, errorPrior, errorRatios } from "../../src/judge/errors.ts";
import { FleetWealth } from "../../src/judge/fleet.ts";
import { breachThreshold, metricShares } from "../../src/judge/wealth.ts";
import { errorSecond, median } from "./simulation.ts";

const ratiosOf = (s: StratumCounts): Float64Array => {
  const out = new Float64Array(errorRatios.length);
  errorLlr(s, 1.1, 0.0005, out);
  return out;
};

interface Sidecar {
  readonly requestsPerSecond: number;
  readonly weight: number;
  readonly errorsC: number;
  readonly errorsB: number;
}

/** @returns seconds until the fleet convicts; infinite where it does not */
function secondsToBreach(sidecars: readonly Sidecar[], secondsMax: number, seed: number, pooled = false): number {
  const random = seededRandom(seed);
  const fleet = new FleetWealth(errorRatios.length, errorPrior);
  fleet.inject(0.4);
  for (let t = 1; t <= secondsMax; t++) {
    const strata = sidecars.map((s) => errorSecond(s.requestsPerSecond, s.weight, s.errorsC, s.errorsB, random));
    const slot = pooled ? [pool(strata)] : strata;
    if (metricShares.errorRate * fleet.take(slot.map((s) => ({ ratios: ratiosOf(s), phi: 1 })), 1) >= breachThreshold(0.01)) return t;
  }
  return Number.POSITIVE_INFINITY;
}

function pool(strata: readonly StratumCounts[]): StratumCounts {
  const sum = emptyStratum();
  for (const s of strata) {
    sum.nC += s.nC;
    sum.nB += s.nB;
    sum.errorsC += s.errorsC;
    sum.errorsB += s.errorsB;
  }
  return sum;
}

describe("a fleet", () => {
  const seeds = Array.from({ length: 30 }, (_, i) => i + 1);

  test("of ten sidecars decides in about a tenth of the time of one", () => {
    const one: Sidecar = { requestsPerSecond: 100, weight: 0.05, errorsC: 0.01, errorsB: 0.001 };
    const alone = median(seeds.map((seed) => secondsToBreach([one], 3_600, seed)));
    const together = median(seeds.map((seed) => secondsToBreach(Array.from({ length: 10 }, () => one), 3_600, seed)));
    expect(together).toBeLessThan(alone / 6);
  });

  // Everywhere the candidate is as good as its baseline, but it has its users where everything is worse.
  const unlike: readonly Sidecar[] = [
    { requestsPerSecond: 500, weight: 0.01, errorsC: 0.001, errorsB: 0.001 },
    { requestsPerSecond: 500, weight: 0.5, errorsC: 0.02, errorsB: 0.02 },
  ];

  test("accuses nobody where weights and error rates differ between sidecars", () => {
    expect(seeds.filter((seed) => Number.isFinite(secondsToBreach(unlike, 600, seed)))).toEqual([]);
  });

  test("would accuse everybody if counts were pooled: that is why they are not", () => {
    expect(seeds.every((seed) => Number.isFinite(secondsToBreach(unlike, 600, seed, true)))).toBe(true);
  });
});
