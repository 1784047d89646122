/**
 * What a rollout does next: a pure and total function of its plan, its state, the evidence and the time. It knows no
 * clock, no store and no network; the controller applies the effects. The same function runs in production, in the
 * replay of an audit log and in the simulator (DESIGN section 3).
 */
import type { RolloutPlan } from "../config/rollout-plan.ts";
import { breachRule, breakerRule, exposureRule, limitActionRule, stoppedRule, verifyRule } from "./rules-back.ts";
import { commandRule, planChangedRule, planPauseRule, rollbackCommandRule } from "./rules-command.ts";
import { bakeRule, pendingRule, progressRule, waitRule } from "./rules-forward.ts";
import { move, type Rule, type Turn } from "./turn.ts";
import type { Decided, Evidence, RolloutState } from "./types.ts";

/** A rollout that nobody has decided on yet. */
export function initialState(plan: RolloutPlan, nowMs: number): RolloutState {
  return {
    version: 1, route: plan.route, candidate: plan.candidate, revision: plan.revision,
    phase: "pending", waiting: null, paused: null, step: -1, weight: 0, sinceMs: nowMs, stepSinceMs: nowMs, bakeSinceMs: null,
    trips: 0, probe: null, shrinks: 0, approvedStep: -1, badResponses: 0, quarantined: [], rolledBackFor: null, escalated: false,
  };
}

/** Another candidate starts over at weight 0; one that was rolled back before stays there. */
const revisionRule: Rule = (turn) => {
  const { plan, state, nowMs } = turn;
  const changed = plan.revision !== state.revision || plan.candidate !== state.candidate;
  if (!changed && state.phase !== "pending") return null;
  const quarantined = state.quarantined.includes(plan.revision);
  if (!changed && !quarantined) return null;
  const fresh = { ...initialState(plan, nowMs), quarantined: state.quarantined };
  const next: RolloutState = quarantined ? { ...fresh, phase: "rolledBack", rolledBackFor: "quarantined" } : fresh;
  return move(turn, quarantined ? "quarantined" : "newRevision", next, [{ kind: "setWeight", weight: 0 }, { kind: "beginCandidate" }, { kind: "resetEvidence" }, { kind: "resetBreaker" }]);
};

/** In order of precedence: who takes users away is asked before who holds, and who holds before who gives more. */
const rules: readonly Rule[] = [
  revisionRule,
  rollbackCommandRule, breakerRule, breachRule, exposureRule, stoppedRule, verifyRule,
  planChangedRule, commandRule, planPauseRule, limitActionRule,
  waitRule, bakeRule, progressRule, pendingRule,
];

/**
 * @param nowMs on the controller's line; must not fall behind the state's own times
 * @returns the same `state` object where nothing changed; at most one transition
 */
export function decide(plan: RolloutPlan, state: RolloutState, evidence: Evidence, nowMs: number): Decided {
  const turn: Turn = { plan, state, evidence, nowMs };
  for (const rule of rules) {
    const decided = rule(turn);
    if (decided !== null) return decided;
  }
  return { state, effects: [], reasons: [] };
}
