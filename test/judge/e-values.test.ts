import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { absoluteAlternatives, absoluteLlr } from "../../src/judge/absolute.ts";
import { advanceErrorAlternatives, advanceErrorLlr } from "../../src/judge/advance.ts";
import { emptyStratum, locationClassCount, type LatencyCounts, type StratumCounts } from "../../src/judge/counts.ts";
import { latencyModel, type LatencyModel } from "../../src/judge/edges.ts";
import { errorLlr, errorRatios } from "../../src/judge/errors.ts";
import { addLadderLlr, addLocationLlr, addTailLlr, latencyWeights, locationEtas, p99Alternatives, tailOdds } from "../../src/judge/latency.ts";

/** With room for rounding. */
const one = 1 + 1e-9;
/** Of all alternatives; NaN where any is. */
const highest = (sums: Float64Array): number => Math.max(...sums);

function binomialShares(n: number, p: number): number[] {
  const shares: number[] = [];
  for (let k = 0, c = 1; k <= n; k++) {
    shares.push(c * p ** k * (1 - p) ** (n - k));
    c = (c * (n - k)) / (k + 1);
  }
  return shares;
}

/** The exact expectation of each exp(l) over both variants' bad counts. */
function expectations(nC: number, nB: number, pC: number, pB: number, alternatives: number, llr: (badC: number, badB: number, out: Float64Array) => void): Float64Array {
  const sums = new Float64Array(alternatives);
  const out = new Float64Array(alternatives);
  const b = binomialShares(nB, pB);
  binomialShares(nC, pC).forEach((shareC, badC) => {
    b.forEach((shareB, badB) => {
      out.fill(0);
      llr(badC, badB, out);
      for (let j = 0; j < alternatives; j++) sums[j]! += shareC * shareB * Math.exp(out[j]!);
    });
  });
  return sums;
}

const errorsOf = (nC: number, nB: number, errorsC: number, errorsB: number): StratumCounts => ({ ...emptyStratum(), nC, nB, errorsC, errorsB, settledC: nC, settledB: nB });
const count = fc.integer({ min: 1, max: 25 });
const share = fc.double({ min: 0, max: 1, noNaN: true });

/** Shares of classes, fastest first: of the baseline, and of candidates that are not worse. One is the baseline, one is stochastically faster: some of its slower answers move to a faster class. */
function nullsOf(mass: readonly number[], faster: number): { readonly baseline: readonly number[]; readonly candidates: readonly (readonly number[])[] } {
  const total = mass.reduce((a, b) => a + b, 0);
  const baseline = mass.map((m) => m / total);
  const quicker = baseline.map((q, y) => (y > faster ? q / 2 : q));
  quicker[faster]! += baseline.slice(faster + 1).reduce((a, q) => a + q / 2, 0);
  return { baseline, candidates: [baseline, quicker] };
}

