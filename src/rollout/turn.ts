/** One call of `decide`: its inputs, and the only way in which a rule may answer. */
import type { RolloutPlan } from "../config/rollout-plan.ts";
import type { RolloutReason } from "../core/reasons.ts";
import type { Decided, Decision, Effect, Evidence, LimitEvidence, PausedState, RolloutState } from "./types.ts";

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
  /** The split spoke. */
  readonly split?: boolean;
  readonly subject?: string;
  readonly refusal?: string;
}

/** A transition: `sinceMs` starts anew where the phase or what it waits for changes. */
export function move(turn: Turn, reason: RolloutReason, changes: Partial<RolloutState>, effects: readonly Effect[], because: Because = {}): Decided {
  const { state, evidence, nowMs } = turn;
  const next = { ...state, sinceMs: nowMs, badResponses: evidence.badResponses, ...changes };
  const now = authorship(next, evidence);
  // An approval is for the edition that was there to be seen.
  const approvedStep = state.edition === null || now.edition === state.edition ? next.approvedStep : Math.min(next.approvedStep, state.step, next.step);
  const state2: RolloutState = { ...next, ...now, approvedStep };
  return { state: state2, effects, reasons: [decision(turn, reason, state2, because)] };
}

/** Over it, the oldest is forgotten: the stored state is bounded. */
const authorsMax = 32;

/** The edition that is decided on, and everybody who had a hand in it. */
export function authorship({ edition, authors }: Pick<RolloutState, "edition" | "authors">, { around }: Evidence): Pick<RolloutState, "edition" | "authors"> {
  const document = around?.document;
  if (document === undefined) return { edition, authors };
  const fresh = document.by.filter((name) => !authors.includes(name));
  return { edition: document.edition, authors: fresh.length === 0 ? authors : [...authors, ...new Set(fresh)].slice(-authorsMax) };
}

/** Something that is recorded without a transition. */
export function note(turn: Turn, reason: RolloutReason, effects: readonly Effect[], because: Because): Decided {
  return { state: turn.state, effects, reasons: [decision(turn, reason, turn.state, because)] };
}

function decision(turn: Turn, reason: RolloutReason, to: RolloutState, because: Because): Decision {
  const { plan, state, evidence, nowMs } = turn;
  // Also of its end, with what it has come to.
  const drill = state.drill?.over === false || to.drill?.over === false ? to.drill : undefined;
  return {
    route: plan.route, candidate: plan.candidate, revision: to.revision, atMs: nowMs, reason,
    from: state.phase, to: to.phase, waiting: to.waiting, step: to.step, fromWeight: state.weight, weight: to.weight,
    limit: because.limit ?? null,
    breaker: because.breaker === true ? evidence.breaker : null,
    ...(because.split === true && evidence.split ? { split: evidence.split } : {}),
    ...(drill === undefined ? {} : { drill }),
    command: because.command === true ? evidence.command : null,
    subject: because.subject ?? null,
    refusal: because.refusal ?? null,
    candidateWindow: evidence.candidate, baselineWindow: evidence.baseline,
    badResponses: evidence.badResponses,
  };
}

/** Whether the candidate has, or had a moment ago, users: then rollback must be possible. */
export function exposed(state: RolloutState): boolean {
  return state.step >= 0 && (state.phase === "progressing" || state.phase === "waiting" || state.phase === "baking" || state.phase === "paused");
}

/** The step that comes next: after a drill the one that it came from. The plan may have lost steps since. */
export function nextStep({ plan, state }: Pick<Turn, "plan" | "state">): number {
  if (state.step >= 0 || state.drill === undefined || state.drill.over) return state.step + 1;
  return Math.min(state.drill.step, plan.steps.length - 1);
}

/** Where a rollout goes on after a hold: at the last step it bakes. */
export const onward = (state: RolloutState): "pending" | "progressing" | "baking" =>
  state.step < 0 ? "pending" : state.bakeSinceMs === null ? "progressing" : "baking";

export const pausedBy = (state: RolloutState, by: PausedState["by"]): PausedState => ({
  by,
  phase: state.phase === "waiting" && state.waiting === "approval" ? "waiting" : onward(state),
  waiting: state.waiting === "approval" ? "approval" : null,
});

export function leavePause(turn: Turn, paused: PausedState, reason: "commandResume" | "planResumed"): Decided {
  const { state, nowMs } = turn;
  // A person has seen the evidence that paused it and decided to go on: it is used up, and the step's time starts over.
  const fresh = paused.by === "limit" || paused.by === "inconclusive";
  const effects = fresh && state.step >= 0 ? ([{ kind: "resetEvidence" }, { kind: "beginStep", step: state.step }] as const) : [];
  const since = fresh ? { stepSinceMs: nowMs, bakeSinceMs: state.bakeSinceMs === null ? null : nowMs } : {};
  return move(turn, reason, { phase: paused.phase, waiting: paused.waiting, paused: null, ...since }, effects, { command: reason === "commandResume" });
}

/** Gives a step's weight. */
export function enterStep(turn: Turn, reason: RolloutReason, step: number, because: Because = {}): Decided {
  const { plan, state, nowMs } = turn;
  const { weight } = plan.steps[step]!;
  const drill = state.drill?.over === false ? { drill: { ...state.drill, over: true } } : {};
  return move(
    turn, reason,
    { phase: "progressing", waiting: null, paused: null, probe: null, step, weight, stepSinceMs: nowMs, bakeSinceMs: null, ...drill },
    [{ kind: "setWeight", weight }, { kind: "beginStep", step }],
    because,
  );
}
