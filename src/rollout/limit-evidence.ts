/** From the wealth of the tests to what `decide` reads of each limit. Pure. */
import type { LimitAction, LimitPlan, RolloutPlan } from "../config/rollout-plan.ts";
import { notWorseThreshold } from "../judge/advance.ts";
import { breachThreshold } from "../judge/wealth.ts";
import type { LimitEvidence, VariantWindow } from "./types.ts";

export interface LimitWealth {
  /** Index into the plan's limits. */
  readonly limit: number;
  readonly bound: "relative" | "absolute";
  readonly share: number;
  /** S. */
  readonly wealth: number;
  readonly notWorse: number;
  /** Overdispersion that the evidence was divided by (JUDGE 4.3). */
  readonly phi: number;
}

/**
 * A group is all limits with the same action. The groups' sums together are the weighted sum of JUDGE 3, so holding each
 * against the whole threshold keeps alpha for all of them. Where a group is breached, its strongest limit is the one
 * that speaks.
 */
export function limitEvidence(plan: RolloutPlan, wealth: readonly LimitWealth[], candidate: VariantWindow, baseline: VariantWindow): LimitEvidence[] {
  const threshold = breachThreshold(plan.alpha);
  const own = plan.limits.map((_, i) => weigh(wealth.filter((entry) => entry.limit === i)));
  const groupOf = (action: LimitAction): number => own.reduce((sum, entry, i) => (plan.limits[i]!.action === action ? sum + entry.weighted : sum), 0);
  return plan.limits.map((limit, i) => {
    const { weighted, bound, share, notWorse, phi } = own[i]!;
    const groupWealth = groupOf(limit.action);
    const strongest = own.every((other, k) => plan.limits[k]!.action !== limit.action || other.weighted < weighted || (other.weighted === weighted && k >= i));
    const breached = groupWealth >= threshold && strongest;
    const [candidateValue, baselineValue] = values(limit, candidate, baseline);
    return {
      metric: limit.metric, quantile: limit.metric === "latency" ? limit.quantile : null, action: limit.action,
      verdict: breached ? "breached" : notWorse >= notWorseThreshold ? "healthy" : "inconclusive",
      bound, candidateValue, baselineValue, limitValue: limitValue(limit, bound, baselineValue), margin: limit.margin,
      candidateN: candidate.settled, baselineN: baseline.settled,
      wealth: weighted, groupWealth, threshold, share, phi, notWorse,
    };
  });
}

function weigh(entries: readonly LimitWealth[]): { weighted: number; bound: "relative" | "absolute"; share: number; notWorse: number; phi: number } {
  let weighted = 0;
  let share = 0;
  let notWorse = 0;
  let phi = 1;
  let strongest = -1;
  let bound: "relative" | "absolute" = "relative";
  for (const entry of entries) {
    const mine = entry.share * entry.wealth;
    weighted += mine;
    share += entry.share;
    notWorse = Math.max(notWorse, entry.notWorse);
    phi = Math.max(phi, entry.phi);
    if (mine <= strongest) continue;
    strongest = mine;
    bound = entry.bound;
  }
  return { weighted, bound, share, notWorse, phi };
}

function values(limit: LimitPlan, candidate: VariantWindow, baseline: VariantWindow): readonly [number | null, number | null] {
  if (limit.metric === "errorRate") return [candidate.errorRate, baseline.errorRate];
  const key = limit.quantile === "location" ? "p50Ms" : limit.quantile === "p95" ? "p95Ms" : "p99Ms";
  return [candidate[key], baseline[key]];
}

function limitValue(limit: LimitPlan, bound: "relative" | "absolute", baseline: number | null): number | null {
  const absolute = limit.metric === "errorRate" ? limit.absolute : limit.absoluteMs;
  if (bound === "absolute" && absolute !== null) return absolute;
  if (baseline === null) return null;
  if (limit.metric === "errorRate") return Math.min(1, limit.relative * baseline + limit.margin);
  return Math.max(baseline * (1 + limit.margin), baseline + limit.floorMs);
}
