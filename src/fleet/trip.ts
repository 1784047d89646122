/** What makes a sidecar lower its own weight without asking anybody, and what the leader makes of it. Pure. */
import type { RolloutPlan } from "../config/rollout-plan.ts";
import { baselineUnhealthy, exposureSpent } from "../rollout/health.ts";
import { exposed } from "../rollout/turn.ts";
import type { Evidence, LimitEvidence, RolloutState } from "../rollout/types.ts";
import { breakerOf, eraOf, type Marks } from "./marks.ts";
import type { Trip } from "./report.ts";

/**
 * @param own this sidecar's evidence, within its own share of alpha (budget.ts)
 * @returns null where it sees no reason, or where the baseline is no better
 */
export function tripOf(plan: RolloutPlan, state: RolloutState, own: Evidence, marks: Marks, region: string | null): Trip | null {
  if (!exposed(state) || state.weight === 0 || baselineUnhealthy(own)) return null;
  const common = { era: eraOf(marks), breaker: breakerOf(marks), region, by: "", why: "" };
  if (own.breaker.tripped && state.probe !== "cooling") return { ...common, kind: "breaker", limit: -1, evidence: null };
  const limit = own.limits.findIndex((one) => one.action === "rollback" && one.verdict === "breached");
  if (limit >= 0) return { ...common, kind: "limit", limit, evidence: own.limits[limit]! };
  return exposureSpent(plan, own) ? { ...common, kind: "exposure", limit: -1, evidence: null } : null;
}

/** The fleet's evidence with one sidecar's trip in it: the rules of `decide` then say what that means, as for a sidecar by itself. */
export function tripped(plan: RolloutPlan, evidence: Evidence, trip: Trip): Evidence {
  switch (trip.kind) {
    case "breaker":
      return { ...evidence, breaker: { ...evidence.breaker, tripped: true } };
    case "limit": {
      const spoken: LimitEvidence | undefined = evidence.limits[trip.limit];
      if (spoken === undefined || trip.evidence === null) return evidence;
      const limits = evidence.limits.with(trip.limit, { ...trip.evidence, metric: spoken.metric, quantile: spoken.quantile, action: spoken.action, verdict: "breached" });
      const regional = plan.limits[trip.limit]?.scope === "inRegion" && trip.region !== null;
      return regional ? { ...evidence, limits, around: { region: trip.region, partitioned: false, peers: [], candidateProbes: null, baselineProbes: null } } : { ...evidence, limits };
    }
    case "exposure":
      return { ...evidence, badResponses: Math.max(evidence.badResponses, plan.exposureBudget ?? 0) };
    case "command":
      return evidence;
  }
}
