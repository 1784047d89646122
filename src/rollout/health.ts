/** Questions that several rules ask of the evidence. Each is pure, and each answers "no" where there is no data. */
import type { RolloutPlan } from "../config/rollout-plan.ts";
import type { Evidence, VariantWindow } from "./types.ts";

/** Outcomes from which on a window's rate means something. */
const outcomesMin = 50;
/** A baseline that fails this much, and three times what it did earlier, is unhealthy. */
const unhealthyErrorRate = 0.05;
/** Evidence of this share of the threshold is not a breach, but no time to give more users either. */
const suspiciousShare = 0.05;
/** Without a candidate request for so long there is no traffic. */
export const noTrafficMs = 10_000;

/** Fails much more than it used to. */
export function failing(window: VariantWindow, earlier: VariantWindow | null): boolean {
  return window.errorRate !== null && window.settled >= outcomesMin && window.errorRate > Math.max(unhealthyErrorRate, 3 * (earlier?.errorRate ?? 0));
}

/** Rolling back to it, or going on beside it, would help nobody: hold and say so (JUDGE 8). */
export function baselineUnhealthy(evidence: Evidence): boolean {
  const { baseline, baselineEarlier, candidate } = evidence;
  if (!failing(baseline, baselineEarlier)) return false;
  return candidate.errorRate === null || candidate.errorRate < (baseline.errorRate ?? 0);
}

/** Something is held against the candidate, though not yet enough to act on. */
export function suspicious(evidence: Evidence): boolean {
  return evidence.limits.some((limit) => limit.action !== "dryRun" && limit.action !== "notify" && limit.groupWealth >= suspiciousShare * limit.threshold);
}

/** The baseline is inside its own earlier limits again; null: too early to tell. */
export function recovered(now: VariantWindow, earlier: VariantWindow | null): boolean | null {
  if (now.settled < outcomesMin || now.errorRate === null) return null;
  const usualErrors = earlier?.errorRate ?? 0;
  if (now.errorRate > Math.max(2 * usualErrors, usualErrors + 0.01)) return false;
  if (now.p99Ms === null || earlier === null || earlier.p99Ms === null) return true;
  return now.p99Ms <= Math.max(2 * earlier.p99Ms, earlier.p99Ms + 10);
}

/** The cap on bad candidate responses is reached. */
export const exposureSpent = (plan: RolloutPlan, evidence: Evidence): boolean => plan.exposureBudget !== null && evidence.badResponses >= plan.exposureBudget;
