import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rolloutPhases, rolloutReasons, waitReasons } from "../../src/core/reasons.ts";
import { decide, initialState } from "../../src/rollout/decide.ts";
import { explain } from "../../src/rollout/explain.ts";
import { parseState } from "../../src/rollout/stored-state.ts";
import { regionalWeight } from "../../src/rollout/regions.ts";
import type { Decided, Evidence, RolloutState } from "../../src/rollout/types.ts";
import { frozenAt, history, type Turning } from "./histories.ts";

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
const steps = fc.sample(history, { numRuns: 60, seed }).flatMap(walk);

/** What breaks a promise, short enough to be read. @returns an empty list where nothing does */
function broken(holds: (step: Step) => boolean): unknown[] {
  return steps.filter((step) => !holds(step)).slice(0, 1).map(({ plan, before, decided, evidence }) => ({ seed, plan, before, decided, evidence }));
}

const gone = ["pending", "rollingBack", "verifying", "rolledBack", "retired"];
const exposedPhases = ["progressing", "waiting", "baking", "paused"];

/** Rolling back would help nobody: the baseline's own traffic says so, or the probes that keep it warm. */
function targetDown({ baseline, around }: Evidence): boolean {
  const failing = baseline.errorRate !== null && baseline.errorRate > 0.05 && baseline.settled >= 50;
  return failing || ((around?.baselineProbes?.failedInRow ?? 0) >= 3 && baseline.settled === baseline.failed);
}

