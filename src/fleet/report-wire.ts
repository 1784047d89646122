/**
 * A report as bytes: JSON of arrays, a few hundred bytes for a rollout and second. What comes in is checked number by number, because it
 * decides about users: a message that is not one is dropped, and contributes nothing.
 */
import type { Odds } from "../judge/conversion.ts";
import { goalCount, locationClassCount, tailCount, type LatencyCounts, type StratumCounts } from "../judge/counts.ts";
import type { DispersionFound } from "../judge/dispersion.ts";
import type { MemberStratum } from "../judge/fleet-trial.ts";
import type { Excess } from "../judge/shadow-arms.ts";
import type { LimitEvidence, VariantWindow } from "../rollout/types.ts";
import { dispersionOf, reportBytesMax, strataPerReportMax, type Report, type ReportedBreaker, type ReportedModel, type ReportedWindows, type RolloutReport, type Trip } from "./report.ts";

const version = 2;
/** Ratios of what is rounded like this are off by less than a thousandth. */
const short = (value: number): number => Number(value.toPrecision(5));
const window = ({ requests, settled, failed, p50Ms, p95Ms, p99Ms }: VariantWindow): unknown[] => [requests, settled, failed, p50Ms, p95Ms, p99Ms].map((n) => (n === null ? null : short(n)));

const kinds = ["errors", "location", "tails"] as const;
const excess = (of: Excess | null): number[] | null => (of === null ? null : [short(of.excess), short(of.events), short(of.information)]);

export function encodeReport(report: Report): string {
  const { instance, run, region, seq, rollouts, acknowledged } = report;
  return JSON.stringify([version, instance, run, region, seq, acknowledged, rollouts.map(encodeRollout)]);
}

function encodeRollout({ route, marks, breaker, windows, model, strata, trip }: RolloutReport): unknown[] {
  return [
    route, [marks.era, marks.step, marks.breaker, marks.verify],
    [breaker.bad, breaker.ok, breaker.spread, breaker.baselineBad, breaker.baselineOk, ...breaker.badShards, ...breaker.shards],
    windows === null ? null : [
      window(windows.candidate), window(windows.baseline), window(windows.sinceVerify), windows.earlier === null ? null : window(windows.earlier), short(windows.errorBound),
      windows.stepCandidateRequests, windows.stepBaselineRequests, windows.stepCandidateSettled, Math.round(windows.quietMs), windows.bad,
      kinds.flatMap((kind) => [excess(windows.dispersion[kind].shards), excess(windows.dispersion[kind].endpoints)]),
    ],
    model === null ? null : [model.generation, model.classShares.map(short), model.scores.map(short), model.tailShares.map(short)],
    strata.map(({ from, counts, dispersion, final }) => [
      from, final ? 1 : 0, dispersionOf(dispersion).map(short),
      counts.nC, counts.nB, counts.errorsC, counts.errorsB, counts.settledC, counts.settledB, short(counts.rhoMin),
      [...counts.goalsC], [...counts.goalsB], counts.odds === null ? null : [short(counts.odds.most), short(counts.odds.least)],
      counts.latency.map((g) => [g.generation, g.nC, g.nB, g.unsettledC, g.unsettledB, [...g.locationC], [...g.locationB], [...g.tailsC], [...g.tailsB]]),
    ]),
    trip,
  ];
}

class Malformed extends Error {}

/** @returns null for what is no report of this version */
export function decodeReport(text: string): Report | null {
  if (text.length > reportBytesMax) return null;
  try {
    const [v, instance, run, region, seq, acknowledged, rollouts] = list(JSON.parse(text), 7);
    if (v !== version) return null;
    return {
      instance: string(instance), run: string(run), region: region === null ? null : string(region), seq: count(seq),
      acknowledged: Object.fromEntries(Object.entries(object(acknowledged)).map(([route, revision]) => [route, count(revision)])),
      rollouts: array(rollouts).map(decodeRollout),
    };
  } catch (error) {
    if (error instanceof Malformed || error instanceof SyntaxError) return null;
    throw error;
  }
}

function decodeRollout(value: unknown): RolloutReport {
  const [route, marks, breaker, windows, model, strata, trip] = list(value, 7);
  const [era, step, breakerMark, verify] = list(marks, 4);
  const rows = array(strata);
  if (rows.length > strataPerReportMax) throw new Malformed();
  return {
    route: string(route), marks: { era: string(era), step: count(step), breaker: count(breakerMark), verify: count(verify) },
    breaker: decodeBreaker(breaker), windows: windows === null ? null : decodeWindows(windows), model: model === null ? null : decodeModel(model),
    strata: rows.map(decodeStratum), trip: trip === null ? null : decodeTrip(trip),
  };
}

function decodeBreaker(value: unknown): ReportedBreaker {
  const [bad, ok, spread, baselineBad, baselineOk, ...words] = list(value, 13).map(count) as [number, number, number, number, number, ...number[]];
  return { bad, ok, spread, baselineBad, baselineOk, badShards: words.slice(0, 4), shards: words.slice(4) };
}

