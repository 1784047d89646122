/** From a plan's limits to the tests of a trial: one on the concurrent baseline each, and one on the absolute bound. */
import type { ConversionLimit, ErrorRateLimit, LatencyLimit, LimitPlan } from "../config/rollout-plan.ts";
import { absoluteAlternatives, absoluteLlr } from "../judge/absolute.ts";
import { advanceErrorAlternatives, advanceErrorLlr, errorNotWorse, mixture } from "../judge/advance.ts";
import type { StratumCounts } from "../judge/counts.ts";
import type { EdgeMargin, EdgeMargins, LatencyModel } from "../judge/edges.ts";
import { budgetShares, type BudgetEntry } from "../judge/budget.ts";
import { advanceConversionAlternatives, advanceConversionLlr, conversionLlr, conversionNotWorse, conversionPrior, conversionRatios } from "../judge/conversion.ts";
import { addCustomLlr } from "../judge/custom.ts";
import { errorLlr, errorPrior, errorRatios } from "../judge/errors.ts";
import { addLadderLlr, addLocationLlr, addTailLlr, latencyWeights, locationEtas, locationPrior, p99Alternatives, ShareLogs, tailOdds, tailPriors, type LatencyWeights } from "../judge/latency.ts";
import type { TrialTest } from "../judge/trial.ts";

export interface LimitTest {
  /** Index into the plan's limits. */
  readonly limit: number;
  readonly bound: "relative" | "absolute";
  /** Of the budget; the shares of all tests sum to 1. */
  readonly share: number;
  readonly test: TrialTest;
}

/** The part of a limit's share that its absolute bounds have: the operator's, and the earlier baseline's while there is no other. */
const absolutePart = 1 / 8;
/** While the candidate is alone, a tail may be exceeded so many times as often as the earlier baseline did, and at least so much oftener. */
const aloneTimes = 3;
const aloneMargin = 0.01;
/** In-flight strata reach back 64 s, and edges change at most every 5 s. */
const keptGenerations = 16;

/** The weights of the generations that a stratum may still have been counted against. */
export class LatencyModels {
  private readonly kept: number;
  private readonly models = new Map<number, LatencyModel>();
  private readonly worse = new Map<number, LatencyWeights>();
  private readonly notWorse = new Map<number, LatencyWeights>();
  private readonly logs = { worse: new ShareLogs(), notWorse: new ShareLogs() };

  constructor(kept = keptGenerations) {
    this.kept = kept;
  }

  add(model: LatencyModel): void {
    this.models.set(model.generation, model);
    // Latency and a custom limit take their generations in turns, so they do not follow each other.
    for (const remembered of [this.models, this.worse, this.notWorse]) {
      for (const generation of remembered.keys()) if (generation <= model.generation - this.kept) remembered.delete(generation);
    }
  }

  /** Computed when they are first asked for: not every trial asks for both directions. */
  weights(generation: number, direction: 1 | -1): LatencyWeights | undefined {
    const made = direction === 1 ? this.worse : this.notWorse;
    let weights = made.get(generation);
    if (weights !== undefined) return weights;
    const model = this.models.get(generation);
    if (model === undefined) return undefined;
    weights = latencyWeights(model, direction, direction === 1 ? this.logs.worse : this.logs.notWorse);
    made.set(generation, weights);
    return weights;
  }
}

/** @param bakeBound what errors are held to while the baseline has no traffic: see `errorTests`. @param numbers the edges of a custom limit */
export function limitTests(limits: readonly LimitPlan[], models: LatencyModels, bakeBound: () => number, numbers = new LatencyModels()): LimitTest[] {
  const shares = limitShares(limits);
  let goals = 0;
  return limits.flatMap((limit, index) => {
    const share = shares[index]!;
    if (limit.metric === "errorRate") return errorTests(limit, index, share, bakeBound);
    if (limit.metric === "conversion") return [{ limit: index, bound: "relative", share, test: conversionTest(limit, goals++) }];
    // Judged on what came of the copies, not on strata (mirror-watch.ts).
    if (limit.metric === "mirror") return [];
    if (limit.metric === "custom") return [{ limit: index, bound: "relative", share, test: customTest(numbers) }];
    const relative: LimitTest = { limit: index, bound: "relative", share, test: latencyTest(limit, models, farNested(limits)) };
    const tail = tailOf(limit);
    if (tail < 0) return [relative];
    const own = absoluteLatencyShare(limits, index);
    const alone: LimitTest = { limit: index, bound: "absolute", share: share * absolutePart - own, test: aloneTest(tail, models) };
    return [{ ...relative, share: share * (1 - absolutePart) }, alone];
  });
}

/**
 * The share of a latency limit's absolute bound: it is judged on histograms rather than on strata (absolute-latency.ts).
 * @returns 0 where the limit has none
 */
export function absoluteLatencyShare(limits: readonly LimitPlan[], index: number): number {
  const limit = limits[index]!;
  if (limit.metric !== "latency" || limit.absoluteMs === null) return 0;
  return (limitShares(limits)[index]! * absolutePart) / 2;
}

/** The share of the limit on copies. @returns 0 where there is none */
export const mirrorShare = (limits: readonly LimitPlan[]): number => limitShares(limits)[limits.findIndex(({ metric }) => metric === "mirror")] ?? 0;

