import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { emptyLatency, type LatencyCounts } from "../../src/judge/counts.ts";
import { decodeReport, encodeReport } from "../../src/fleet/report-wire.ts";
import { reportBytesMax, type Report } from "../../src/fleet/report.ts";

const count = fc.integer({ min: 0, max: 99_999 });
const cells = (length: number): fc.Arbitrary<Float64Array> => fc.array(count, { minLength: length, maxLength: length }).map((values) => Float64Array.from(values));
const window = fc.record({ requests: count, settled: count, p50Ms: fc.option(count), p95Ms: fc.option(count), p99Ms: fc.option(count) }).chain((known) =>
  fc.integer({ min: 0, max: known.settled }).map((failed) => ({ ...known, failed, errorRate: known.settled > 0 ? failed / known.settled : null })));
const words = fc.array(fc.integer({ min: 0, max: 0xffff_ffff }), { minLength: 4, maxLength: 4 });
const latency = fc.record({ generation: count, nC: count, nB: count, locationC: cells(16), locationB: cells(16), tailsC: cells(4), tailsB: cells(4) }).map((of) => ({ ...emptyLatency(of.generation), ...of }));
const stratum = fc.record({
  from: count, final: fc.boolean(), dispersion: fc.record({ errors: fc.constantFrom(1, 1.5), location: fc.constant(1), tails: fc.constant(2), rho: fc.constant(1.25) }),
  counts: fc.record({ nC: count, nB: count, errorsC: count, errorsB: count, settledC: count, settledB: count, rhoMin: fc.constant(1), goalsC: cells(4), goalsB: cells(4), odds: fc.option(fc.record({ most: count, least: count })), numbers: fc.constant([] as LatencyCounts[]), latency: fc.array(latency, { maxLength: 2 }) }),
});
const excess = fc.record({ excess: count, events: count, information: count });
const found = fc.record({ shards: excess, endpoints: fc.option(excess) });
const reports: fc.Arbitrary<Report> = fc.record({
  instance: fc.string({ maxLength: 20 }), run: fc.string({ maxLength: 20 }), region: fc.option(fc.constantFrom("eu", "us")), seq: count,
  acknowledged: fc.dictionary(fc.constantFrom("shop", "cart"), count, { noNullPrototype: true }),
  rollouts: fc.array(fc.record({
    route: fc.constantFrom("shop", "cart"), marks: fc.record({ era: fc.constantFrom("0.0", "2.1"), step: count, breaker: count, verify: count }),
    breaker: fc.record({ bad: count, ok: count, spread: count, baselineBad: count, baselineOk: count, badShards: words, shards: words }),
    windows: fc.option(fc.record({
      candidate: window, baseline: window, sinceVerify: window, earlier: fc.option(window), errorBound: fc.constantFrom(0.01, 1), dispersion: fc.record({ errors: found, location: found, tails: found }),
      stepCandidateRequests: count, stepBaselineRequests: count, stepCandidateSettled: count, quietMs: count, bad: count,
    })),
    model: fc.option(fc.constant({ generation: 3, classShares: Array.from({ length: 16 }, () => 0.0625), scores: Array.from({ length: 16 }, (_, i) => i / 8 - 1), tailShares: [0.05, 0.01, 0.002, 0.004] })),
    strata: fc.array(stratum, { maxLength: 4 }), trip: fc.option(fc.constant({ era: "2.1", breaker: 1, kind: "breaker" as const, limit: -1, evidence: null, region: null, by: "", why: "" })),
  }), { maxLength: 3 }),
});

describe("a report", () => {
  test("arrives as it was sent", () => {
    fc.assert(fc.property(reports, (report) => {
      expect(decodeReport(encodeReport(report))).toEqual(report);
    }), { numRuns: 100 });
  });

  test("is dropped, and throws nothing, where a part of it was changed on the way", () => {
    fc.assert(fc.property(reports, fc.nat(), fc.constantFrom(null, "x", -1, {}, [], [1, 2]), (report, at, wrong) => {
      let left = at;
      const spoil = (value: unknown): unknown => {
        if (left-- === 0) return wrong;
        return Array.isArray(value) ? value.map(spoil) : value;
      };
      const told = decodeReport(JSON.stringify(spoil(JSON.parse(encodeReport(report)))));
      if (told !== null) expect(encodeReport(told).length).toBeLessThan(reportBytesMax);
    }), { numRuns: 300 });
  });

  test("that is too long, of another version or no JSON is dropped", () => {
    for (const text of ["", "{", "[]", "null", '[1,"a","b",null,1,{},[]]', `"${"x".repeat(reportBytesMax)}"`]) expect(decodeReport(text)).toBeNull();
  });
});
