/** Which variants of a rollout the declared probes are sent to now. Pure. */
import type { RolloutPlan } from "../config/rollout-plan.ts";
import { exposed } from "./turn.ts";
import type { RolloutState } from "./types.ts";

/**
 * The candidate while the next step asks for probes; the baseline at the last step, which leaves it no users: it is kept
 * warm, and a rollback knows whether somebody is there.
 * @returns variants' names
 */
export function probedVariants(plan: RolloutPlan, state: RolloutState): readonly string[] {
  if (plan.probes === null || plan.probes === undefined) return [];
  const ahead = state.phase === "pending" || state.phase === "waiting" || exposed(state);
  const candidate = ahead && (plan.steps[state.step + 1]?.probes ?? 0) > 0;
  const baseline = exposed(state) && state.step >= plan.steps.length - 1;
  return [...(baseline ? [plan.baseline] : []), ...(candidate ? [plan.candidate] : [])];
}
