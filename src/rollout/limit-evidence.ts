/** From the wealth of the tests to what `decide` reads of each limit. Pure. */
import type { LimitAction, LimitPlan, RolloutPlan } from "../config/rollout-plan.ts";
import { notWorseThreshold } from "../judge/advance.ts";
import { breachThreshold } from "../judge/wealth.ts";
import type { MirrorTally } from "./mirror-watch.ts";
import type { NumbersSeen } from "./number-watch.ts";
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
export function limitEvidence(plan: RolloutPlan, wealth: readonly LimitWealth[], candidate: VariantWindow, baseline: VariantWindow, reached: readonly Reached[] = [], numbers: NumbersSeen | null = null, copies: MirrorTally | null = null): LimitEvidence[] {
  const threshold = breachThreshold(plan.alpha);
  const own = plan.limits.map((limit): Weighed => ({ action: limit.action, weighted: 0, strongest: -1, bound: "relative", share: 0, notWorse: 0, phi: 1 }));
  for (const entry of wealth) weigh(own[entry.limit]!, entry);
  const groups = new Map<LimitAction, { sum: number; strongest: Weighed }>();
  for (const entry of own) {
    const group = groups.get(entry.action);
    if (group === undefined) {
      groups.set(entry.action, { sum: entry.weighted, strongest: entry });
      continue;
    }
    group.sum += entry.weighted;
    if (entry.weighted > group.strongest.weighted) group.strongest = entry;
  }
  let goals = 0;
  return plan.limits.map((limit, i) => {
    const mine = own[i]!;
    const { weighted, bound, share, notWorse, phi } = mine;
    const group = groups.get(limit.action)!;
    const breached = group.sum >= threshold && group.strongest === mine;
    const goal = limit.metric === "conversion" ? (reached[goals++] ?? nobody) : null;
    const number = limit.metric === "custom" ? (numbers ?? noNumbers) : null;
    const mirror = limit.metric === "mirror" ? (copies ?? noCopies) : null;
    const [candidateValue, baselineValue] =
      mirror !== null ? [mirror.compared > 0 ? mirror.differing / mirror.compared : null, null] : goal !== null ? [rate(goal.candidate), rate(goal.baseline)] : number !== null ? [number.candidate.median, number.baseline.median] : values(limit, candidate, baseline);
    return {
      metric: limit.metric, quantile: limit.metric === "latency" ? limit.quantile : null, ...nameOf(limit), action: limit.action,
      verdict: breached ? "breached" : notWorse >= notWorseThreshold ? "healthy" : "inconclusive",
      bound, candidateValue, baselineValue, limitValue: limitValue(limit, bound, baselineValue), margin: "margin" in limit ? limit.margin : 0,
      candidateN: mirror?.compared ?? goal?.candidate.cohorts ?? number?.candidate.n ?? candidate.settled, baselineN: mirror?.compared ?? goal?.baseline.cohorts ?? number?.baseline.n ?? baseline.settled,
      wealth: weighted, groupWealth: group.sum, threshold, share, phi, notWorse,
    };
  });
}

/** Of one goal since the weights last changed. */
export interface Reached {
  readonly candidate: { readonly cohorts: number; readonly goals: number };
  readonly baseline: { readonly cohorts: number; readonly goals: number };
}
const nobody: Reached = { candidate: { cohorts: 0, goals: 0 }, baseline: { cohorts: 0, goals: 0 } };
const noCopies: MirrorTally = { compared: 0, differing: 0 };
const noNumbers: NumbersSeen = { candidate: { median: null, n: 0 }, baseline: { median: null, n: 0 } };
/** Absent where the metric says it all. */
export const nameOf = (limit: LimitPlan): { name?: string } => ("name" in limit ? { name: limit.name } : {});
const rate = ({ cohorts, goals }: Reached["candidate"]): number | null => (cohorts > 0 ? Math.min(1, goals / cohorts) : null);

interface Weighed {
  readonly action: LimitAction;
  weighted: number;
  /** The largest of what it was summed from. */
  strongest: number;
  bound: "relative" | "absolute";
  share: number;
  notWorse: number;
  phi: number;
}

function weigh(into: Weighed, entry: LimitWealth): void {
  const mine = entry.share * entry.wealth;
  into.weighted += mine;
  into.share += entry.share;
  into.notWorse = Math.max(into.notWorse, entry.notWorse);
  into.phi = Math.max(into.phi, entry.phi);
  if (mine <= into.strongest) return;
  into.strongest = mine;
  into.bound = entry.bound;
}

function values(limit: LimitPlan, candidate: VariantWindow, baseline: VariantWindow): readonly [number | null, number | null] {
  if (limit.metric !== "latency") return [candidate.errorRate, baseline.errorRate];
  const key = limit.quantile === "location" ? "p50Ms" : limit.quantile === "p95" ? "p95Ms" : "p99Ms";
  return [candidate[key], baseline[key]];
}

function limitValue(limit: LimitPlan, bound: "relative" | "absolute", baseline: number | null): number | null {
  if (limit.metric === "mirror") return limit.differing;
  if (limit.metric === "conversion") return baseline === null ? null : baseline / limit.relative;
  if (limit.metric === "custom") return baseline === null ? null : limit.worse === "higher" ? baseline * (1 + limit.margin) : baseline / (1 + limit.margin);
  const absolute = limit.metric === "errorRate" ? limit.absolute : limit.absoluteMs;
  if (bound === "absolute" && absolute !== null) return absolute;
  if (baseline === null) return null;
  if (limit.metric === "errorRate") return Math.min(1, limit.relative * baseline + limit.margin);
  return Math.max(baseline * (1 + limit.margin), baseline + limit.floorMs);
}
