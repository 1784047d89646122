/** The rules that take users away from the candidate. They are asked first, and no hold or pause switches them off. */
import type { LimitAction } from "../config/rollout-plan.ts";
import type { RolloutReason } from "../core/reasons.ts";
import { exposureSpent, recovered } from "./health.ts";
import { regionsOutMax } from "./regions.ts";
import { around, peerGoneBack, targetUnhealthy } from "./surroundings.ts";
import { drilling } from "./drill.ts";
import { exposed, move, type Because, type Rule, type Turn } from "./turn.ts";
import type { Decided, LimitEvidence } from "./types.ts";

/** Over it, the oldest is forgotten; it is also what bounds the stored state. */
const quarantinedMax = 256;

/** Candidate traffic is really 0 when nothing was dispatched for so long. */
export const quietMs = 500;
export const stopTimeoutMs = 30_000;
const verifyAfterMs = 2_000;
/** The evidence's window is ten seconds long: from then on none of it is from before the verification. */
const verifyWindowMs = 11_000;
export const verifyTimeoutMs = 60_000;

/** Weight 0, in one revision; the revision is quarantined, and what comes next has to cool down. */
export function rollBack(turn: Turn, reason: RolloutReason, because: Because): Decided {
  const { plan, state, nowMs } = turn;
  const others = state.quarantined.filter((revision) => revision !== state.revision);
  const rollbacks = state.rollbacks + 1;
  const drill = state.drill?.over === false ? { drill: { ...state.drill, outcome: drilling(state) ? ("abandoned" as const) : state.drill.outcome, over: true } } : {};
  const cooldownMs = plan.cooldown ? Math.min(plan.cooldown.maxMs, plan.cooldown.firstMs * 2 ** (rollbacks - 1)) : 0;
  return move(
    turn, reason,
    {
      phase: "rollingBack", waiting: null, paused: null, probe: null, weight: 0, bakeSinceMs: null, rolledBackFor: reason,
      quarantined: [...others, state.revision].slice(-quarantinedMax), rollbacks, cooldownUntilMs: cooldownMs > 0 ? nowMs + cooldownMs : null, ...drill,
    },
    [{ kind: "setWeight", weight: 0 }],
    because,
  );
}

/** Rolls back, unless that would shift users to a version that is worse: then hold where we are, and say so. The evidence stays. */
export function rollBackIfItHelps(turn: Turn, reason: RolloutReason, because: Because): Decided | null {
  const { state } = turn;
  if (!targetUnhealthy(turn)) return rollBack(turn, reason, because);
  if (state.phase === "paused" || state.waiting === "probe" || state.waiting === "baseline") return null;
  return move(turn, "baselineUnhealthy", { phase: "waiting", waiting: "baseline" }, [], because);
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

/** Whether a breach of this limit takes away the users of one region only. A sidecar without a region acts everywhere. */
const regional = ({ plan, evidence }: Turn, limit: LimitEvidence): boolean =>
  around(evidence).region !== null && plan.limits[evidence.limits.indexOf(limit)]?.scope === "inRegion";

export const breached = (turn: Turn, action: LimitAction): LimitEvidence | undefined =>
  turn.evidence.limits.find((limit) => limit.action === action && limit.verdict === "breached" && !regional(turn, limit));

/** A limit that acts in its region is breached there: that region's users leave, and the rollout goes on elsewhere. */
export const regionRule: Rule = (turn) => {
  const { state, evidence } = turn;
  const { region } = around(evidence);
  if (!exposed(state) || region === null || state.regionsOut.includes(region)) return null;
  const limit = evidence.limits.find((one) => one.action === "rollback" && one.verdict === "breached" && regional(turn, one));
  if (limit === undefined) return null;
  const because = { limit, subject: region };
  if (targetUnhealthy(turn)) return rollBackIfItHelps(turn, "regionLeft", because);
  return move(
    turn, "regionLeft",
    { regionsOut: [...state.regionsOut, region].slice(-regionsOutMax), sinceMs: state.sinceMs },
    [{ kind: "setWeight", weight: state.weight }, { kind: "resetEvidence" }],
    because,
  );
};

/** A limit that rolls back is breached; so is one that shrinks where there is nothing left to shrink to. */
export const breachRule: Rule = (turn) => {
  const { state } = turn;
  if (!exposed(state)) return copiesRule(turn);
  const limit = breached(turn, "rollback") ?? (state.step === 0 && state.phase !== "paused" ? breached(turn, "shrink") : undefined);
  return limit === undefined ? null : rollBackIfItHelps(turn, "limitBreached", { limit });
};

/** Before it has users, only what its copies say can be held against a candidate: then it never gets any. */
const copiesRule: Rule = (turn) => {
  const { state } = turn;
  if (state.step >= 0 || (state.phase !== "pending" && state.phase !== "waiting" && state.phase !== "paused")) return null;
  const limit = (["rollback", "shrink"] as const).map((action) => breached(turn, action)).find((one) => one?.metric === "mirror");
  return limit === undefined ? null : rollBack(turn, "limitBreached", { limit });
};

export const exposureRule: Rule = (turn) =>
  exposed(turn.state) && exposureSpent(turn.plan, turn.evidence) ? rollBackIfItHelps(turn, "exposureSpent", {}) : null;

/** Rollouts of one group go back together. */
export const groupRule: Rule = (turn) => {
  const peer = exposed(turn.state) ? peerGoneBack(turn.evidence) : undefined;
  return peer === undefined ? null : rollBackIfItHelps(turn, "groupRolledBack", { subject: peer.route });
};

/** rollingBack -> verifying, once the candidate's traffic is really 0. */
export const stoppedRule: Rule = (turn) => {
  const { state, evidence, nowMs } = turn;
  if (state.phase !== "rollingBack" || drilling(state)) return null;
  if (evidence.candidateQuietMs >= quietMs) return move(turn, "trafficStopped", { phase: "verifying" }, [{ kind: "beginVerify" }]);
  return nowMs - state.sinceMs >= stopTimeoutMs ? escalate(turn) : null;
};

/** verifying -> rolledBack, once the baseline is inside its earlier limits; else the cause is elsewhere. */
export const verifyRule: Rule = (turn) => {
  const { state, nowMs } = turn;
  if (state.phase !== "verifying" || drilling(state)) return null;
  if (wellAgain(turn)) return move(turn, "verified", { phase: "rolledBack" }, [{ kind: "resetEvidence" }, { kind: "resetBreaker" }]);
  return nowMs - state.sinceMs >= verifyTimeoutMs ? escalate(turn) : null;
};

/** Whether the baseline is inside its earlier limits since the verification began. */
export function wellAgain({ state, evidence, nowMs }: Turn): boolean {
  const elapsedMs = nowMs - state.sinceMs;
  // What the fault left behind (queues, cold connections) may spoil the first seconds: then the last ten decide.
  return (elapsedMs >= verifyAfterMs && recovered(evidence.baselineSinceVerify, evidence.baselineEarlier) === true)
    || (elapsedMs >= verifyWindowMs && recovered(evidence.baseline, evidence.baselineEarlier) === true);
}

const escalate = (turn: Turn): Decided =>
  move(turn, "notVerified", { phase: "rolledBack", escalated: true }, [{ kind: "resetEvidence" }, { kind: "resetBreaker" }]);
