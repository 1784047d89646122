/** Whether a step has done what it was for. No data is never success. Pure. */
import type { RolloutStep } from "../config/rollout-plan.ts";
import type { RolloutReason } from "../core/reasons.ts";
import { stepGate } from "./gates.ts";
import { suspicious } from "./health.ts";
import { holdGate } from "./holds.ts";
import { around } from "./surroundings.ts";
import type { Turn } from "./turn.ts";

/** 1 / beta (JUDGE 6). */
const notWorseThreshold = 20;
/** A limit that shrank the rollout doubles the next dwell, at most so often. */
const dwellDoublingsMax = 6;

/** What a step still lacks. */
export type Lack = "requests" | "suspicion" | "evidence";

/** `done`: why the step may end. `lacks`: it has had its time, and does not have what it asks for. Null: its time is not up. */
export type StepEnd = { readonly done: RolloutReason } | { readonly lacks: Lack } | null;

/** The plan may have lost steps since: the last one stands for those. */
export const stepOf = ({ plan, state }: Turn): RolloutStep => plan.steps[Math.max(0, Math.min(state.step, plan.steps.length - 1))]!;

/** Of the step, or of the bake time at the last one. */
export function stepEnd(turn: Turn): StepEnd {
  const { plan, state, nowMs } = turn;
  const lacks = lack(turn);
  if (state.bakeSinceMs !== null) {
    if (nowMs - state.bakeSinceMs < plan.bakeMs) return null;
    return lacks === null ? { done: "baked" } : overdue(turn, lacks);
  }
  if (nowMs - state.stepSinceMs < dwellMs(turn)) return lacks === null && stepOf(turn).early === true && proven(turn) ? { done: "stepEarly" } : null;
  return lacks === null ? { done: "stepCompleted" } : overdue(turn, lacks);
}

/** An operator may prefer to go on where nothing could be shown; never where something is held against the candidate, or nothing was seen. */
function overdue(turn: Turn, lacks: Lack): StepEnd {
  const { inconclusive } = turn.plan;
  const advance = lacks === "evidence" && inconclusive?.action === "advance" && inconclusiveTooLong(turn);
  return advance ? { done: "inconclusiveAdvanced" } : { lacks };
}

export function inconclusiveTooLong({ plan, state, nowMs }: Turn): boolean {
  return plan.inconclusive !== undefined && plan.inconclusive !== null && nowMs - Math.max(state.stepSinceMs, state.bakeSinceMs ?? 0) >= plan.inconclusive.afterMs;
}

/** What the step asks for and has not got; null: nothing. */
export function lack(turn: Turn): Lack | null {
  const { evidence } = turn;
  const step = stepOf(turn);
  if (evidence.stepCandidateSettled < step.minRequests) return "requests";
  if (suspicious(evidence)) return "suspicion";
  return step.evidence === true && !proven(turn) ? "evidence" : null;
}

/** Every limit that has to has shown, at some moment of this step, that the candidate is not worse; false where none has to. */
export function proven({ plan, evidence }: Turn): boolean {
  const { shown } = around(evidence);
  const proves = plan.limits.map((limit, i) => (limit.prove === true ? shown?.[i] === true || (evidence.limits[i]?.notWorse ?? 0) >= notWorseThreshold : null));
  return proves.includes(true) && !proves.includes(false);
}

/** Whether the rollout would go on now, if its group did (see `Peer.ready`). */
export function ready(turn: Turn): boolean {
  const { plan, state } = turn;
  if (plan.paused || stepGate(turn) !== null || holdGate(turn) !== null) return false;
  if (state.phase === "pending" || (state.phase === "waiting" && state.step < 0)) return true;
  const going = state.phase === "progressing" || state.phase === "baking" || (state.phase === "waiting" && (state.waiting === "evidence" || state.waiting === "group"));
  if (!going) return false;
  const end = stepEnd(turn);
  return end !== null && "done" in end;
}

const dwellMs = (turn: Turn): number => stepOf(turn).dwellMs * 2 ** Math.min(turn.state.shrinks, dwellDoublingsMax);
