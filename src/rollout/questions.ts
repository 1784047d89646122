/** Which questions a rollout asks external gates, and when. Pure. */
import type { RolloutPlan } from "../config/rollout-plan.ts";
import { nextStep } from "./turn.ts";
import type { RolloutState } from "./types.ts";

/** May this step's weight be given? */
export interface GateQuestion {
  readonly route: string;
  readonly candidate: string;
  readonly revision: string;
  /** Index of the step that would come next. */
  readonly step: number;
  /** The candidate's weight in percent, now and then. */
  readonly fromWeight: number;
  readonly weight: number;
  /** Names of targets. */
  readonly targets: readonly string[];
  /** Everything else is there. Once it was, the question stays open until the step is taken, so that an answer is not older than the pace of asking. */
  readonly due: boolean;
}

/** @returns null where the next step asks nobody, or there is no next step to take now */
export function gateQuestion(plan: RolloutPlan, state: RolloutState): GateQuestion | null {
  const { phase, waiting, revision, weight: fromWeight } = state;
  const step = nextStep({ plan, state });
  const next = plan.steps[step];
  if (next?.externalGates === undefined || next.externalGates.length === 0) return null;
  if (phase !== "pending" && phase !== "progressing" && phase !== "waiting") return null;
  return { route: plan.route, candidate: plan.candidate, revision, step, fromWeight, weight: next.weight, targets: next.externalGates, due: waiting === "externalGate" };
}