const limitShares = (limits: readonly LimitPlan[]): number[] =>
  budgetShares(limits.map((limit): BudgetEntry => ({ metric: limit.metric === "latency" ? limit.quantile : limit.metric, ...(limit.budgetShare === undefined ? {} : { share: limit.budgetShare }) })));

/** 0: p95, 1: p99, 2: 2*p99; -1: the bulk. */
const tailOf = (limit: LatencyLimit): number => ["p95", "p99", "2xp99"].indexOf(limit.quantile);

function errorTests(limit: ErrorRateLimit, index: number, share: number, bakeBound: () => number): LimitTest[] {
  const relative: TrialTest = {
    alternatives: errorRatios.length,
    prior: errorPrior,
    llr: (counts, out) => errorLlr(counts, Math.max(limit.relative, counts.rhoMin), limit.margin, out),
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

/** A cohort counts once, so there is nothing to divide by. @param goal its place among the route's goals */
function conversionTest({ relative }: ConversionLimit, goal: number): TrialTest {
  const goals = (counts: StratumCounts) => ({ goalsC: counts.goalsC[goal]!, goalsB: counts.goalsB[goal]! });
  return {
    alternatives: conversionRatios.length,
    prior: conversionPrior,
    phi: "none",
    llr: (counts, out) => conversionLlr(goals(counts), counts.odds?.most ?? 0, relative, out),
    notWorse: {
      alternatives: advanceConversionAlternatives,
      llr: (counts, out) => advanceConversionLlr(goals(counts), counts.odds?.least ?? 0, relative, out),
      value: conversionNotWorse,
    },
  };
}

/** Each number that counts was assigned by itself, so there is nothing to divide by. */
function customTest(models: LatencyModels): TrialTest {
  const add = (counts: StratumCounts, direction: 1 | -1, out: Float64Array): void => {
    for (const group of counts.numbers) {
      const weights = models.weights(group.generation, direction);
      if (weights !== undefined) addCustomLlr(group, weights, out);
    }
  };
  const alternatives = locationEtas.length;
  return {
    alternatives,
    prior: locationPrior,
    phi: "none",
    llr: (counts, out) => add(counts, 1, out),
    notWorse: { alternatives, llr: (counts, out) => add(counts, -1, out), value: mixture },
  };
}

function latencyTest(limit: LatencyLimit, models: LatencyModels, far: boolean): TrialTest {
  const tail = tailOf(limit);
  const alternatives = tail < 0 ? locationEtas.length : tailOdds.length;
  const add = (counts: StratumCounts, direction: 1 | -1, out: Float64Array): void => {
    for (const group of counts.latency) {
      const weights = models.weights(group.generation, direction);
      if (weights === undefined) continue;
      if (tail < 0) addLocationLlr(group, weights, out);
      else addTailLlr(group, weights, tail, out);
      if (tail === 1 && direction === 1) addLadderLlr(group, weights, far, out);
    }
  };
  return {
    alternatives: tail === 1 ? p99Alternatives : alternatives,
    prior: tail < 0 ? locationPrior : tailPriors[tail]!,
    phi: tail < 0 ? "location" : "tails",
    llr: (counts, out) => add(counts, 1, out),
    notWorse: { alternatives, llr: (counts, out) => add(counts, -1, out), value: mixture },
  };
}

/**
 * A tail of a candidate that has all the traffic (JUDGE 6, DESIGN 6: watched after 100%): how often it passes the edge that the
 * baseline's last windows set. The earlier baseline had other hours and other load, hence the wide bound (decision 018).
 */
function aloneTest(tail: number, models: LatencyModels): TrialTest {
  const one = new Float64Array(absoluteAlternatives);
  return {
    alternatives: absoluteAlternatives,
    phi: "tails",
    llr(counts, out) {
      for (const group of counts.latency) {
        const usual = models.weights(group.generation, 1)?.model.tailShares[tail];
        if (usual === undefined || group.nB > 0) continue;
        absoluteLlr(group.nC, group.tailsC[tail]!, Math.min(1, Math.max(aloneTimes * usual, usual + aloneMargin)), one);
        for (let j = 0; j < one.length; j++) out[j]! += one[j]!;
      }
    },
    notWorse: null,
  };
}

/** The margins that the candidate's edges are moved by; a quantile without a limit has none, and is not judged. */
export function edgeMargins(limits: readonly LimitPlan[]): EdgeMargins {
  const of = (quantile: LatencyLimit["quantile"]): EdgeMargin =>
    latencyLimit(limits, quantile) ?? { margin: 0, floorMs: 0 };
  return { location: of("location"), p95: of("p95"), p99: of("p99"), "2xp99": latencyLimit(limits, "2xp99") ?? of("p99") };
}

const latencyLimit = (limits: readonly LimitPlan[], quantile: LatencyLimit["quantile"]): LatencyLimit | undefined =>
  limits.find((limit): limit is LatencyLimit => limit.metric === "latency" && limit.quantile === quantile);

/** Whether what passes the candidate's 2*p99 has passed its own 2*p99 moved by the p99's margin: else the p99 would be held to the other's margin. */
function farNested(limits: readonly LimitPlan[]): boolean {
  const { p99, "2xp99": twice } = edgeMargins(limits);
  return twice.margin >= p99.margin && twice.floorMs >= p99.floorMs;
}
