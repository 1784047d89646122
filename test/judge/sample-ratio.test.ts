import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/core/random.ts";
import { SampleRatio, sampleRatioLog } from "../../src/judge/sample-ratio.ts";
import { binomial } from "./simulation.ts";

describe("the sample ratio", () => {
  test("is in order as long as requests follow the weights, however often one looks", () => {
    let alarms = 0;
    for (let seed = 1; seed <= 100; seed++) {
      const random = seededRandom(seed);
      const ratio = new SampleRatio([95, 5]);
      let mismatch = false;
      for (let second = 0; second < 600; second++) {
        const candidate = binomial(500, 0.05, random);
        ratio.add([500 - candidate, candidate]);
        mismatch ||= ratio.mismatch;
      }
      if (mismatch) alarms++;
    }
    expect(alarms).toBeLessThanOrEqual(1);
  });

  test("is a mismatch within minutes when a tenth of the candidate's requests go missing", () => {
    const random = seededRandom(4);
    const ratio = new SampleRatio([95, 5]);
    let seconds = 0;
    while (!ratio.mismatch && seconds < 3_600) {
      const candidate = binomial(500, 0.045, random);
      ratio.add([500 - candidate, candidate]);
      seconds++;
    }
    expect(seconds).toBeLessThan(600);
  });

  test("is broken for certain when a variant without weight gets a request", () => {
    const ratio = new SampleRatio([100, 0]);
    ratio.add([10, 1]);
    expect(ratio.mismatch).toBe(true);
  });

  test("has an expected evidence of 1 under the right shares", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.double({ min: 0.01, max: 0.99, noNaN: true }), (n, share) => {
        let sum = 0;
        for (let k = 0, p = (1 - share) ** n; k <= n; k++) {
          sum += p * Math.exp(sampleRatioLog([n - k, k], [1 - share, share]));
          p *= ((n - k) / (k + 1)) * (share / (1 - share));
        }
        expect(sum).toBeCloseTo(1, 6);
      }),
      { numRuns: 60 },
    );
  });

  test("stays a number for counts up to 2^31", () => {
    const count = fc.oneof(fc.constantFrom(0, 1, 2 ** 31), fc.integer({ min: 0, max: 2 ** 31 }));
    fc.assert(
      fc.property(count, count, fc.double({ min: 0.00001, max: 0.5, noNaN: true }), (b, c, share) => {
        expect(sampleRatioLog([b, c], [1 - share, share])).not.toBeNaN();
      }),
    );
  });
});
