/**
 * A drill: the way back, walked on purpose. The candidate's users are taken away as by a rollback, that is measured, and they come back by the rule
 * for entering a step. It accuses nobody: nothing is quarantined, and nothing cools down.
 */
import { exposureSpent, suspicious } from "./health.ts";
import { holdGate } from "./holds.ts";
import { refuse, risesNot } from "./refusals.ts";
import { breached, quietMs, rollBack, stopTimeoutMs, verifyTimeoutMs, wellAgain } from "./rules-back.ts";
import { around, targetUnhealthy } from "./surroundings.ts";
import { drilling } from "./drill.ts";
import { exposed, move, type Rule, type Turn } from "./turn.ts";
import type { DrillState } from "./drill.ts";
import type { Decided } from "./types.ts";

/** The command. */
export function drillCommand(turn: Turn): Decided {
  const { state, evidence, nowMs } = turn;
  const { by, why } = evidence.command!;
  if (by === "" || why === "") return refuse(turn, "a drill needs a name and a reason");
  const busy = busyWith(turn);
  if (busy !== null) return refuse(turn, busy);
  const begun: DrillState = {
    step: state.step, weight: state.weight, atMs: nowMs, by, why, acknowledgedAfterMs: null, stoppedAfterMs: null, verifiedAfterMs: null, outcome: "underWay", over: false,
  };
  return move(turn, "drill", { phase: "rollingBack", waiting: null, weight: 0, bakeSinceMs: null, drill: begun }, [{ kind: "setWeight", weight: 0 }], { command: true });
}

/** Waits that a drill may interrupt: the step is as it should be, and something is asked before the next one. */
const calm: readonly unknown[] = [null, "evidence", "approval", "declaredProbes", "mirror", "externalGate"];

/** What else is going on, with the remedy; null: nothing. A drill that interrupts something proves nothing, and hides it. */
function busyWith(turn: Turn): string | null {
  const { plan, state } = turn;
  if (state.phase === "succeeded") return "the rollout has succeeded: a drill is for a candidate that is being rolled out";
  if (state.phase === "paused") return "the rollout is paused: resume it first";
  if (!exposed(state) || state.weight === 0) return "the candidate has no users that could be taken back: wait until a step has given it some";
  if (plan.group) return `the rollouts of group '${plan.group}' go back together: a drill of one alone would part them`;
  if (!calm.includes(state.waiting)) return `the rollout is held (${state.waiting}): wait until it goes on`;
  const held = holdGate(turn);
  if (held !== null) return `the rollout is about to be held (${held.waiting}): wait until it is well`;
  if (turn.evidence.candidate.requests === 0) return "no request has reached the candidate for 10 s: a drill would prove nothing, wait for traffic";
  if (suspectsSomething(turn)) return "something speaks against the candidate, and a drill would throw that evidence away: wait for the verdict, or roll back";
  return risesNot(turn);
}

/** From a twentieth of what trips or convicts on. */
const suspectsSomething = ({ evidence }: Turn): boolean => suspicious(evidence) || evidence.breaker.wealth >= 0.05 * evidence.breaker.threshold;

/** A drill under way. Requests from before it may still show that the candidate is bad: then it becomes a real rollback. */
export const drillRule: Rule = (turn) => {
  const { state, evidence, nowMs } = turn;
  const { drill } = state;
  if (drill === undefined || !drilling(state)) return null;
  if (evidence.breaker.tripped) return rollBack(turn, "breakerTripped", { breaker: true });
  const limit = breached(turn, "rollback");
  if (limit !== undefined) return rollBack(turn, "limitBreached", { limit });
  if (exposureSpent(turn.plan, evidence)) return rollBack(turn, "exposureSpent", {});
  const elapsedMs = nowMs - state.sinceMs;
  if (state.phase === "rollingBack") {
    const { acknowledgedAfterMs } = around(evidence);
    const quiet = evidence.candidateQuietMs >= quietMs;
    if (quiet && acknowledgedAfterMs !== null) {
      return move(turn, "trafficStopped", { phase: "verifying", drill: { ...drill, acknowledgedAfterMs: acknowledgedAfterMs ?? null, stoppedAfterMs: nowMs - drill.atMs } }, [{ kind: "beginVerify" }]);
    }
    return elapsedMs >= stopTimeoutMs ? failed(turn, drill, quiet ? "stragglers" : "traffic") : null;
  }
  if (targetUnhealthy(turn)) return failed(turn, drill, "baseline");
  if (wellAgain(turn)) {
    const passed: DrillState = { ...drill, verifiedAfterMs: nowMs - drill.atMs, outcome: "passed" };
    return move(turn, "drillPassed", { phase: "pending", step: -1, drill: passed }, freshEvidence);
  }
  return elapsedMs >= verifyTimeoutMs ? failed(turn, drill, "recovery") : null;
};

const freshEvidence = [{ kind: "resetEvidence" }, { kind: "resetBreaker" }] as const;

/** What a drill stumbled over. */
export type DrillFault = "stragglers" | "traffic" | "baseline" | "recovery";

/** The users stay where they are, until somebody has looked: no weight rises in a situation that nobody understands. */
const failed = (turn: Turn, drill: DrillState, subject: DrillFault): Decided =>
  move(turn, "drillFailed", { phase: "paused", waiting: null, paused: { by: "drill", phase: "pending", waiting: null }, step: -1, drill: { ...drill, outcome: "failed" } }, freshEvidence, { subject });
