import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/core/random.ts";
import { mirrorWealth } from "../../src/judge/mirror.ts";

const against = 200;
const within = 20;

/** The chance of d differing copies in n, exactly. */
function binomialShare(n: number, d: number, p: number): number {
  let log = 0;
  for (let i = 1; i <= d; i++) log += Math.log((n - d + i) / i);
  return Math.exp(log + (d > 0 ? d * Math.log(p) : 0) + (n - d) * Math.log1p(-p));
}

const expectation = (n: number, p: number, of: "against" | "within", bound: number): number => {
  let sum = 0;
  for (let d = 0; d <= n; d++) sum += binomialShare(n, d, p) * mirrorWealth(n, d, bound)[of];
  return sum;
};

describe("the wealth of copies", () => {
  test("has an expectation of at most 1 under each of its hypotheses", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 120 }), fc.double({ min: 0.001, max: 0.5, noNaN: true }), fc.double({ min: 0, max: 0.99, noNaN: true }), (n, bound, part) => {
        expect(expectation(n, bound * part, "against", bound)).toBeLessThanOrEqual(1 + 1e-9);
        expect(expectation(n, bound + (1 - bound) * part, "within", bound)).toBeLessThanOrEqual(1 + 1e-9);
      }),
      { numRuns: 300 },
    );
  });

  test("is never NaN or infinite, for any counts", () => {
    const count = fc.integer({ min: 0, max: 2 ** 31 });
    fc.assert(
      fc.property(count, count, fc.double({ min: 1e-6, max: 0.5, noNaN: true }), (a, b, bound) => {
        const { against: e1, within: e2 } = mirrorWealth(Math.max(a, b), Math.min(a, b), bound);
        for (const e of [e1, e2]) expect(Number.isFinite(e) && e >= 0).toBe(true);
      }),
    );
  });

  test("convicts a version that answers 5% otherwise within some hundred copies, and passes one that answers alike", () => {
    const random = seededRandom(3);
    let differing = 0;
    let n = 0;
    while (mirrorWealth(n, differing, 0.01).against < against && n < 5_000) {
      n++;
      if (random() < 0.05) differing++;
    }
    expect(n).toBeLessThan(400);
    n = 0;
    while (mirrorWealth(n, 0, 0.01).within < within) n++;
    expect(n).toBeGreaterThan(100);
    expect(n).toBeLessThan(500);
  });

  test("of 200 versions at the bound, at most a few are convicted in 5,000 copies, however often one looks", () => {
    let convicted = 0;
    for (let seed = 1; seed <= 200; seed++) {
      const random = seededRandom(seed);
      let differing = 0;
      for (let n = 1; n <= 5_000; n++) {
        if (random() < 0.01) differing++;
        if (mirrorWealth(n, differing, 0.01).against < against) continue;
        convicted++;
        break;
      }
    }
    // 1 in 200 by Ville's inequality: 1 is expected, 6 or more have a chance of 1 in 1,700.
    expect(convicted).toBeLessThanOrEqual(5);
  });
});
