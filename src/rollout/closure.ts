/** What a rollout says about the gate of its candidate: rules may give the candidate to nobody whom health has taken from it. Pure. */
import type { RolloutPlan } from "../config/rollout-plan.ts";
import type { Closure } from "../core/gates.ts";
import type { RolloutState } from "./types.ts";

/**
 * Closed after a rollback until another revision starts, and in a drill as after a rollback until its users are back; closed while the breaker has taken the weight away, here or in the fleet; closed in a region that a
 * limit has left, or whose cap is 0; closed when another candidate of its experiment was chosen. Open before the first step: that is when people look at a candidate that has no users yet.
 *
 * @param weight that this sidecar gives now, in percent @param region the sidecar's; null: it has none
 */
export function closureOf(plan: RolloutPlan, state: Pick<RolloutState, "phase" | "step" | "regionsOut" | "drill">, weight: number, region: string | null): Closure | null {
  const { phase } = state;
  if (phase === "rollingBack" || phase === "verifying" || phase === "rolledBack" || state.drill?.over === false) return "rolledBack";
  if (region !== null && (state.regionsOut.includes(region) || plan.regions?.some((cap) => cap.region === region && cap.weightMax === 0) === true)) return "regionOut";
  if (phase === "retired") return "notChosen";
  return state.step >= 0 && weight === 0 ? "tripped" : null;
}

/** What the proxy threads were told of a candidate. */
export class Given {
  weight = 0;
  private closed: Closure | null = null;

  /** Takes in what they are told now. @returns whether that differs */
  changed(weight: number, closed: Closure | null): boolean {
    const differs = this.weight !== weight || this.closed !== closed;
    this.weight = weight;
    this.closed = closed;
    return differs;
  }
}
