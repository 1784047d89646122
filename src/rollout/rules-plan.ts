/** What a changed configuration asks of a rollout that is under way. */
import { raiseGate } from "./gates.ts";
import { hasRoom } from "./room.ts";
import { exposed, leavePause, move, onward, pausedBy, type Rule } from "./turn.ts";

/** The configuration's own `paused`. A probe is finished first. */
export const planPauseRule: Rule = (turn) => {
  const { plan, state } = turn;
  if (!plan.paused) return state.paused?.by === "plan" ? leavePause(turn, state.paused, "planResumed") : null;
  const holdable = state.phase === "pending" || state.phase === "waiting" || (exposed(state) && state.phase !== "paused");
  if (!holdable || state.waiting === "probe") return null;
  return move(turn, "planPaused", { phase: "paused", waiting: null, paused: pausedBy(state, "plan") }, []);
};

/**
 * The same revision under changed steps: keep the place as far as there is one, and give the weight that it has now; a
 * higher one only when weights may rise.
 */
export const planChangedRule: Rule = (turn) => {
  const { plan, state, nowMs } = turn;
  if (state.step < 0 || state.waiting === "probe" || !(exposed(state) || state.phase === "succeeded")) return null;
  const last = plan.steps.length - 1;
  const step = state.phase === "succeeded" ? last : Math.min(state.step, last);
  const wanted = plan.steps[step]!.weight;
  const weight = wanted > state.weight && (raiseGate(turn) !== null || !hasRoom(turn, wanted)) ? state.weight : wanted;
  const baking = state.bakeSinceMs !== null && (step === last || state.phase === "succeeded");
  if (step === state.step && weight === state.weight && baking === (state.bakeSinceMs !== null)) return null;
  const bakeSinceMs = baking ? state.bakeSinceMs : null;
  const kept = { ...state, step, bakeSinceMs };
  const phase = state.phase === "paused" || state.phase === "succeeded" ? state.phase : onward(kept);
  const paused = state.paused === null ? null : pausedBy({ ...kept, phase: onward(kept), waiting: null }, state.paused.by);
  return move(
    turn, "planChanged",
    { phase, waiting: null, paused, step, weight, bakeSinceMs, stepSinceMs: nowMs },
    [{ kind: "setWeight", weight }, { kind: "beginStep", step }],
  );
};
