/** The rules that take users away from the candidate. They are asked first, and no hold or pause switches them off. */
import type { LimitAction } from "../config/rollout-plan.ts";
import type { RolloutReason } from "../core/reasons.ts";
import { baselineUnhealthy, exposureSpent, recovered } from "./health.ts";
import { exposed, move, note, onward, type Because, type Rule, type Turn } from "./turn.ts";
import { quarantinedMax, type Decided, type LimitEvidence, type RolloutState } from "./types.ts";

/** Candidate traffic is really 0 when nothing was dispatched for so long. */
const quietMs = 500;
const stopTimeoutMs = 30_000;
const verifyAfterMs = 2_000;
const verifyTimeoutMs = 60_000;

/** Weight 0, in one revision; the revision is quarantined. */
export function rollBack(turn: Turn, reason: RolloutReason, because: Because): Decided {
  const { state } = turn;
  const others = state.quarantined.filter((revision) => revision !== state.revision);
  return move(
    turn, reason,
    {
      phase: "rollingBack", waiting: null, paused: null, probe: null, weight: 0, bakeSinceMs: null, rolledBackFor: reason,
      quarantined: [...others, state.revision].slice(-quarantinedMax),
    },
    [{ kind: "setWeight", weight: 0 }],
    because,
  );
}

/** The breaker tripped: take the traffic away at once, and either probe later or be done with it (JUDGE 5). */
export const breakerRule: Rule = (turn) => {
  const { plan, state, evidence } = turn;
  // While cooling, only requests from before the trip can still fail.
  if (!exposed(state) || !evidence.breaker.tripped || state.probe === "cooling") return null;
  const because = { breaker: true };
  if (state.trips > 0) return rollBack(turn, "breakerTrippedAgain", because);
  if (plan.breaker.action === "rollback" || state.phase === "paused") return rollBack(turn, "breakerTripped", because);
  return move(
    turn, "breakerTripped",
    { phase: "waiting", waiting: "probe", probe: "cooling", weight: 0, trips: state.trips + 1 },
    [{ kind: "setWeight", weight: 0 }, { kind: "resetBreaker" }],
    because,
  );
};

const breached = (turn: Turn, action: LimitAction): LimitEvidence | undefined =>
  turn.evidence.limits.find((limit) => limit.action === action && limit.verdict === "breached");

/** A limit that rolls back is breached; so is one that shrinks where there is nothing left to shrink to. */
export const breachRule: Rule = (turn) => {
  const { state, evidence } = turn;
  if (!exposed(state)) return null;
  const limit = breached(turn, "rollback") ?? (state.step === 0 && state.phase !== "paused" ? breached(turn, "shrink") : undefined);
  if (limit === undefined) return null;
  if (!baselineUnhealthy(evidence)) return rollBack(turn, "limitBreached", { limit });
  // The rollback's target is worse than the candidate: hold where we are, and say so. The evidence stays.
  if (state.phase === "paused" || state.waiting === "probe" || state.waiting === "baseline") return null;
  return move(turn, "baselineUnhealthy", { phase: "waiting", waiting: "baseline" }, [], { limit });
};

export const exposureRule: Rule = (turn) =>
  exposed(turn.state) && exposureSpent(turn.plan, turn.evidence) ? rollBack(turn, "exposureSpent", {}) : null;

/** rollingBack -> verifying, once the candidate's traffic is really 0. */
export const stoppedRule: Rule = (turn) => {
  const { state, evidence, nowMs } = turn;
  if (state.phase !== "rollingBack") return null;
  if (evidence.candidateQuietMs >= quietMs) return move(turn, "trafficStopped", { phase: "verifying" }, [{ kind: "beginVerify" }]);
  return nowMs - state.sinceMs >= stopTimeoutMs ? escalate(turn) : null;
};

/** verifying -> rolledBack, once the baseline is inside its earlier limits; else the cause is elsewhere. */
export const verifyRule: Rule = (turn) => {
  const { state, evidence, nowMs } = turn;
  if (state.phase !== "verifying") return null;
  const elapsedMs = nowMs - state.sinceMs;
  if (elapsedMs >= verifyAfterMs && recovered(evidence.baselineSinceVerify, evidence.baselineEarlier) === true) {
    return move(turn, "verified", { phase: "rolledBack" }, [{ kind: "resetEvidence" }, { kind: "resetBreaker" }]);
  }
  return elapsedMs >= verifyTimeoutMs ? escalate(turn) : null;
};

const escalate = (turn: Turn): Decided =>
  move(turn, "notVerified", { phase: "rolledBack", escalated: true }, [{ kind: "resetEvidence" }, { kind: "resetBreaker" }]);

/** Limits that shrink, pause, or only say so. */
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
  const { weight } = turn.plan.steps[step]!;
  return move(
    turn, "shrunk",
    { phase: "progressing", waiting: null, step, weight, stepSinceMs: turn.nowMs, bakeSinceMs: null, shrinks: turn.state.shrinks + 1 },
    [{ kind: "setWeight", weight }, { kind: "resetEvidence" }, { kind: "beginStep", step }],
    { limit },
  );
}

export const pausedBy = (state: RolloutState, by: "command" | "limit" | "plan"): NonNullable<RolloutState["paused"]> => ({
  by,
  phase: state.phase === "waiting" && state.waiting === "approval" ? "waiting" : onward(state),
  waiting: state.waiting === "approval" ? "approval" : null,
});
