/** What people and the configuration ask for. A refusal is a record of its own, and says what to do instead. */
import { onward, enterStep, exposed, move, note, type Rule, type Turn } from "./turn.ts";
import { pausedBy, rollBack } from "./rules-back.ts";
import type { Decided, RolloutState } from "./types.ts";

const refuse = (turn: Turn, refusal: string): Decided => note(turn, "commandRefused", [], { command: true, refusal });

/** Asked before everything else: nothing that is observed outranks a person who takes users away. */
export const rollbackCommandRule: Rule = (turn) => {
  const { state, evidence } = turn;
  if (evidence.command?.verb !== "rollback") return null;
  if (state.phase === "rollingBack" || state.phase === "verifying" || state.phase === "rolledBack") return refuse(turn, "the candidate has no traffic: it was rolled back before");
  if (state.phase === "retired") return refuse(turn, "the rollout has ended");
  return rollBack(turn, "commandRollback", { command: true });
};

export const commandRule: Rule = (turn) => {
  const { state, evidence } = turn;
  if (evidence.command === null) return null;
  if (state.phase === "rollingBack" || state.phase === "verifying" || state.phase === "rolledBack" || state.phase === "retired") {
    return refuse(turn, `revision ${state.revision} was rolled back and is quarantined: deploy another revision of ${state.candidate}`);
  }
  switch (evidence.command.verb) {
    case "pause":
      return pause(turn);
    case "resume":
      return resume(turn);
    case "promote":
      return promote(turn);
    case "approve":
      return approve(turn);
    case "rollback":
      return null;
  }
};

function pause(turn: Turn): Decided {
  const { state } = turn;
  if (state.phase === "paused") return refuse(turn, "the rollout is paused already");
  if (state.phase === "succeeded") return refuse(turn, "the rollout has succeeded: there is nothing left to pause");
  if (state.waiting === "probe") return refuse(turn, "the breaker's probe is under way: roll back, or pause when it has ended");
  return move(turn, "commandPause", { phase: "paused", waiting: null, paused: pausedBy(state, "command") }, [], { command: true });
}

function resume(turn: Turn): Decided {
  const { state } = turn;
  if (state.paused === null) return refuse(turn, "the rollout is not paused");
  if (state.paused.by === "plan") return refuse(turn, "the configuration holds it: set `paused: false` on the rollout");
  return leavePause(turn, state.paused, "commandResume");
}

function leavePause(turn: Turn, paused: NonNullable<RolloutState["paused"]>, reason: "commandResume" | "planResumed"): Decided {
  const { state } = turn;
  // A person has seen the evidence that paused it and decided to go on: it is used up.
  const effects = paused.by === "limit" ? ([{ kind: "resetEvidence" }, { kind: "beginStep", step: state.step }] as const) : [];
  return move(turn, reason, { phase: paused.phase, waiting: paused.waiting, paused: null }, effects, { command: reason === "commandResume" });
}

function promote(turn: Turn): Decided {
  const { plan, state, nowMs } = turn;
  if (state.phase === "paused") return refuse(turn, "the rollout is paused: resume it first");
  if (state.phase === "succeeded") return refuse(turn, "the rollout has succeeded: there is no further step");
  if (state.waiting === "probe") return refuse(turn, "the breaker's probe is under way: wait for its end");
  if (state.bakeSinceMs !== null) return move(turn, "commandPromote", { phase: "succeeded", waiting: null }, [], { command: true });
  const next = state.step + 1;
  if (next >= plan.steps.length) return move(turn, "commandPromote", { phase: "baking", waiting: null, bakeSinceMs: nowMs }, [], { command: true });
  if (plan.steps[next]!.approval && state.approvedStep < next) return refuse(turn, `step ${next + 1} asks for an approval: approve it`);
  return enterStep(turn, "commandPromote", next, { command: true });
}

function approve(turn: Turn): Decided {
  const { plan, state } = turn;
  const next = state.step + 1;
  if (state.waiting !== "approval" || next >= plan.steps.length) return refuse(turn, "no step waits for an approval");
  const decided = enterStep(turn, "commandApprove", next, { command: true });
  return { ...decided, state: { ...decided.state, approvedStep: next } };
}

/** The configuration's own `paused`. A probe is finished first. */
export const planPauseRule: Rule = (turn) => {
  const { plan, state } = turn;
  if (!plan.paused) return state.paused?.by === "plan" ? leavePause(turn, state.paused, "planResumed") : null;
  const holdable = state.phase === "pending" || (exposed(state) && state.phase !== "paused") || state.waiting === "approval";
  if (!holdable || state.waiting === "probe") return null;
  return move(turn, "planPaused", { phase: "paused", waiting: null, paused: pausedBy(state, "plan") }, []);
};

/** The same revision under changed steps: keep the place as far as there is one, and give the weight that it has now. */
export const planChangedRule: Rule = (turn) => {
  const { plan, state, nowMs } = turn;
  if (state.step < 0 || state.waiting === "probe" || !(exposed(state) || state.phase === "succeeded")) return null;
  const last = plan.steps.length - 1;
  const step = state.phase === "succeeded" ? last : Math.min(state.step, last);
  const { weight } = plan.steps[step]!;
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
