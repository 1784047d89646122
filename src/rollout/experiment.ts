/**
 * Several candidates beside one baseline. Each has a rollout of its own and is judged by itself; they know of each other only that there is room
 * for one in the last step. Whoever takes it is the chosen one, and the others give their users back. Pure.
 */
import type { RolloutPlan } from "../config/rollout-plan.ts";
import { refuse } from "./refusals.ts";
import { chosenSibling } from "./room.ts";
import { enterStep, exposed, move, nextStep, type Rule, type Turn } from "./turn.ts";
import type { Decided, RolloutState, Sibling } from "./types.ts";

/** As the other candidates see it. */
export function siblingOf(plan: RolloutPlan, state: RolloutState): Sibling {
  const { candidate, steps } = plan;
  const last = state.step >= steps.length - 1 && (exposed(state) || state.phase === "succeeded");
  const taking = state.waiting === "candidates" && nextStep({ plan, state }) === plan.steps.length - 1;
  return { candidate, weight: state.weight, chosen: last || taking };
}

/** Another candidate is to have all users. One that was rolled back stays what it is. */
export const notChosenRule: Rule = (turn) => {
  const { state } = turn;
  const chosen = chosenSibling(turn);
  if (chosen === undefined || !(exposed(state) || state.phase === "pending" || state.phase === "waiting" || state.phase === "paused")) return null;
  return move(turn, "notChosen", { phase: "retired", waiting: null, paused: null, probe: null, step: -1, weight: 0, bakeSinceMs: null, approvedStep: -1, ...(state.promoted === undefined ? {} : { promoted: undefined }) }, [{ kind: "setWeight", weight: 0 }], { subject: chosen.candidate });
};

/** A person has chosen it, and there is room now. */
export const takeRoom = (turn: Turn): Decided => enterStep(turn, "chosen", nextStep(turn));

/** Why an override does not help; null: it may. */
export function overrideRefused(turn: Turn): Decided | null {
  const chosen = chosenSibling(turn);
  return chosen === undefined ? null : refuse(turn, `${chosen.candidate} has been chosen and has the users: roll it back first`);
}
