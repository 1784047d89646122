/** What of a rollout's weight counts in one region. Pure. */
import type { RolloutPlan } from "../config/rollout-plan.ts";
import type { RolloutState } from "./types.ts";

/** Over it, the oldest is let back in; it is also what bounds the stored state. */
export const regionsOutMax = 64;

/**
 * The candidate's weight for the sidecars of a region: the state's, unless a limit has taken the region out, and never
 * more than the region's cap.
 * @param region null: the sidecar has none, and no cap applies
 * @returns percent, 0 ... 100
 */
export function regionalWeight(plan: RolloutPlan, state: RolloutState, region: string | null): number {
  if (region === null) return state.weight;
  if (state.regionsOut.includes(region)) return 0;
  const cap = plan.regions?.find((one) => one.region === region)?.weightMax ?? 100;
  return Math.min(state.weight, cap);
}
