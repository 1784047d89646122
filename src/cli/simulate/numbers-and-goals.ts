/** Conversion goals and custom numbers in a simulated world: what is drawn, and the edges that the numbers are counted against. */
import type { ConversionLimit, CustomLimit, LimitPlan } from "../../config/rollout-plan.ts";
import type { Random } from "../../core/random.ts";
import { customClassCount, customModel } from "../../judge/custom.ts";
import type { Dispersion } from "../../judge/dispersion.ts";
import type { LatencyModel as ClassModel } from "../../judge/edges.ts";
import { numberBuckets } from "../../observe/layout.ts";
import { badnessFrom, numberBucketOf } from "../../observe/numbers.ts";
import { firstEdges, laterEdges } from "../../rollout/number-watch.ts";
import type { LatencyModel } from "./latency-model.ts";
import { binomial, poisson } from "./random.ts";
import type { Side, VariantSecond } from "./second.ts";

export interface GoalPlan {
  /** Conversions of both variants together, were they alike: each is the candidate's with the split's probability. */
  readonly perSecond: number;
  /** The share of the candidate's conversions that still come. */
  readonly left: number;
}

/** Numbers that are worse when higher. */
export interface NumberPlan {
  /** Of the answers, those that send one. */
  readonly part: number;
  readonly baseline: LatencyModel;
  readonly candidate: LatencyModel;
}

export const goalLimit: ConversionLimit = {
  metric: "conversion", name: "goal", action: "rollback", relative: 1.05, scope: "everywhere", prove: false,
  goal: { kind: "request", method: "POST", path: { kind: "prefix", value: "/orders" }, statusFrom: 200, statusTo: 299 },
};
export const numberLimit: CustomLimit = { metric: "custom", name: "number", header: "x-number", worse: "higher", action: "rollback", margin: 0.1, scope: "everywhere", prove: false };

/** What the plan's world has beside errors and latencies is judged beside them, from the same budget. */
export const limitsWith = (usual: readonly LimitPlan[], goals: boolean, numbers: boolean): readonly LimitPlan[] => [...usual, ...(goals ? [goalLimit] : []), ...(numbers ? [numberLimit] : [])];

/** @param share the candidate's by the split; undefined: there are no goals */
export function withOdds(dispersion: Dispersion, share: number | undefined): Dispersion {
  if (share === undefined) return dispersion;
  const odds = (1 - share) / share;
  return { ...dispersion, odds: { most: odds, least: odds } };
}

/** Given that a user converts in this second, whose it is was drawn long ago, by the split. */
export function drawGoals({ perSecond, left }: GoalPlan, share: number, of: Readonly<Record<Side, VariantSecond>>, random: Random): void {
  const converting = poisson(perSecond, random);
  const mine = binomial(converting, share, random);
  of.baseline.goals = converting - mine;
  of.candidate.goals = binomial(mine, left, random);
}

export function drawNumbers(plan: NumberPlan, side: Side, of: VariantSecond, scale: number, random: Random): void {
  const n = binomial(of.n, plan.part, random);
  of.numbers.length = 0;
  for (let i = 0; i < n; i++) of.numbers.push(numberBucketOf((scale * plan[side].atMs(random())).toPrecision(6), "higher"));
}

/** As rollout/number-watch.ts: edges from the baseline's earlier numbers. */
export class NumberClasses {
  model: ClassModel | null = null;
  private readonly counts = new Float64Array(numberBuckets);
  private sinceMs: number;
  private n = 0;

  constructor(nowMs: number) {
    this.sinceMs = nowMs;
  }

  /** @param into eight classes. @returns the generation that they were counted against; 0: none yet */
  classify(side: Side, buckets: readonly number[], into: Float64Array): number {
    into.fill(0, 0, customClassCount);
    const table = side === "candidate" ? this.model?.candidateTable : this.model?.baselineTable;
    for (const bucket of buckets) {
      if (side === "baseline") this.counts[bucket]!++;
      if (table !== undefined) into[table[bucket]! & 15]!++;
    }
    if (side === "baseline") this.n += buckets.length;
    return this.model?.generation ?? 0;
  }

  /** Ends a second. @returns new edges, which hold from the next one on */
  learn(nowMs: number): ClassModel | null {
    const rule = this.model === null ? firstEdges : laterEdges;
    if (this.n < rule.numbers || nowMs - this.sinceMs < rule.ms) return null;
    this.model = customModel((this.model?.generation ?? 0) + 1, { counts: this.counts, lowerMicros: (bucket) => badnessFrom(bucket, "higher") }, numberLimit.margin);
    this.sinceMs = nowMs;
    this.counts.fill(0);
    this.n = 0;
    return this.model;
  }
}
