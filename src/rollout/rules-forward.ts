/** The rules that give the candidate more users, or hold. No data is never success. */
import { takeRoom } from "./experiment.ts";
import { groupGate, needsApproval, raiseGate, stepGate, waitAt } from "./gates.ts";
import { holdGate } from "./holds.ts";
import { rollBackIfItHelps } from "./rules-back.ts";
import { inconclusiveTooLong, lack, stepEnd, stepOf, type Lack } from "./step-end.ts";
import { targetUnhealthy } from "./surroundings.ts";
import { enterStep, move, nextStep, onward, pausedBy, type Rule, type Turn } from "./turn.ts";
import type { Decided } from "./types.ts";

const coolingMs = 5_000;
const probeWeight = 1;
const probeMs = 3_000;
const probeOutcomesMin = 20;

export const pendingRule: Rule = (turn) => {
  if (turn.state.phase !== "pending") return null;
  const gate = holdGate(turn) ?? stepGate(turn) ?? groupGate(turn);
  if (gate !== null) return waitAt(turn, gate);
  return enterStep(turn, turn.state.drill?.over === false ? "drillEnded" : "started", nextStep(turn));
};

/** A step, or the bake time after the last one. */
export const progressRule: Rule = (turn) => {
  const { plan, state, nowMs } = turn;
  if (state.phase !== "progressing" && state.phase !== "baking") return null;
  const held = holdGate(turn);
  if (held !== null) return waitAt(turn, held);
  const end = stepEnd(turn);
  if (end === null) return null;
  if ("lacks" in end) return lacking(turn, end.lacks);
  const gate = stepGate(turn) ?? groupGate(turn);
  if (gate !== null) return waitAt(turn, gate);
  if (state.bakeSinceMs !== null) return move(turn, end.done, { phase: "succeeded", waiting: null, rollbacks: 0, cooldownUntilMs: null }, []);
  const next = state.step + 1;
  const because = stepOf(turn).evidence === true && end.done === "stepCompleted" ? { subject: "shown" } : {};
  if (next < plan.steps.length) return enterStep(turn, end.done, next, because);
  const reason = end.done === "inconclusiveAdvanced" ? end.done : "bakeStarted";
  return move(turn, reason, { phase: "baking", waiting: null, bakeSinceMs: nowMs }, []);
};

const lacking = (turn: Turn, lacks: Lack): Decided => move(turn, "awaitingEvidence", { phase: "waiting", waiting: "evidence" }, [], { subject: lacks });

export const waitRule: Rule = (turn) => {
  const { state, nowMs } = turn;
  if (state.phase !== "waiting") return null;
  switch (state.waiting) {
    case "approval":
      // The configuration may have stopped asking.
      return needsApproval(turn, nextStep(turn)) ? null : goOn(turn);
    case "evidence":
      return inconclusive(turn);
    case "declaredProbes":
      return stepGate(turn)?.waiting === "declaredProbes" ? null : goOn(turn);
    case "mirror":
      return stepGate(turn)?.waiting === "mirror" ? null : goOn(turn);
    case "externalGate":
      return stepGate(turn)?.waiting === "externalGate" ? null : goOn(turn);
    case "noTraffic":
      return holdGate(turn)?.waiting === "noTraffic" ? null : goOn(turn);
    case "baseline":
      return targetUnhealthy(turn) ? null : goOn(turn);
    case "outage":
      return holdGate(turn)?.waiting === "outage" ? null : goOn(turn);
    case "sampleRatio":
      return holdGate(turn)?.waiting === "sampleRatio" ? null : goOn(turn);
    case "cooldown":
      return state.cooldownUntilMs !== null && nowMs < state.cooldownUntilMs ? null : goOn(turn);
    case "freeze":
    case "partition":
      return raiseGate(turn)?.waiting === state.waiting ? null : goOn(turn);
    case "group":
      return groupGate(turn) === null || stepGate(turn) !== null ? goOn(turn) : null;
    case "candidates": {
      const gate = holdGate(turn) ?? stepGate(turn);
      if (gate?.waiting === "candidates") return null;
      // Without the others, in a changed document, there is nobody to be chosen among: the step has to be earned as any other.
      return gate === null && state.promoted === true && turn.plan.experiment !== undefined ? takeRoom(turn) : goOn(turn);
    }
    case "probe":
      return probe(turn);
    case null:
      return goOn(turn);
  }
};

/** The step has had its time and cannot show what it should: neither forward nor back, until the operator's own time is up. */
function inconclusive(turn: Turn): Decided | null {
  const { plan, state } = turn;
  const lacks = lack(turn);
  if (lacks === null) return goOn(turn);
  const end = stepEnd(turn);
  // The operator lets it go on, or the plan gives the step more time than it had.
  if (end === null || "done" in end) return goOn(turn);
  if (inconclusiveTooLong(turn)) {
    if (plan.inconclusive?.action === "rollback") return rollBackIfItHelps(turn, "inconclusiveRolledBack", { subject: lacks });
    if (plan.inconclusive?.action === "pause") return move(turn, "inconclusivePaused", { phase: "paused", waiting: null, paused: pausedBy(state, "inconclusive") }, [], { subject: lacks });
  }
  return null;
}

/** Cooling, then a little traffic, then everything back, as far as weights may rise; a second trip is a rollback (see rules-back.ts). */
function probe(turn: Turn): Decided | null {
  const { state, evidence, nowMs } = turn;
  // The plan may have lost steps since; it is followed when the probe has ended.
  const { weight } = stepOf(turn);
  const blocked = raiseGate(turn) !== null;
  if (state.probe === "cooling") {
    if (nowMs - state.sinceMs < coolingMs || blocked) return null;
    const little = Math.min(probeWeight, weight);
    return move(turn, "probeStarted", { probe: "probing", weight: little }, [{ kind: "setWeight", weight: little }, { kind: "resetBreaker" }], { breaker: true });
  }
  const { ok, wealth } = evidence.breaker;
  if (nowMs - state.sinceMs < probeMs || ok < probeOutcomesMin || wealth >= 1 || (blocked && weight > state.weight)) return null;
  return move(
    turn, "probePassed",
    { phase: onward(state), waiting: null, probe: null, weight, stepSinceMs: nowMs, bakeSinceMs: state.bakeSinceMs === null ? null : nowMs },
    [{ kind: "setWeight", weight }, { kind: "beginStep", step: state.step }, { kind: "resetBreaker" }],
    { breaker: true },
  );
}

const goOn = (turn: Turn): Decided => move(turn, "holdEnded", { phase: onward(turn.state), waiting: null, probe: null, ...(turn.state.promoted === undefined ? {} : { promoted: undefined }) }, []);
