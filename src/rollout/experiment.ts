/**
 * Several candidates beside one baseline. Each has a rollout of its own and is judged by itself; they know of each other only that there is room
 * for one in the last step. Whoever takes it is the chosen one, and the others give their users back. Pure.
 */
import type { RolloutPlan } from "../config/rollout-plan.ts";
import type { Gate } from "./gates.ts";
import { refuse } from "./refusals.ts";
import { around } from "./surroundings.ts";
import { enterStep, exposed, move, nextStep, type Rule, type Turn } from "./turn.ts";
import type { Decided, RolloutState, Sibling } from "./types.ts";

/** As the other candidates see it. */
export function siblingOf(plan: RolloutPlan, state: RolloutState): Sibling {
  const { candidate, steps } = plan;
  const last = state.step >= steps.length - 1 && (exposed(state) || state.phase === "succeeded");
  const taking = state.waiting === "candidates" && nextStep({ plan, state }) === plan.steps.length - 1;
  return { candidate, weight: state.weight, chosen: last || taking };
}

const siblings = ({ evidence }: Pick<Turn, "evidence">): readonly Sibling[] => around(evidence).siblings ?? [];

const chosenSibling = (turn: Turn): Sibling | undefined => siblings(turn).find(({ chosen }) => chosen);

/** Whether all candidates together stay within what they may hold. */
export function hasRoom({ plan, evidence }: Pick<Turn, "plan" | "evidence">, weight: number): boolean {
  if (plan.experiment === undefined) return true;
  const thousandths = (percent: number): number => Math.round(percent * 1000);
  return siblings({ evidence }).reduce((sum, one) => sum + thousandths(one.weight), thousandths(weight)) <= thousandths(plan.experiment.room);
}

/** The others still have users that this step is to have. */
export function roomGate(turn: Turn, step: number): Gate | null {
  const next = turn.plan.steps[step];
  if (next === undefined || hasRoom(turn, next.weight)) return null;
  return { waiting: "candidates", reason: "awaitingCandidates", subject: siblings(turn).find(({ weight }) => weight > 0)?.candidate ?? null };
}

/** Another candidate is to have all users. One that was rolled back stays what it is. */
export const notChosenRule: Rule = (turn) => {
  const { state } = turn;
  const chosen = chosenSibling(turn);
  if (chosen === undefined || !(exposed(state) || state.phase === "pending" || state.phase === "waiting" || state.phase === "paused")) return null;
  return move(turn, "notChosen", { phase: "retired", waiting: null, paused: null, probe: null, step: -1, weight: 0, bakeSinceMs: null, approvedStep: -1 }, [{ kind: "setWeight", weight: 0 }], { subject: chosen.candidate });
};

/** Everything else was there when it was chosen, or a person has seen to it. */
export const takeRoom = (turn: Turn): Decided => enterStep(turn, "chosen", nextStep(turn));

/** Why an override does not help; null: it may. */
export function overrideRefused(turn: Turn): Decided | null {
  const chosen = chosenSibling(turn);
  return chosen === undefined ? null : refuse(turn, `${chosen.candidate} has been chosen and has the users: roll it back first`);
}