describe("a candidate that keeps its limit", () => {
  test("is not accused by the error test: no alternative's expected evidence exceeds 1", () => {
    fc.assert(
      fc.property(count, count, share, share, fc.double({ min: 1, max: 3, noNaN: true }), fc.constantFrom(0, 0.0005, 0.01, 0.2), (nC, nB, pB, part, rho, delta) => {
        const pC = part * Math.min(1, rho * pB + delta);
        const atLimit = Math.min(1, rho * pB + delta);
        for (const p of [pC, atLimit]) {
          const sums = expectations(nC, nB, p, pB, errorRatios.length, (c, b, out) => errorLlr(errorsOf(nC, nB, c, b), rho, delta, out));
          expect(highest(sums)).toBeLessThanOrEqual(one);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("is not accused by an absolute bound", () => {
    fc.assert(
      fc.property(count, fc.double({ min: 0.001, max: 1, noNaN: true }), share, (n, bound, part) => {
        const sums = expectations(n, 1, part * bound, 0, absoluteAlternatives, (bad, _b, out) => absoluteLlr(n, bad, bound, out));
        expect(highest(sums)).toBeLessThanOrEqual(one);
      }),
      { numRuns: 200 },
    );
  });

  test("is not accused by a tail, however often the baseline exceeds it", () => {
    fc.assert(
      fc.property(count, count, share, share, fc.array(fc.nat(50), { minLength: 64, maxLength: 64 }), fc.integer({ min: 0, max: 2 }), (nC, nB, qB, part, histogram, tail) => {
        const weights = latencyWeights(modelOf(histogram), 1);
        const sums = expectations(nC, nB, part * qB, qB, tailOdds.length, (c, b, out) => {
          const counts = latencyCounts(nC, nB);
          counts.tailsC[tail] = c;
          counts.tailsB[tail] = b;
          addTailLlr(counts, weights, tail, out);
        });
        expect(highest(sums)).toBeLessThanOrEqual(one);
      }),
      { numRuns: 60 },
    );
  });

  test("is not accused by how far it exceeds the p99, whatever the baseline does there", () => {
    const masses = fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 4, maxLength: 4 }).filter((m) => m.some((x) => x > 0));
    // The classes' exceedances of p95 (of no concern here), p99, 2*p99 and 1.5*p99.
    const tailsOf = [[0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 0, 1], [1, 1, 1, 1]];
    fc.assert(
      fc.property(masses, fc.array(fc.nat(50), { minLength: 64, maxLength: 64 }), fc.nat(3), fc.boolean(), (mass, histogram, faster, far) => {
        const { baseline: qB, candidates } = nullsOf(mass, faster);
        const weights = latencyWeights(modelOf(histogram), 1);
        for (const q of candidates) {
          const sums = new Float64Array(p99Alternatives);
          for (let of = 0; of < 64; of++) {
            const [c, b1, b2] = [of & 3, (of >> 2) & 3, of >> 4];
            const counts = latencyCounts(1, 2);
            for (let k = 0; k < 4; k++) {
              counts.tailsC[k] = tailsOf[c]![k]!;
              counts.tailsB[k] = tailsOf[b1]![k]! + tailsOf[b2]![k]!;
            }
            const out = new Float64Array(p99Alternatives);
            addLadderLlr(counts, weights, far, out);
            out.forEach((l, j) => (sums[j]! += q[c]! * qB[b1]! * qB[b2]! * Math.exp(l)));
          }
          expect(highest(sums)).toBeLessThanOrEqual(one);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("is not accused by the location test, whatever the classes hold", () => {
    const masses = fc.array(fc.integer({ min: 0, max: 100 }), { minLength: locationClassCount, maxLength: locationClassCount }).filter((m) => m.some((x) => x > 0));
    fc.assert(
      fc.property(masses, fc.array(fc.nat(50), { minLength: 64, maxLength: 64 }), fc.nat(15), (mass, histogram, faster) => {
        const { baseline: qB, candidates } = nullsOf(mass, faster);
        const weights = latencyWeights(modelOf(histogram), 1);
        for (const q of candidates) {
          const sums = new Float64Array(locationEtas.length);
          for (let c = 0; c < 16; c++) {
            for (let b1 = 0; b1 < 16; b1++) {
              for (let b2 = 0; b2 < 16; b2++) {
                const probability = q[c]! * qB[b1]! * qB[b2]!;
                if (probability === 0) continue;
                const counts = latencyCounts(1, 2);
                counts.locationC[c]!++;
                counts.locationB[b1]!++;
                counts.locationB[b2]!++;
                const out = new Float64Array(locationEtas.length);
                addLocationLlr(counts, weights, out);
                out.forEach((l, j) => (sums[j]! += probability * Math.exp(l)));
              }
            }
          }
          expect(highest(sums)).toBeLessThanOrEqual(one);
        }
      }),
      { numRuns: 5 },
    );
  });
});

test("a candidate that is worse by more than the margin gathers no evidence of being not worse", () => {
  fc.assert(
    fc.property(count, count, share, share, fc.double({ min: 1, max: 2, noNaN: true }), fc.constantFrom(0, 0.0005, 0.05), (nC, nB, pB, part, rho, delta) => {
      const least = Math.max(rho * pB, pB + delta);
      if (least > 1) return;
      const sums = expectations(nC, nB, least + part * (1 - least), pB, advanceErrorAlternatives, (c, b, out) => advanceErrorLlr(errorsOf(nC, nB, c, b), rho, delta, out));
      expect(highest(sums)).toBeLessThanOrEqual(one);
    }),
    { numRuns: 60 },
  );
});

test("no count from 0 to 2^31 makes a ratio NaN or infinitely accusing", () => {
  const big = fc.oneof(fc.constantFrom(0, 1, 2 ** 31), fc.integer({ min: 0, max: 2 ** 31 }));
  const model = modelOf(Array.from({ length: 64 }, (_, i) => i));
  fc.assert(
    fc.property(big, big, big, big, fc.constantFrom(0, 0.0005, 1), (nC, nB, x, y, delta) => {
      const s = errorsOf(nC, nB, Math.min(nC, x), Math.min(nB, y));
      const counts = latencyCounts(nC, nB);
      counts.locationC[15] = s.errorsC;
      counts.locationB[0] = s.errorsB;
      counts.tailsC[0] = s.errorsC;
      counts.tailsB[0] = s.errorsB;
      const outs = [new Float64Array(errorRatios.length), new Float64Array(absoluteAlternatives), new Float64Array(locationEtas.length), new Float64Array(tailOdds.length), new Float64Array(p99Alternatives)] as const;
      errorLlr(s, 1.1, delta, outs[0]);
      absoluteLlr(nC, s.errorsC, 0.01, outs[1]);
      addLocationLlr(counts, latencyWeights(model, 1), outs[2]);
      addTailLlr(counts, latencyWeights(model, 1), 0, outs[3]);
      for (let k = 1; k < 4; k++) [counts.tailsC[k], counts.tailsB[k]] = [s.errorsC, s.errorsB];
      addLadderLlr(counts, latencyWeights(model, 1), true, outs[4]);
      expect(outs.some((out) => out.some((l) => Number.isNaN(l) || l === Number.POSITIVE_INFINITY))).toBe(false);
    }),
  );
});

test("the candidate's edges lie above the baseline's by the margin, and by at least the floor", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50), { minLength: 64, maxLength: 64 }).filter((c) => c.some((x) => x > 0)), fc.double({ min: 0, max: 2, noNaN: true }), fc.integer({ min: 0, max: 10 }), (histogram, margin, floorMs) => {
      const model = modelOf(histogram, margin, floorMs);
      let wrong = 0;
      for (let i = 0; i < 64; i++) {
        const moved = Math.max(lower(i) * (1 + margin), lower(i) + floorMs * 1000);
        for (let k = 0; k < 64; k++) {
          if (lower(k) >= moved) break;
          // What is faster than a baseline answer stretched by the margin is in no worse class than that answer.
          if ((model.candidateTable[k]! & 15) > (model.baselineTable[i]! & 15)) wrong++;
          if (((model.candidateTable[k]! >>> 4) & ~(model.baselineTable[i]! >>> 4)) !== 0) wrong++;
        }
      }
      expect(wrong).toBe(0);
    }),
    { numRuns: 50 },
  );
});

const lower = (bucket: number): number => bucket * 1000;

function modelOf(histogram: readonly number[], margin = 0.1, floorMs = 1): LatencyModel {
  const counts = histogram.some((x) => x > 0) ? histogram : histogram.map(() => 1);
  const m = { margin, floorMs };
  return latencyModel(1, { counts, lowerMicros: lower }, { location: m, p95: m, p99: m, "2xp99": m });
}

function latencyCounts(nC: number, nB: number): LatencyCounts {
  return {
    generation: 1, nC, nB, unsettledC: 0, unsettledB: 0,
    locationC: new Float64Array(16), locationB: new Float64Array(16), tailsC: new Float64Array(4), tailsB: new Float64Array(4),
  };
}
