/** From a plan's limits to the tests of a trial: one on the concurrent baseline each, and one on the absolute bound. */
import type { ErrorRateLimit, LatencyLimit, LimitPlan } from "../config/rollout-plan.ts";
import { absoluteAlternatives, absoluteLlr } from "../judge/absolute.ts";
import { advanceErrorAlternatives, advanceErrorLlr, errorNotWorse, mixture } from "../judge/advance.ts";
import type { StratumCounts } from "../judge/counts.ts";
import type { EdgeMargin, EdgeMargins, LatencyModel } from "../judge/edges.ts";
import { errorLlr, errorRatios } from "../judge/errors.ts";
import { addLocationLlr, addTailLlr, latencyWeights, locationEtas, tailOdds, type LatencyWeights } from "../judge/latency.ts";
import type { TrialTest } from "../judge/trial.ts";
import { metricShares } from "../judge/wealth.ts";

export interface LimitTest {
  /** Index into the plan's limits. */
  readonly limit: number;
  readonly bound: "relative" | "absolute";
  /** Of the budget; the shares of all tests sum to 1. */
  readonly share: number;
  readonly test: TrialTest;
}

/** The part of a limit's share that its absolute bound has. */
const absolutePart = 1 / 8;
/** In-flight strata reach back 64 s, and edges change at most every 5 s. */
const keptGenerations = 16;

/** The weights of the generations that a stratum may still have been counted against. */
export class LatencyModels {
  private readonly worse = new Map<number, LatencyWeights>();
  private readonly notWorse = new Map<number, LatencyWeights>();

  add(model: LatencyModel): void {
    this.worse.set(model.generation, latencyWeights(model, 1));
    this.notWorse.set(model.generation, latencyWeights(model, -1));
    this.worse.delete(model.generation - keptGenerations);
    this.notWorse.delete(model.generation - keptGenerations);
  }

  weights(generation: number, direction: 1 | -1): LatencyWeights | undefined {
    return (direction === 1 ? this.worse : this.notWorse).get(generation);
  }
}

/** @param bakeBound what errors are held to while the baseline has no traffic: see `errorTests` */
export function limitTests(limits: readonly LimitPlan[], models: LatencyModels, bakeBound: () => number): LimitTest[] {
  const nominal = limits.map((limit) => metricShares[limit.metric === "latency" ? limit.quantile : "errorRate"]);
  const sum = nominal.reduce((a, b) => a + b, 0);
  return limits.flatMap((limit, index) => {
    const share = nominal[index]! / sum;
    if (limit.metric === "errorRate") return errorTests(limit, index, share, bakeBound);
    const relative: LimitTest = { limit: index, bound: "relative", share, test: latencyTest(limit, models) };
    return limit.absoluteMs === null ? [relative] : [{ ...relative, share: share * (1 - absolutePart) }];
  });
}

/**
 * The share of a latency limit's absolute bound: it is judged on histograms rather than on strata (absolute-latency.ts).
 * @returns 0 where the limit has none
 */
export function absoluteLatencyShare(limits: readonly LimitPlan[], index: number): number {
  const limit = limits[index]!;
  if (limit.metric !== "latency" || limit.absoluteMs === null) return 0;
  const sum = limits.reduce((a, other) => a + metricShares[other.metric === "latency" ? other.quantile : "errorRate"], 0);
  return (metricShares[limit.quantile] / sum) * absolutePart;
}

function errorTests(limit: ErrorRateLimit, index: number, share: number, bakeBound: () => number): LimitTest[] {
  const relative: TrialTest = {
    alternatives: errorRatios.length,
    llr: (counts, out) => errorLlr(counts, limit.relative, limit.margin, out),
    notWorse: {
      alternatives: advanceErrorAlternatives,
      llr: (counts, out) => advanceErrorLlr(counts, limit.relative, limit.advanceMargin ?? limit.margin, out),
      value: errorNotWorse,
    },
  };
  // At 100% there is no concurrent baseline: then the bound is the operator's, or what the baseline did earlier. A
  // stratum in which the baseline does not keep the bound says nothing against the candidate (JUDGE 8).
  const boundFor = (counts: StratumCounts): number => {
    const own = limit.absolute ?? 1;
    if (counts.nB === 0) return Math.min(own, bakeBound());
    return counts.errorsB > own * counts.nB ? 1 : own;
  };
  const absolute: TrialTest = {
    alternatives: absoluteAlternatives,
    llr: (counts, out) => absoluteLlr(counts.nC, counts.errorsC, boundFor(counts), out),
    notWorse: null,
  };
  return [
    { limit: index, bound: "relative", share: share * (1 - absolutePart), test: relative },
    { limit: index, bound: "absolute", share: share * absolutePart, test: absolute },
  ];
}

function latencyTest(limit: LatencyLimit, models: LatencyModels): TrialTest {
  const tail = ["p95", "p99", "2xp99"].indexOf(limit.quantile);
  const alternatives = tail < 0 ? locationEtas.length : tailOdds.length;
  const add = (counts: StratumCounts, direction: 1 | -1, out: Float64Array): void => {
    for (const group of counts.latency) {
      const weights = models.weights(group.generation, direction);
      if (weights === undefined) continue;
      if (tail < 0) addLocationLlr(group, weights, out);
      else addTailLlr(group, weights, tail, out);
    }
  };
  return {
    alternatives,
    llr: (counts, out) => add(counts, 1, out),
    notWorse: { alternatives, llr: (counts, out) => add(counts, -1, out), value: mixture },
  };
}

/** The margins that the candidate's edges are moved by; a quantile without a limit has none, and is not judged. */
export function edgeMargins(limits: readonly LimitPlan[]): EdgeMargins {
  const of = (quantile: LatencyLimit["quantile"]): EdgeMargin =>
    limits.find((limit): limit is LatencyLimit => limit.metric === "latency" && limit.quantile === quantile) ?? { margin: 0, floorMs: 0 };
  return { location: of("location"), p95: of("p95"), p99: of("p99"), "2xp99": of("2xp99") };
}
