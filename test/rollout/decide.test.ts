import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rolloutPhases, rolloutReasons } from "../../src/core/reasons.ts";
import { decide, initialState } from "../../src/rollout/decide.ts";
import { explain } from "../../src/rollout/explain.ts";
import { parseState } from "../../src/rollout/stored-state.ts";
import type { Decided, RolloutState } from "../../src/rollout/types.ts";
import { history, type Turning } from "./histories.ts";

interface Step extends Turning {
  readonly before: RolloutState;
  readonly decided: Decided;
  readonly nowMs: number;
}

function walk(turns: readonly Turning[]): Step[] {
  let state = initialState(turns[0]!.plan, 0);
  let nowMs = 0;
  return turns.map((turn) => {
    nowMs += turn.afterMs;
    const before = state;
    const decided = decide(turn.plan, before, turn.evidence, nowMs);
    state = decided.state;
    return { ...turn, before, decided, nowMs };
  });
}

/** Drawn anew each time; a failure names the seed, which `fc.sample` takes. */
const seed = (Math.random() * 2 ** 31) | 0;
const steps = fc.sample(history, { numRuns: 80, seed }).flatMap(walk);

/** What breaks a promise, short enough to be read. @returns an empty list where nothing does */
function broken(holds: (step: Step) => boolean): unknown[] {
  return steps.filter((step) => !holds(step)).slice(0, 1).map(({ plan, before, decided, evidence }) => ({ seed, plan, before, decided, evidence }));
}

const gone = ["pending", "rollingBack", "verifying", "rolledBack", "retired"];
const exposedPhases = ["progressing", "waiting", "baking", "paused"];

describe("whatever is observed and commanded, in any order", () => {
  test("a rolled back candidate has weight 0", () => {
    expect(broken(({ decided: { state } }) => !gone.includes(state.phase) || state.weight === 0)).toEqual([]);
  });

  test("a quarantined revision never gets traffic", () => {
    expect(broken(({ decided: { state } }) => state.weight === 0 || !state.quarantined.includes(state.revision))).toEqual([]);
  });

  test("a weight never rises without the dwell, the requests and the evidence, unless somebody asks for it", () => {
    expect(
      broken(({ before, decided: { state, reasons }, evidence, plan, nowMs }) => {
        const reason = reasons[0]?.reason;
        if (state.weight <= before.weight || reason === "commandPromote" || reason === "commandApprove" || reason === "planChanged") return true;
        if (reason === "started" || reason === "probeStarted" || reason === "probePassed") return before.weight <= 1 && state.weight <= plan.steps[Math.max(0, Math.min(state.step, plan.steps.length - 1))]!.weight;
        const step = plan.steps[before.step]!;
        return reason === "stepCompleted" && nowMs - before.stepSinceMs >= step.dwellMs && evidence.stepCandidateSettled >= step.minRequests
          && (step.evidence !== true || evidence.limits.every((limit) => limit.notWorse >= 20));
      }),
    ).toEqual([]);
  });

  test("every transition has exactly one reason, and nothing changes without one", () => {
    expect(
      broken(({ before, decided: { state, effects, reasons } }) => {
        if (state === before) return reasons.every((decision) => decision.from === decision.to) && effects.every((effect) => effect.kind === "rearmLimit");
        return reasons.length === 1 && rolloutReasons.includes(reasons[0]!.reason) && reasons[0]!.from === before.phase && reasons[0]!.to === state.phase;
      }),
    ).toEqual([]);
  });

  test("a tripped breaker takes the traffic away at once, even from a paused rollout, and only a rest of 5 s gives a little back", () => {
    expect(
      broken(({ before, evidence, plan, nowMs, decided: { state } }) => {
        if (plan.revision !== before.revision || !exposedPhases.includes(before.phase) || before.step < 0 || !evidence.breaker.tripped) return true;
        return state.weight === 0 || (before.probe === "cooling" && state.weight <= 1 && nowMs - before.sinceMs >= 5_000);
      }),
    ).toEqual([]);
  });

  test("a breached limit rolls back from every phase with exposure, unless the baseline itself fails", () => {
    expect(
      broken(({ before, evidence, plan, decided: { state } }) => {
        const breached = evidence.limits[0]!.verdict === "breached";
        if (plan.revision !== before.revision || !breached || !exposedPhases.includes(before.phase) || before.step < 0) return true;
        const { baseline } = evidence;
        return state.weight === 0 || (baseline.errorRate !== null && baseline.errorRate > 0.05 && baseline.settled >= 50);
      }),
    ).toEqual([]);
  });

  test("the command to roll back is obeyed in every phase that has not gone back yet", () => {
    expect(
      broken(({ before, evidence, plan, decided: { state, reasons } }) => {
        if (plan.revision !== before.revision || evidence.command?.verb !== "rollback" || gone.slice(1).includes(before.phase) || before.quarantined.includes(before.revision)) return true;
        return state.phase === "rollingBack" && state.weight === 0 && reasons[0]!.reason === "commandRollback";
      }),
    ).toEqual([]);
  });

  test("waiting, pausing and probing are only ever half said: the state agrees with itself, and survives the store", () => {
    expect(
      broken(({ decided: { state } }) =>
        (state.phase === "waiting") === (state.waiting !== null) && (state.phase === "paused") === (state.paused !== null)
        && (state.waiting === "probe") === (state.probe !== null) && rolloutPhases.includes(state.phase)
        && typeof parseState(JSON.parse(JSON.stringify(state))) === "object"),
    ).toEqual([]);
  });

  test("the same inputs give the same decision, and every decision has a sentence", () => {
    expect(
      broken(({ plan, before, evidence, nowMs, decided }) =>
        JSON.stringify(decide(plan, before, evidence, nowMs)) === JSON.stringify(decided)
        && decided.reasons.every((decision) => explain(decision).endsWith(".") && !/undefined|NaN/.test(explain(decision)))),
    ).toEqual([]);
  });
});