describe("whatever is observed and commanded, in any order", () => {
  test("a rolled back candidate has weight 0", () => {
    expect(broken(({ decided: { state } }) => !gone.includes(state.phase) || state.weight === 0)).toEqual([]);
  });

  test("a quarantined revision never gets traffic", () => {
    expect(broken(({ decided: { state } }) => state.weight === 0 || !state.quarantined.includes(state.revision))).toEqual([]);
  });

  test("a quarantined revision leaves the quarantine only by a name and a reason", () => {
    expect(
      broken(({ before, decided: { state, reasons }, evidence }) => {
        const released = before.quarantined.filter((revision) => !state.quarantined.includes(revision));
        return released.length === 0 || (released.length === 1 && reasons[0]!.reason === "commandOverride" && evidence.command!.by !== "" && evidence.command!.why !== "");
      }),
    ).toEqual([]);
  });

  test("a weight never rises without the dwell or its proof, the requests, the evidence and the probes, unless somebody asks for it", () => {
    expect(
      broken(({ before, decided: { state, reasons }, evidence, plan, nowMs }) => {
        const reason = reasons[0]?.reason;
        if (state.weight <= before.weight || reason === "commandPromote" || reason === "planChanged" || (reason === "chosen" && before.promoted === true)) return true;
        if (state.step > before.step && (evidence.around?.candidateProbes?.goodInRow ?? 0) < (plan.steps[state.step]!.probes ?? 0)) return false;
        if (reason === "drillEnded") return before.weight === 0 && before.drill!.outcome !== "underWay" && !before.drill!.over && state.step === Math.min(before.drill!.step, plan.steps.length - 1) && state.weight === plan.steps[state.step]!.weight;
        if (reason === "started" || reason === "probeStarted" || reason === "probePassed") return before.weight <= 1 && state.weight <= plan.steps[Math.max(0, Math.min(state.step, plan.steps.length - 1))]!.weight;
        const step = plan.steps[before.step]!;
        const elapsedMs = nowMs - before.stepSinceMs;
        const shown = plan.limits.every((limit, i) => limit.prove !== true || evidence.limits[i]!.notWorse >= 20 || evidence.around?.shown?.[i] === true);
        if (evidence.stepCandidateSettled < step.minRequests) return false;
        if (evidence.limits.some(({ action, groupWealth }) => action !== "notify" && action !== "dryRun" && groupWealth >= 10)) return false;
        if (reason === "stepCompleted") return elapsedMs >= step.dwellMs && (step.evidence !== true || shown);
        if (reason === "stepEarly") return step.early === true && shown;
        return reason === "inconclusiveAdvanced" && plan.inconclusive?.action === "advance" && elapsedMs >= plan.inconclusive.afterMs && elapsedMs >= step.dwellMs;
      }),
    ).toEqual([]);
  });

  test("no weight rises in a partition or in a freeze window, whoever asks, and a rollback is never held by them", () => {
    expect(
      broken(({ before, evidence, plan, nowMs, decided: { state } }) => {
        const held = evidence.around?.partitioned === true || frozenAt(plan, nowMs);
        if (!held || plan.revision !== before.revision) return true;
        if (evidence.command?.verb === "rollback" && before.step >= 0 && exposedPhases.includes(before.phase)) return state.weight === 0;
        return state.weight <= before.weight;
      }),
    ).toEqual([]);
  });

  test("no step is taken before its external gates have said yes, whoever asks", () => {
    expect(
      broken(({ before, evidence, plan, decided: { state, reasons } }) =>
        // Numbers of steps that were edited name others than before: what counts then is the weight.
        (reasons[0]?.reason === "planChanged" ? state.weight <= before.weight : state.step <= before.step) || (plan.steps[state.step]!.externalGates ?? []).every((target) => evidence.around?.externalGates?.some((one) => one.target === target && one.answer === "yes"))),
    ).toEqual([]);
  });

  test("nothing starts before the cooldown is over, except by an override", () => {
    expect(
      broken(({ before, nowMs, decided: { state } }) => before.step >= 0 || state.step < 0 || before.cooldownUntilMs === null || nowMs >= before.cooldownUntilMs),
    ).toEqual([]);
  });

  test("each rollback before a success doubles the cooldown, up to its maximum", () => {
    expect(
      broken(({ before, nowMs, decided: { state, reasons } }) => {
        if (state.phase !== "rollingBack" || before.phase === "rollingBack" || reasons[0]!.reason === "drill") return true;
        return state.rollbacks === before.rollbacks + 1 && state.cooldownUntilMs === nowMs + Math.min(600_000, 60_000 * 2 ** before.rollbacks) && reasons.length === 1;
      }),
    ).toEqual([]);
  });

  test("a group goes back together, and nobody goes on before the others are ready", () => {
    expect(
      broken(({ before, plan, evidence, decided: { state, reasons } }) => {
        const peers = evidence.around?.peers ?? [];
        const reason = reasons[0]?.reason;
        if (plan.revision !== before.revision) return true;
        if (before.step >= 0 && exposedPhases.includes(before.phase) && peers.some(({ phase }) => gone.slice(1, 4).includes(phase))) {
          return state.weight === 0 || targetDown(evidence) || state.weight <= before.weight;
        }
        if (!["started", "stepCompleted", "stepEarly", "inconclusiveAdvanced", "bakeStarted", "baked"].includes(reason!)) return true;
        const rank = before.bakeSinceMs === null ? before.step : plan.steps.length;
        return peers.every((peer) => !gone.slice(1, 4).includes(peer.phase) && (peer.rank > rank || (peer.rank === rank && peer.ready)));
      }),
    ).toEqual([]);
  });

  test("a region that a limit has taken out has no users, and no region has more than its cap", () => {
    expect(
      broken(({ plan, decided: { state } }) =>
        state.regionsOut.every((region) => regionalWeight(plan, state, region) === 0) && regionalWeight(plan, state, "us") <= 5 && regionalWeight(plan, state, null) === state.weight),
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

  test("a breached limit rolls back from every phase with exposure, or takes its region out, unless the baseline itself fails", () => {
    expect(
      broken(({ before, evidence, plan, decided: { state } }) => {
        const breached = evidence.limits[0]!.verdict === "breached";
        if (plan.revision !== before.revision || !breached || !exposedPhases.includes(before.phase) || before.step < 0) return true;
        if (state.weight === 0 || targetDown(evidence)) return true;
        const region = evidence.around?.region ?? null;
        // A region that is out already has nothing to lose; whoever brings it back has seen its evidence, which starts over.
        return plan.limits[0]!.scope === "inRegion" && region !== null && (regionalWeight(plan, state, region) === 0 || before.regionsOut.includes(region));
      }),
    ).toEqual([]);
  });

  test("the command to roll back is obeyed in every phase that has not gone back yet", () => {
    expect(
      broken(({ before, evidence, plan, decided: { state, reasons } }) => {
        if (plan.revision !== before.revision || evidence.command?.verb !== "rollback" || (gone.slice(1).includes(before.phase) && before.drill?.outcome !== "underWay") || before.quarantined.includes(before.revision)) return true;
        return state.phase === "rollingBack" && state.weight === 0 && reasons[0]!.reason === "commandRollback";
      }),
    ).toEqual([]);
  });

  test("nobody approves their own change, under whatever name of theirs", () => {
    const person = (name: string): string => name.split("@")[0]!.toLowerCase();
    expect(
      broken(({ before, evidence, decided: { reasons } }) =>
        reasons[0]?.reason !== "commandApprove" || [...before.authors, ...(evidence.around?.document?.by ?? [])].every((author) => person(author) !== person(reasons[0]!.command!.by))),
    ).toEqual([]);
  });

  test("an approval is for one edition: none is entered upon that was approved for another, and an edit leaves none ahead", () => {
    expect(
      broken(({ before, plan, evidence, decided: { state, reasons } }) => {
        const edition = evidence.around?.document?.edition ?? before.edition;
        const edited = before.edition !== null && edition !== before.edition && before.revision === plan.revision;
        // Numbers of steps that were edited name others than before: what counts then is the weight.
        if (reasons[0]?.reason === "planChanged") return state.weight <= before.weight || !plan.steps[state.step]!.approval;
        const entered = state.step > before.step && plan.steps[state.step]!.approval;
        if (entered && before.approvedStep < state.step) return false;
        return !edited || (!entered && (state === before || state.approvedStep <= Math.max(before.step, state.step)));
      }),
    ).toEqual([]);
  });

  test("a drill takes all users away, and quarantines nothing, counts as no rollback and starts no cooldown, whatever it comes to", () => {
    expect(
      broken(({ before, decided: { state, reasons } }) => {
        const reason = reasons[0]?.reason;
        // An edit during a drill takes approvals back as ever.
        const edited = before.edition !== null && state.edition !== before.edition;
        const kept = ({ quarantined, rollbacks, cooldownUntilMs, approvedStep, regionsOut, trips, shrinks }: RolloutState): string => JSON.stringify([quarantined, rollbacks, cooldownUntilMs, edited ? 0 : approvedStep, regionsOut, trips, shrinks]);
        if (reason === "drill") return state.weight === 0 && state.phase === "rollingBack" && before.weight > 0 && kept(state) === kept(before);
        if (reason === "drillPassed" || reason === "drillFailed" || reason === "drillEnded") return kept(state) === kept(before) && (reason === "drillEnded" || state.weight === 0);
        // A candidate that somebody promoted is chosen when the others' users have left: that is the promotion, late.
        return before.drill?.over !== false || state.weight === 0 || ["commandPromote", "chosen", "drillEnded", "newRevision"].includes(reason!) || state.drill === undefined;
      }),
    ).toEqual([]);
  });

  test("a drill begins only where somebody with a name and a reason asks for it, users are exposed, and nothing else is going on", () => {
    expect(
      broken(({ before, evidence, plan, nowMs, decided: { state, reasons } }) => {
        if (reasons[0]?.reason !== "drill") return state.drill === undefined || before.drill !== undefined;
        const { limits, breaker, command, around } = evidence;
        return command?.verb === "drill" && command.by !== "" && command.why !== "" && exposedPhases.includes(before.phase) && before.phase !== "paused" && before.step >= 0
          && !["probe", "baseline", "outage", "sampleRatio", "noTraffic", "freeze", "partition", "group", "cooldown"].includes(before.waiting!)
          && !breaker.tripped && limits.every(({ action, groupWealth }) => action === "notify" || action === "dryRun" || groupWealth < 10)
          && !targetDown(evidence) && around?.partitioned !== true && !frozenAt(plan, nowMs) && !plan.group;
      }),
    ).toEqual([]);
  });

  test("a drill passes only when the baseline is inside its earlier limits, after the traffic has stopped and every sidecar that is heard has taken it away; a failed one pauses", () => {
    expect(
      broken(({ before, evidence, decided: { state, reasons } }) => {
        const reason = reasons[0]?.reason;
        if (reason === "trafficStopped" && before.drill?.outcome === "underWay") return evidence.candidateQuietMs >= 500 && evidence.around?.acknowledgedAfterMs !== null;
        if (reason === "drillPassed") return before.phase === "verifying" && state.drill!.verifiedAfterMs! > state.drill!.stoppedAfterMs! && Math.min(evidence.baselineSinceVerify.errorRate ?? 1, evidence.baseline.errorRate ?? 1) < 1;
        return reason !== "drillFailed" || (state.phase === "paused" && state.paused!.by === "drill" && state.weight === 0);
      }),
    ).toEqual([]);
  });

  test("of several candidates nobody's weight rises into what the others hold, whoever is not chosen leaves at once, and only the others' users are waited for", () => {
    expect(
      broken(({ plan, before, evidence, decided: { state, reasons } }) => {
        if (plan.experiment === undefined) return !["chosen", "notChosen", "awaitingCandidates"].includes(reasons[0]?.reason ?? "");
        const siblings = evidence.around?.siblings ?? [];
        const others = siblings.reduce((sum, { weight }) => sum + weight, 0);
        const fits = state.weight <= before.weight || state.weight + others <= plan.experiment.room || reasons[0]?.reason === "probePassed" || reasons[0]?.reason === "probeStarted";
        const left = reasons[0]?.reason !== "notChosen" || (state.weight === 0 && state.phase === "retired" && !state.quarantined.includes("r9") && state.rollbacks === before.rollbacks);
        const stays = !siblings.some(({ chosen }) => chosen) || reasons.length > 0 || !exposedPhases.includes(state.phase);
        return fits && left && stays;
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

test("the random histories reach every phase, every wait and every reason that decide has", { timeout: 120_000 }, () => {
  const reached = fc.sample(history, { numRuns: 200, seed: 20_261_123 }).flatMap(walk);
  const seen = (values: readonly unknown[]): Set<unknown> => new Set(values);
  const missing = (all: readonly unknown[], found: Set<unknown>): unknown[] => all.filter((one) => !found.has(one));
  // The controller writes this one, when a rollout leaves the configuration.
  expect(missing(rolloutReasons.filter((reason) => reason !== "retired"), seen(reached.flatMap(({ decided }) => decided.reasons.map(({ reason }) => reason))))).toEqual([]);
  expect(missing(waitReasons, seen(reached.map(({ decided }) => decided.state.waiting)))).toEqual([]);
  expect(missing(rolloutPhases, seen(reached.map(({ decided }) => decided.state.phase)))).toEqual([]);
});
