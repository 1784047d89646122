/** What people ask for. A refusal is a record of its own, and says what to do instead. */
import { needsApproval, shutGate } from "./gates.ts";
import { rollBack } from "./rules-back.ts";
import { drillCommand } from "./rules-drill.ts";
import { risesNot, refuse } from "./refusals.ts";
import { drilling } from "./drill.ts";
import { authorship, enterStep, exposed, leavePause, move, nextStep, pausedBy, type Rule, type Turn } from "./turn.ts";
import type { Decided } from "./types.ts";

/** Asked before everything else: nothing that is observed outranks a person who takes users away. */
export const rollbackCommandRule: Rule = (turn) => {
  const { state, evidence } = turn;
  if (evidence.command?.verb !== "rollback") return null;
  // A drill becomes a real one.
  if (drilling(state)) return rollBack(turn, "commandRollback", { command: true });
  if (state.phase === "rollingBack" || state.phase === "verifying" || state.phase === "rolledBack") return refuse(turn, "the candidate has no traffic: it was rolled back before");
  if (state.phase === "retired") return refuse(turn, "the rollout has ended");
  return rollBack(turn, "commandRollback", { command: true });
};

export const commandRule: Rule = (turn) => {
  const { state, evidence } = turn;
  if (evidence.command === null) return null;
  if (drilling(state)) return refuse(turn, "a drill is under way, which ends by itself within 100 seconds: wait for its end, or roll back, which makes it a real rollback");
  if (state.phase === "rollingBack" || state.phase === "verifying" || state.phase === "rolledBack" || state.phase === "retired") {
    return refuse(turn, `revision ${state.revision} was rolled back and is quarantined: deploy another revision of ${state.candidate}, or override it with a reason`);
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
    case "drill":
      return drillCommand(turn);
    case "override":
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
  if (state.paused?.by === "plan") return refuse(turn, "the configuration holds it: set `paused: false` on the rollout");
  if (state.paused !== null) return leavePause(turn, state.paused, "commandResume");
  if (state.regionsOut.length === 0) return refuse(turn, "the rollout is not paused");
  const blocked = risesNot(turn);
  if (blocked !== null) return refuse(turn, blocked);
  // Somebody has looked at the region: it comes back, with evidence of its own.
  return move(
    turn, "commandResume", { regionsOut: [], sinceMs: state.sinceMs, stepSinceMs: turn.nowMs },
    [{ kind: "setWeight", weight: state.weight }, { kind: "resetEvidence" }, { kind: "beginStep", step: state.step }],
    { command: true, subject: state.regionsOut.join(", ") },
  );
}

function promote(turn: Turn): Decided {
  const { plan, state, nowMs } = turn;
  if (state.phase === "paused") return refuse(turn, "the rollout is paused: resume it first");
  if (state.phase === "succeeded") return refuse(turn, "the rollout has succeeded: there is no further step");
  if (state.waiting === "probe") return refuse(turn, "the breaker's probe is under way: wait for its end");
  if (state.step < 0 && state.cooldownUntilMs !== null && nowMs < state.cooldownUntilMs) return refuse(turn, "it cools down after a rollback: override that with a reason");
  if (state.bakeSinceMs !== null) return move(turn, "commandPromote", { phase: "succeeded", waiting: null, rollbacks: 0, cooldownUntilMs: null }, [], { command: true });
  const next = nextStep(turn);
  if (next >= plan.steps.length) return move(turn, "commandPromote", { phase: "baking", waiting: null, bakeSinceMs: nowMs }, [], { command: true });
  if (plan.steps[next]!.approval && state.approvedStep < next) return refuse(turn, `step ${next + 1} asks for an approval: approve it`);
  const shut = shutGate(turn, next);
  if (shut !== undefined) return refuse(turn, `step ${next + 1} asks the external gate '${shut}', which has not said yes: it is asked when everything else is there`);
  const blocked = risesNot(turn);
  return blocked === null ? enterStep(turn, "commandPromote", next, { command: true }) : refuse(turn, blocked);
}

/** An approval is remembered; the weight follows when the step has its evidence and nothing else stands before it. */
function approve(turn: Turn): Decided {
  const { plan, state, evidence } = turn;
  const next = nextStep(turn);
  if (plan.steps[next]?.approval !== true || state.phase === "succeeded") return refuse(turn, "no step waits for an approval");
  if (state.approvedStep >= next) return refuse(turn, `step ${next + 1} is approved already`);
  const by = evidence.command?.by ?? "";
  const author = authorship(state, evidence).authors.find((one) => samePerson(one, by));
  if (author !== undefined) return refuse(turn, `${by} has changed this rollout${author === by ? "" : ` (as ${author})`}, and nobody approves their own change: somebody else has to`);
  return move(turn, "commandApprove", { approvedStep: next, sinceMs: state.sinceMs }, [], { command: true });
}

/** `alice@laptop`, as the command line names who is there, is the `alice` of a token: in doubt it is one person. */
const samePerson = (a: string, b: string): boolean => personOf(a) === personOf(b);
const personOf = (name: string): string => name.split("@", 1)[0]!.toLowerCase();

/** Breaks the glass: a step is entered without the approval that it asks for. @returns null where it waits for none */
export function overrideApproval(turn: Turn): Decided | null {
  const { state } = turn;
  const next = nextStep(turn);
  if (!needsApproval(turn, next) || (state.phase !== "pending" && !exposed(state) && state.phase !== "waiting" && state.phase !== "paused")) return null;
  return move(turn, "commandOverride", { approvedStep: next, sinceMs: state.sinceMs }, [], { command: true, subject: `step ${next + 1}` });
}