function decodeWindows(value: unknown): ReportedWindows {
  const [candidate, baseline, sinceVerify, earlier, errorBound, stepC, stepB, stepSettled, quietMs, bad, dispersion] = list(value, 11);
  return {
    candidate: decodeWindow(candidate), baseline: decodeWindow(baseline), sinceVerify: decodeWindow(sinceVerify), earlier: earlier === null ? null : decodeWindow(earlier),
    errorBound: Math.min(1, count(errorBound)), stepCandidateRequests: count(stepC), stepBaselineRequests: count(stepB), stepCandidateSettled: count(stepSettled),
    quietMs: count(quietMs), bad: count(bad), dispersion: decodeDispersion(dispersion),
  };
}

function decodeDispersion(value: unknown): DispersionFound {
  const all = list(value, 2 * kinds.length);
  const one = (of: unknown): Excess => {
    const [excessOf, events, information] = list(of, 3).map(count) as [number, number, number];
    return { excess: excessOf, events, information };
  };
  const at = (i: number) => ({ shards: one(all[2 * i]), endpoints: all[2 * i + 1] === null ? null : one(all[2 * i + 1]) });
  return { errors: at(0), location: at(1), tails: at(2) };
}

function decodeWindow(value: unknown): VariantWindow {
  const [requests, settled, failed, ...quantiles] = list(value, 6);
  const [p50Ms, p95Ms, p99Ms] = quantiles.map((q) => (q === null ? null : count(q))) as [number | null, number | null, number | null];
  const n = count(settled);
  return { requests: count(requests), settled: n, failed: count(failed), errorRate: n > 0 ? Math.min(1, count(failed) / n) : null, p50Ms, p95Ms, p99Ms };
}

function decodeModel(value: unknown): ReportedModel {
  const [generation, classShares, scores, tailShares] = list(value, 4);
  const model = { generation: count(generation), classShares: list(classShares, locationClassCount).map(count), scores: list(scores, locationClassCount).map(number), tailShares: list(tailShares, tailCount).map(count) };
  // Weights that fall would not be a test of "slower".
  if (model.scores.some((score, i) => i > 0 && score < model.scores[i - 1]!) || model.tailShares.some((share) => share <= 0 || share >= 1) || !falling(model.tailShares)) throw new Malformed();
  return model;
}

/** The farther edge is passed less often; by place: p95, p99, 2*p99, 1.5*p99. */
const falling = ([p95, p99, twice, half]: readonly number[]): boolean => p95! >= p99! && p99! >= half! && half! >= twice!;

function decodeStratum(value: unknown): MemberStratum {
  const [from, final, dispersion, nC, nB, errorsC, errorsB, settledC, settledB, rhoMin, goalsC, goalsB, odds, latency] = list(value, 14);
  const [errors, location, tails, rho] = list(dispersion, 4).map((phi) => Math.max(1, count(phi))) as [number, number, number, number];
  const counts: StratumCounts = {
    nC: count(nC), nB: count(nB), errorsC: count(errorsC), errorsB: count(errorsB), settledC: count(settledC), settledB: count(settledB),
    rhoMin: Math.max(1, count(rhoMin)), goalsC: cells(goalsC, goalCount), goalsB: cells(goalsB, goalCount), odds: odds === null ? null : decodeOdds(odds),
    // A custom metric's edges are each sidecar's own: it judges them alone (sum.ts).
    numbers: [], latency: array(latency).slice(0, 4).map(decodeLatency),
  };
  return { from: count(from), final: final === 1, dispersion: { errors, location, tails, rho }, counts };
}

const cells = (of: unknown, length: number): Float64Array => Float64Array.from(list(of, length), count);

function decodeOdds(value: unknown): Odds {
  const [most, least] = list(value, 2).map(count) as [number, number];
  return { most, least };
}

function decodeLatency(value: unknown): LatencyCounts {
  const [generation, nC, nB, unsettledC, unsettledB, locationC, locationB, tailsC, tailsB] = list(value, 9);
  return {
    generation: count(generation), nC: count(nC), nB: count(nB), unsettledC: count(unsettledC), unsettledB: count(unsettledB),
    locationC: cells(locationC, locationClassCount), locationB: cells(locationB, locationClassCount), tailsC: cells(tailsC, tailCount), tailsB: cells(tailsB, tailCount),
  };
}

const tripKinds: readonly unknown[] = ["limit", "breaker", "exposure", "command"] satisfies Trip["kind"][];

function decodeTrip(value: unknown): Trip {
  const { era, breaker, kind, limit, evidence, region, by, why } = object(value);
  if (!tripKinds.includes(kind)) throw new Malformed();
  if (kind === "limit") {
    const e = object(evidence);
    for (const key of ["wealth", "groupWealth", "threshold", "share", "phi", "notWorse", "candidateN", "baselineN", "margin"]) number(e[key]);
  }
  return {
    era: string(era), breaker: count(breaker), kind: kind as Trip["kind"], limit: number(limit), evidence: kind === "limit" ? (evidence as LimitEvidence) : null,
    region: region === null ? null : string(region), by: string(by), why: string(why),
  };
}

function array(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new Malformed();
  return value as unknown[];
}

function list(value: unknown, length: number): unknown[] {
  if (array(value).length !== length) throw new Malformed();
  return value as unknown[];
}

function object(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw new Malformed();
  return value as Record<string, unknown>;
}

function string(value: unknown): string {
  if (typeof value !== "string" || value.length > 1_024) throw new Malformed();
  return value;
}

function number(value: unknown): number {
  if (typeof value !== "number" || !Number.isFinite(value)) throw new Malformed();
  return value;
}

function count(value: unknown): number {
  if (number(value) < 0) throw new Malformed();
  return value as number;
}
