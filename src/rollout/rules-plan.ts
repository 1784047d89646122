/** What a changed configuration asks of a rollout that is under way. */
import { raiseGate } from "./gates.ts";
import { exposed, leavePause, move, onward, pausedBy, type Rule } from "./turn.ts";

/** The configuration's own `paused`. A probe is finished first. */
export const planPauseRule: Rule = (turn) => {
  const { plan, state } = turn;
  if (!plan.paused) return state.paused?.by === "plan" ? leavePause(turn, state.paused, "planResumed") : null;
  const holdable = state.phase === "pending" || state.phase === "waiting" || (exposed(state) && state.phase !== "paused");
  if (!holdable || state.waiting === "probe") return null;
  return move(turn, "planPaused", { phase: "paused", waiting: null, paused: pausedBy(state, "plan") }, []);
};

/** Somebody has edited the route's part of the configuration: approvals of what it was before are taken back (by `move`), and whoever edited it approves it no more. */
export const editedRule: Rule = (turn) => {
  const { plan, state, evidence } = turn;
  const document = evidence.around?.document;
  if (document === undefined || state.edition === null || document.edition === state.edition) return null;
  if (state.phase !== "pending" && state.phase !== "waiting" && !exposed(state) && state.phase !== "paused") return null;
  const approved = state.approvedStep > state.step;
  if (!approved && !plan.steps.some(({ approval }) => approval)) return null;
  const subject = document.by.length === 0 ? {} : { subject: document.by.join(", ") };
  return move(turn, approved ? "approvalWithdrawn" : "planEdited", { sinceMs: state.sinceMs }, [], subject);
};

/**
 * The same revision under changed steps: keep the place as far as there is one, and give the weight that it has now; a
 * higher one only when weights may rise. A step that asks for an approval, or an external gate, has none for more than
 * what was approved: the rollout stands before it again.
 */
export const planChangedRule: Rule = (turn) => {
  const { plan, state, nowMs } = turn;
  if (state.step < 0 || state.waiting === "probe" || !(exposed(state) || state.phase === "succeeded")) return null;
  const last = plan.steps.length - 1;
  const place = state.phase === "succeeded" ? last : Math.min(state.step, last);
  const { weight: wanted, approval, externalGates = [] } = plan.steps[place]!;
  const unapproved = wanted > state.weight && (approval || externalGates.length > 0);
  const step = unapproved ? place - 1 : place;
  const weight = unapproved ? Math.min(state.weight, plan.steps[step]?.weight ?? 0) : wanted > state.weight && raiseGate(turn) !== null ? state.weight : wanted;
  const baking = !unapproved && state.bakeSinceMs !== null && (step === last || state.phase === "succeeded");
  if (step === state.step && weight === state.weight && baking === (state.bakeSinceMs !== null)) return null;
  const bakeSinceMs = baking ? state.bakeSinceMs : null;
  const kept = { ...state, step, bakeSinceMs };
  const phase = state.phase === "paused" || (state.phase === "succeeded" && !unapproved) ? state.phase : onward(kept);
  const paused = state.paused === null ? null : pausedBy({ ...kept, phase: onward(kept), waiting: null }, state.paused.by);
  return move(
    turn, "planChanged",
    { phase, waiting: null, paused, step, weight, bakeSinceMs, stepSinceMs: nowMs, approvedStep: unapproved ? Math.min(state.approvedStep, step) : state.approvedStep },
    [{ kind: "setWeight", weight }, { kind: "beginStep", step }],
  );
};
