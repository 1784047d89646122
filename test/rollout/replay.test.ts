import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decide, initialState } from "../../src/rollout/decide.ts";
import { decideInstead, replay } from "../../src/rollout/replay.ts";
import type { DecisionRecord } from "../../src/rollout/types.ts";
import { auditRecordBytesMax } from "../../src/store/checks.ts";
import { history, type Turning } from "./histories.ts";
import { plan, World } from "./world.ts";

/** As the store keeps them. */
function recordsOf(turns: readonly Turning[]): DecisionRecord[] {
  let state = initialState(turns[0]!.plan, 0);
  let nowMs = 0;
  return turns.flatMap((turn) => {
    nowMs += turn.afterMs;
    const before = state;
    const { state: after, effects, reasons } = decide(turn.plan, before, turn.evidence, nowMs);
    state = after;
    return reasons.map((decision) => JSON.parse(JSON.stringify({ ...decision, inputs: { plan: turn.plan, state: before, evidence: turn.evidence }, effects, after })) as DecisionRecord);
  });
}

const seed = (Math.random() * 2 ** 31) | 0;
const records = fc.sample(history, { numRuns: 30, seed }).flatMap(recordsOf);

describe("whatever was decided", () => {
  test("comes out the same from its record, and the record is small", () => {
    expect(records.length).toBeGreaterThan(100);
    expect(records.filter((record) => replay(record).outcome !== "same").slice(0, 1).map((record) => ({ seed, record }))).toEqual([]);
    expect(Math.max(...records.map((record) => JSON.stringify(record).length))).toBeLessThan(auditRecordBytesMax / 20);
  });

  test("comes out the same under its own plan as the other one", () => {
    expect(records.filter((record) => JSON.stringify(decideInstead(record.inputs!, record.atMs, record.inputs!.plan).decision?.reason) !== JSON.stringify(record.reason)).slice(0, 1)).toEqual([]);
  });

  test("shows where its record was altered", () => {
    const record = records.find(({ reason }) => reason === "started")!;
    expect(replay({ ...record, weight: record.weight + 1 })).toEqual({ outcome: "different", difference: { path: "decision.weight", recorded: String(record.weight + 1), replayed: String(record.weight) } });
    expect(replay({ ...record, after: { ...record.after!, trips: 7 } })).toMatchObject({ difference: { path: "after.trips", recorded: "7", replayed: "0" } });
    expect(replay({ ...record, inputs: { ...record.inputs!, state: { ...record.inputs!.state, phase: "paused", paused: { by: "command", phase: "pending", waiting: null } } } })).toMatchObject({ outcome: "different" });
  });
});

describe("a rollout in the world", () => {
  test("leaves records that each come out the same, with values, limit, sample sizes, wealth, threshold and phi of the limit that spoke", async () => {
    const w = new World({ requestsPerSecond: 500, seed: 7 });
    await w.configure(plan());
    await w.until("stepCompleted", 60);
    w.candidate.errors = 0.3;
    await w.until("verified", 60);
    await w.run(0.2);
    expect(w.store.audit.map((record) => replay(record).outcome)).toEqual(w.store.audit.map(() => "same"));
    const { limit } = w.store.audit.find(({ reason }) => reason === "limitBreached")!;
    expect(limit).toMatchObject({ metric: "errorRate", threshold: 200, candidateValue: expect.any(Number) as number, baselineValue: expect.any(Number) as number, limitValue: expect.any(Number) as number });
    expect(limit!.groupWealth).toBeGreaterThanOrEqual(limit!.threshold);
    expect(Math.min(limit!.candidateN, limit!.baselineN, limit!.phi)).toBeGreaterThanOrEqual(1);
  });

  test("tells what another plan had decided: another alpha convicts later, another action does something else", async () => {
    const w = new World({ requestsPerSecond: 500, seed: 7 });
    const mine = plan({ steps: [{ weight: 10, dwellMs: 3_600_000, minRequests: 100, approval: false }] });
    await w.configure(mine);
    await w.run(10);
    w.candidate.errors = 0.03;
    await w.until("limitBreached", 60);
    await w.run(0.2);
    const record = w.store.audit.find(({ reason }) => reason === "limitBreached")!;
    const instead = (changes: Partial<typeof mine>) => decideInstead(record.inputs!, record.atMs, { ...mine, ...changes });
    expect(instead({ alpha: 1e-6 })).toEqual({ decision: null, caveats: [] });
    expect(instead({ limits: mine.limits.map((limit) => ({ ...limit, action: "pause" as const })) }).decision).toMatchObject({ reason: "limitPaused", to: "paused" });
    const wider = instead({ limits: mine.limits.map((limit) => ({ ...limit, margin: 0.5 })) });
    expect(wider.decision).toBeNull();
    expect(wider.caveats.length).toBe(mine.limits.length);
  });
});
