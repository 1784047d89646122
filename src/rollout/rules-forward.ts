/** The rules that give the candidate more users, or hold. No data is never success. */
import type { RolloutStep } from "../config/rollout-plan.ts";
import { baselineUnhealthy, noTrafficMs, sufficient } from "./health.ts";
import { enterStep, move, onward, type Rule, type Turn } from "./turn.ts";
import type { Decided } from "./types.ts";

/** A limit that shrank the rollout doubles the next dwell, at most so often. */
const dwellDoublingsMax = 6;
const coolingMs = 5_000;
const probeWeight = 1;
const probeMs = 3_000;
const probeOutcomesMin = 20;

export const pendingRule: Rule = (turn) => {
  if (turn.state.phase !== "pending") return null;
  return needsApproval(turn, 0) ? awaitApproval(turn) : enterStep(turn, "started", 0);
};

export const progressRule: Rule = (turn) => {
  const { plan, state } = turn;
  if (state.phase !== "progressing") return null;
  const held = hold(turn);
  if (held !== null) return held;
  const step = plan.steps[state.step]!;
  if (turn.nowMs - state.stepSinceMs < dwellMs(turn, step)) return null;
  if (!sufficient(turn.evidence, step)) return move(turn, "awaitingEvidence", { phase: "waiting", waiting: "evidence" }, []);
  const next = state.step + 1;
  if (next >= plan.steps.length) return move(turn, "bakeStarted", { phase: "baking", bakeSinceMs: turn.nowMs }, []);
  return needsApproval(turn, next) ? awaitApproval(turn) : enterStep(turn, "stepCompleted", next);
};

export const bakeRule: Rule = (turn) => {
  const { plan, state } = turn;
  if (state.phase !== "baking" || state.bakeSinceMs === null) return null;
  const held = hold(turn);
  if (held !== null) return held;
  if (turn.nowMs - state.bakeSinceMs < plan.bakeMs) return null;
  if (!sufficient(turn.evidence, plan.steps[state.step]!)) return move(turn, "awaitingEvidence", { phase: "waiting", waiting: "evidence" }, []);
  return move(turn, "baked", { phase: "succeeded" }, []);
};

export const waitRule: Rule = (turn) => {
  const { plan, state, evidence } = turn;
  if (state.phase !== "waiting") return null;
  switch (state.waiting) {
    case "approval":
      // The configuration may have stopped asking.
      return needsApproval(turn, state.step + 1) ? null : goOn(turn);
    case "evidence":
      return sufficient(evidence, plan.steps[state.step]!) ? goOn(turn) : null;
    case "noTraffic":
      return evidence.candidate.requests > 0 ? goOn(turn) : null;
    case "baseline":
      return baselineUnhealthy(evidence) ? null : goOn(turn);
    case "probe":
      return probe(turn);
    case null:
      return goOn(turn);
  }
};

/** Cooling, then a little traffic, then everything back; a second trip is a rollback (see rules-back.ts). */
function probe(turn: Turn): Decided | null {
  const { plan, state, evidence, nowMs } = turn;
  // The plan may have lost steps since; it is followed when the probe has ended.
  const { weight } = plan.steps[Math.min(state.step, plan.steps.length - 1)]!;
  if (state.probe === "cooling") {
    if (nowMs - state.sinceMs < coolingMs) return null;
    const little = Math.min(probeWeight, weight);
    return move(turn, "probeStarted", { probe: "probing", weight: little }, [{ kind: "setWeight", weight: little }, { kind: "resetBreaker" }], { breaker: true });
  }
  const { ok, wealth } = evidence.breaker;
  if (nowMs - state.sinceMs < probeMs || ok < probeOutcomesMin || wealth >= 1) return null;
  return move(
    turn, "probePassed",
    { phase: onward(state), waiting: null, probe: null, weight, stepSinceMs: nowMs, bakeSinceMs: state.bakeSinceMs === null ? null : nowMs },
    [{ kind: "setWeight", weight }, { kind: "beginStep", step: state.step }, { kind: "resetBreaker" }],
    { breaker: true },
  );
}

function hold(turn: Turn): Decided | null {
  const { state, evidence, nowMs } = turn;
  if (baselineUnhealthy(evidence)) return move(turn, "baselineUnhealthy", { phase: "waiting", waiting: "baseline" }, []);
  const idle = evidence.candidate.requests === 0 && nowMs - state.stepSinceMs >= noTrafficMs;
  return idle ? move(turn, "noTraffic", { phase: "waiting", waiting: "noTraffic" }, []) : null;
}

const goOn = (turn: Turn): Decided => move(turn, "holdEnded", { phase: onward(turn.state), waiting: null, probe: null }, []);

const awaitApproval = (turn: Turn): Decided => move(turn, "awaitingApproval", { phase: "waiting", waiting: "approval" }, []);

function needsApproval(turn: Turn, step: number): boolean {
  return turn.plan.steps[step]?.approval === true && turn.state.approvedStep < step;
}

const dwellMs = (turn: Turn, step: RolloutStep): number => step.dwellMs * 2 ** Math.min(turn.state.shrinks, dwellDoublingsMax);
