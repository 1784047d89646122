/** What may stand between a finished step and the next weight. Each is asked in this order, and none ever blocks a rollback. */
import type { RolloutReason, WaitReason } from "../core/reasons.ts";
import { notWorseThreshold } from "../judge/advance.ts";
import { openFreeze } from "./freeze.ts";
import { roomGate } from "./room.ts";
import { around, peerBehind, rankOf } from "./surroundings.ts";
import { move, nextStep, type Turn } from "./turn.ts";
import type { Decided } from "./types.ts";

export interface Gate {
  readonly waiting: WaitReason;
  readonly reason: RolloutReason;
  /** What it speaks of: a freeze window, a group's route, an external gate, another candidate. */
  readonly subject: string | null;
}

/** Why no weight may rise now, whoever asks; null: it may. */
export function raiseGate({ plan, evidence, nowMs }: Turn): Gate | null {
  if (around(evidence).partitioned) return { waiting: "partition", reason: "partitioned", subject: null };
  const freeze = openFreeze(plan.freeze ?? [], nowMs);
  return freeze === undefined ? null : { waiting: "freeze", reason: "frozen", subject: freeze.name };
}

/** The same for the step that would come next; the group is asked last, because it asks whether everything else is open. */
export function stepGate(turn: Turn): Gate | null {
  const { plan, state, nowMs } = turn;
  const next = nextStep(turn);
  if (state.step < 0 && state.cooldownUntilMs !== null && nowMs < state.cooldownUntilMs) return { waiting: "cooldown", reason: "coolingDown", subject: null };
  if (needsProbes(turn, next)) return { waiting: "declaredProbes", reason: "awaitingProbes", subject: null };
  if (needsCopies(turn, next)) return { waiting: "mirror", reason: "awaitingMirror", subject: null };
  if (needsApproval(turn, next)) return { waiting: "approval", reason: "awaitingApproval", subject: null };
  return (next < plan.steps.length ? raiseGate(turn) : null) ?? externalGate(turn, next) ?? roomGate(turn, next);
}

/** Asked when everything else is there; before it was asked it has not said yes either. */
function externalGate(turn: Turn, step: number): Gate | null {
  const shut = shutGate(turn, step);
  return shut === undefined ? null : { waiting: "externalGate", reason: "awaitingExternalGate", subject: shut };
}

/** The first external gate of a step that has not said yes; undefined: all have, or there is none. */
export const shutGate = ({ plan, evidence }: Turn, step: number): string | undefined =>
  plan.steps[step]?.externalGates?.find((target) => !around(evidence).externalGates?.some((one) => one.target === target && one.answer === "yes"));

export function groupGate({ plan, state, evidence }: Turn): Gate | null {
  const peer = peerBehind(evidence, rankOf(plan, state));
  return peer === undefined ? null : { waiting: "group", reason: "awaitingGroup", subject: peer.route };
}

export const needsApproval = ({ plan, state }: Turn, step: number): boolean => plan.steps[step]?.approval === true && state.approvedStep < step;

const needsProbes = ({ plan, evidence }: Turn, step: number): boolean => (plan.steps[step]?.probes ?? 0) > (around(evidence).candidateProbes?.goodInRow ?? 0);

/** The copies have not shown yet that the candidate answers as the baseline does. */
const needsCopies = ({ plan, evidence }: Turn, step: number): boolean =>
  plan.steps[step]?.mirrored === true && plan.limits.every((limit, i) => limit.metric !== "mirror" || around(evidence).shown?.[i] !== true && (evidence.limits[i]?.notWorse ?? 0) < notWorseThreshold);

/** Waits at the gate. */
export const waitAt = (turn: Turn, gate: Gate): Decided =>
  move(turn, gate.reason, { phase: "waiting", waiting: gate.waiting, paused: null }, [], { split: gate.waiting === "sampleRatio", ...(gate.subject === null ? {} : { subject: gate.subject }) });
