/**
 * The absolute bound of a latency limit: at most 5% (p95) or 1% (p99) of the candidate's answers may be slower. It is
 * judged once a second on the first-byte histogram, by the time of the answer: what never answers, the breaker and the
 * tails see. Seconds in which the baseline's own quantile is over the bound do not count (JUDGE 8).
 */
import type { LimitPlan } from "../config/rollout-plan.ts";
import { absoluteAlternatives, absoluteLlr } from "../judge/absolute.ts";
import { bet, inject, newWealth, total } from "../judge/wealth.ts";
import { bucketLower } from "../observe/histogram.ts";
import { histogramBuckets } from "../observe/layout.ts";
import type { VariantWindow } from "./types.ts";

export class AbsoluteLatency {
  /** Index into the plan's limits. */
  readonly limit: number;
  readonly share: number;
  private readonly quantile: "p95Ms" | "p99Ms";
  private readonly allowed: number;
  private readonly boundMs: number;
  /** The first bucket that lies wholly above the bound. */
  private readonly fromBucket: number;
  private readonly wealthOf = newWealth(absoluteAlternatives);
  private n = 0;
  private slow = 0;

  constructor(limit: number, plan: LimitPlan & { readonly metric: "latency" }, share: number, histogram: Float64Array) {
    this.limit = limit;
    this.share = share;
    this.quantile = plan.quantile === "p95" ? "p95Ms" : "p99Ms";
    this.allowed = plan.quantile === "p95" ? 0.05 : 0.01;
    this.boundMs = plan.absoluteMs ?? Number.POSITIVE_INFINITY;
    let bucket = 0;
    while (bucket < histogramBuckets && bucketLower(bucket) <= this.boundMs * 1000) bucket++;
    this.fromBucket = bucket;
    this.count(histogram);
  }

  get wealth(): number {
    return total(this.wealthOf);
  }

  inject(amount: number): void {
    inject(this.wealthOf, amount);
  }

  rearm(): void {
    this.wealthOf.fill(0);
  }

  /** Once a second. @param histogram the candidate's since the start; @param baseline its last 10 s */
  update(histogram: Float64Array, baseline: VariantWindow, seconds: number): void {
    const { n, slow } = this;
    this.count(histogram);
    const usual = baseline[this.quantile];
    if (usual !== null && usual > this.boundMs) return;
    const out = new Float64Array(absoluteAlternatives);
    absoluteLlr(this.n - n, this.slow - slow, this.allowed, out);
    bet(this.wealthOf, out, seconds, 1);
  }

  private count(histogram: Float64Array): void {
    this.n = 0;
    this.slow = 0;
    for (let i = 0; i < histogramBuckets; i++) {
      this.n += histogram[i]!;
      if (i >= this.fromBucket) this.slow += histogram[i]!;
    }
  }
}
