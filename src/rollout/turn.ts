/** One call of `decide`: its inputs, and the only way in which a rule may answer. */
import type { RolloutPlan } from "../config/rollout-plan.ts";
import type { RolloutReason } from "../core/reasons.ts";
import type { Decided, Decision, Effect, Evidence, LimitEvidence, RolloutState } from "./types.ts";

export interface Turn {
  readonly plan: RolloutPlan;
  readonly state: RolloutState;
  readonly evidence: Evidence;
  readonly nowMs: number;
}

/** A rule answers with a whole decision, or with null: then the next rule is asked. */
export type Rule = (turn: Turn) => Decided | null;

export interface Because {
  readonly limit?: LimitEvidence;
  /** The breaker spoke: its evidence belongs into the record. */
  readonly breaker?: boolean;
  readonly command?: boolean;
  readonly refusal?: string;
}

/** A transition: `sinceMs` starts anew where the phase or what it waits for changes. */
export function move(turn: Turn, reason: RolloutReason, changes: Partial<RolloutState>, effects: readonly Effect[], because: Because = {}): Decided {
  const { state, evidence, nowMs } = turn;
  const state2: RolloutState = { ...state, sinceMs: nowMs, badResponses: evidence.badResponses, ...changes };
  return { state: state2, effects, reasons: [decision(turn, reason, state2, because)] };
}

/** Something that is recorded without a transition. */
export function note(turn: Turn, reason: RolloutReason, effects: readonly Effect[], because: Because): Decided {
  return { state: turn.state, effects, reasons: [decision(turn, reason, turn.state, because)] };
}

function decision(turn: Turn, reason: RolloutReason, to: RolloutState, because: Because): Decision {
  const { plan, state, evidence, nowMs } = turn;
  return {
    route: plan.route, candidate: plan.candidate, revision: to.revision, atMs: nowMs, reason,
    from: state.phase, to: to.phase, waiting: to.waiting, step: to.step, fromWeight: state.weight, weight: to.weight,
    limit: because.limit ?? null,
    breaker: because.breaker === true ? evidence.breaker : null,
    command: because.command === true ? evidence.command : null,
    refusal: because.refusal ?? null,
    candidateWindow: evidence.candidate, baselineWindow: evidence.baseline,
    badResponses: evidence.badResponses,
  };
}

/** Whether the candidate has, or had a moment ago, users: then rollback must be possible. */
export function exposed(state: RolloutState): boolean {
  return state.step >= 0 && (state.phase === "progressing" || state.phase === "waiting" || state.phase === "baking" || state.phase === "paused");
}

/** Where a rollout goes on after a hold: at the last step it bakes. */
export const onward = (state: RolloutState): "pending" | "progressing" | "baking" =>
  state.step < 0 ? "pending" : state.bakeSinceMs === null ? "progressing" : "baking";

/** Gives a step's weight. */
export function enterStep(turn: Turn, reason: RolloutReason, step: number, because: Because = {}): Decided {
  const { plan, nowMs } = turn;
  const { weight } = plan.steps[step]!;
  return move(
    turn, reason,
    { phase: "progressing", waiting: null, paused: null, probe: null, step, weight, stepSinceMs: nowMs, bakeSinceMs: null },
    [{ kind: "setWeight", weight }, { kind: "beginStep", step }],
    because,
  );
}
