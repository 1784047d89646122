/**
 * What a rollout does next: a pure and total function of its plan, its state, the evidence and the time. It knows no
 * clock, no store and no network; the controller applies the effects. The same function runs in production, in the
 * replay of an audit log and in the simulator (DESIGN section 3).
 */
import type { RolloutPlan } from "../config/rollout-plan.ts";
import { breachRule, breakerRule, exposureRule, groupRule, regionRule, stoppedRule, verifyRule } from "./rules-back.ts";
import { refuse } from "./refusals.ts";
import { commandRule, overrideApproval, rollbackCommandRule } from "./rules-command.ts";
import { drillRule } from "./rules-drill.ts";
import { pendingRule, progressRule, waitRule } from "./rules-forward.ts";
import { limitActionRule } from "./rules-limit.ts";
import { editedRule, planChangedRule, planPauseRule } from "./rules-plan.ts";
import { exposed, move, type Rule, type Turn } from "./turn.ts";
import type { Decided, Evidence, RolloutState } from "./types.ts";

/** A rollout that nobody has decided on yet. */
export function initialState(plan: RolloutPlan, nowMs: number): RolloutState {
  return {
    version: 1, route: plan.route, candidate: plan.candidate, revision: plan.revision,
    phase: "pending", waiting: null, paused: null, step: -1, weight: 0, sinceMs: nowMs, stepSinceMs: nowMs, bakeSinceMs: null,
    trips: 0, probe: null, shrinks: 0, approvedStep: -1, edition: null, authors: [], badResponses: 0, quarantined: [], rollbacks: 0, cooldownUntilMs: null, regionsOut: [],
    rolledBackFor: null, escalated: false,
  };
}

/** What outlives a candidate: which revisions are quarantined, and how long nothing starts. */
function startOver({ plan, state, nowMs }: Turn): RolloutState {
  const { quarantined, rollbacks, cooldownUntilMs, edition } = state;
  return { ...initialState(plan, nowMs), quarantined, rollbacks, cooldownUntilMs, edition, ...(state.drill === undefined ? {} : { drill: undefined }) };
}

const startOverEffects = [{ kind: "setWeight", weight: 0 }, { kind: "beginCandidate" }, { kind: "resetEvidence" }, { kind: "resetBreaker" }] as const;

/** Another candidate starts over at weight 0; one that was rolled back before stays there. */
const revisionRule: Rule = (turn) => {
  const { plan, state } = turn;
  const changed = plan.revision !== state.revision || plan.candidate !== state.candidate;
  if (!changed && state.phase !== "pending") return null;
  const quarantined = state.quarantined.includes(plan.revision);
  if (!changed && !quarantined) return null;
  const fresh = startOver(turn);
  const next: RolloutState = quarantined ? { ...fresh, phase: "rolledBack", rolledBackFor: "quarantined" } : fresh;
  return move(turn, quarantined ? "quarantined" : "newRevision", next, startOverEffects);
};

/** The only way out of the quarantine, past a cooldown, and past an approval that nobody is there to give: somebody with a name says why. */
const overrideRule: Rule = (turn) => {
  const { state, evidence } = turn;
  if (evidence.command?.verb !== "override") return null;
  if (evidence.command.by === "" || evidence.command.why === "") return refuse(turn, "an override needs a name and a reason");
  if (state.phase !== "rolledBack" && state.waiting !== "cooldown") {
    const unapproved = overrideApproval(turn);
    if (unapproved !== null) return unapproved;
    return refuse(turn, exposed(state) || state.phase === "succeeded" ? "nothing holds the candidate that an override could lift" : "the rollback is not over yet: wait until the route is verified");
  }
  const quarantined = state.quarantined.filter((revision) => revision !== turn.plan.revision);
  return move(turn, "commandOverride", { ...startOver(turn), quarantined, cooldownUntilMs: null, authors: state.authors }, startOverEffects, { command: true });
};

/** In order of precedence: who takes users away is asked before who holds, and who holds before who gives more. */
const rules: readonly Rule[] = [
  revisionRule,
  rollbackCommandRule, breakerRule, regionRule, breachRule, exposureRule, groupRule, drillRule, stoppedRule, verifyRule,
  editedRule, overrideRule, planChangedRule, commandRule, planPauseRule, limitActionRule,
  waitRule, progressRule, pendingRule,
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
