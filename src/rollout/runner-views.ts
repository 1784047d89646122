/** How one rollout at work is seen: by the proxy threads, which classify against its edges, and by people. */
import type { RolloutPlan } from "../config/rollout-plan.ts";
import type { LatencyEdges } from "../observe/edges.ts";
import { histogramBuckets } from "../observe/layout.ts";
import type { RolloutJudge } from "./judging.ts";
import type { RolloutPorts, VariantEdges } from "./ports.ts";
import type { RolloutStatus } from "./status.ts";
import type { Decision, Evidence, RolloutState } from "./types.ts";

const noClasses = new Uint8Array(histogramBuckets);

export function edgesOf({ model, lateMs, numberModel }: RolloutJudge, plan: RolloutPlan, slab: Pick<RolloutPorts["slab"], "slotOf">): VariantEdges[] {
  const of = (variant: string, table: "baselineTable" | "candidateTable"): VariantEdges => {
    const numbers = numberModel === null ? {} : { numbers: { generation: numberModel.generation, classOfBucket: numberModel[table] } };
    const edges: LatencyEdges = { generation: model?.generation ?? 0, classOfBucket: model?.[table] ?? noClasses, lateMs, ...numbers };
    return { variant, slot: slab.slotOf(plan.route, variant), edges };
  };
  return [of(plan.baseline, "baselineTable"), of(plan.candidate, "candidateTable")];
}

type Seen = Omit<RolloutStatus, "regionalWeight" | "externalGates" | "probes" | "split" | "decisions" | "persisted">;

export function statusOf(plan: RolloutPlan, state: RolloutState, evidence: Evidence, { model, lateMs }: RolloutJudge): Seen {
  return {
    name: plan.name, route: plan.route, baseline: plan.baseline, candidate: plan.candidate, revision: state.revision,
    phase: state.phase, waiting: state.waiting, sinceMs: state.sinceMs, step: state.step, steps: plan.steps.map((step) => step.weight),
    weight: state.weight, group: plan.group ?? null, edition: state.edition, authors: state.authors, rollbacks: state.rollbacks, cooldownUntilMs: state.cooldownUntilMs, regionsOut: state.regionsOut,
    drill: state.drill ?? null, quarantined: state.quarantined.includes(state.revision), escalated: state.escalated,
    windows: { baseline: evidence.baseline, candidate: evidence.candidate }, limits: evidence.limits, breaker: evidence.breaker,
    badResponses: evidence.badResponses, exposureBudget: plan.exposureBudget,
    edges: model === null ? null : { generation: model.generation, p95Ms: model.p95Micros / 1000, p99Ms: model.p99Micros / 1000, lateMs },
  };
}

/** That it was taken out of the configuration. */
export function retiredOf({ candidate }: RolloutPlan, state: RolloutState, window: Evidence, nowMs: number): Decision {
  return {
    route: state.route, candidate, revision: state.revision, atMs: nowMs, reason: "retired",
    from: state.phase, to: "retired", waiting: null, step: state.step, fromWeight: state.weight, weight: 0, limit: null, breaker: null,
    command: null, subject: null, refusal: null, candidateWindow: window.candidate, baselineWindow: window.baseline, badResponses: window.badResponses,
  };
}
