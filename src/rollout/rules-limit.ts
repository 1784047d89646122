/** Limits that do less than roll back: they shrink, pause, or only say so. */
import { breached } from "./rules-back.ts";
import { exposed, move, note, pausedBy, type Rule, type Turn } from "./turn.ts";
import type { Decided, LimitEvidence } from "./types.ts";

export const limitActionRule: Rule = (turn) => {
  const { state } = turn;
  if (!exposed(state) || state.phase === "paused" || state.waiting === "probe") return null;
  const shrink = breached(turn, "shrink");
  if (shrink !== undefined && state.step > 0) return shrinkTo(turn, state.step - 1, shrink);
  const pause = breached(turn, "pause");
  if (pause !== undefined) return move(turn, "limitPaused", { phase: "paused", waiting: null, paused: pausedBy(state, "limit") }, [], { limit: pause });
  const told = breached(turn, "notify") ?? breached(turn, "dryRun");
  if (told === undefined) return null;
  return note(turn, "limitNoted", [{ kind: "rearmLimit", limit: turn.evidence.limits.indexOf(told) }], { limit: told });
};

function shrinkTo(turn: Turn, step: number, limit: LimitEvidence): Decided {
  const { plan, state, nowMs } = turn;
  const back = Math.min(step, plan.steps.length - 1);
  // Held at less than that (the plan has changed while nothing may rise), it stays there.
  const weight = Math.min(state.weight, plan.steps[back]!.weight);
  return move(
    turn, "shrunk",
    { phase: "progressing", waiting: null, step: back, weight, stepSinceMs: nowMs, bakeSinceMs: null, shrinks: state.shrinks + 1 },
    [{ kind: "setWeight", weight }, { kind: "resetEvidence" }, { kind: "beginStep", step: back }],
    { limit },
  );
}
