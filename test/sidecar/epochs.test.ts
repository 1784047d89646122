import { expect, test } from "vitest";
import { cohortWindowMs, Epochs } from "../../src/epochs.ts";

const parts = (weight: number, changes: object = {}): Parameters<Epochs["at"]>[1] => ({
  name: "shop", match: { hosts: [], path: { kind: "prefix", value: "/" }, methods: [], headers: [] }, cohort: { mode: "key", sources: [], salt: "s", sticky: null },
  variants: ["v1", "v2"].map((name, slot) => ({ name, endpoints: [], headers: [], slot })), judged: true, fallback: true, health: null, lane: null, assets: null, mirror: null, gates: [],
  allocation: [{ from: 0, to: weight * 1_000, variant: 1, order: 1 }, { from: weight * 1_000, to: 100_000, variant: 0, order: 0 }],
  timeouts: { connectMs: 1, firstByteMs: 1, idleMs: 1, totalMs: 1, pendingMs: 1, tunnelIdleMs: 1 },
  limits: { requestBodyBytesMax: 0, connectionsPerEndpointMax: 1, pendingPerEndpointMax: 1 }, ...changes,
});

const goal = { kind: "header", name: "x-goal", value: null } as const;
const nothing = { goals: [], number: null };
const followed = { goals: [goal], number: { header: "x-results", worse: "lower" } } as const;

test("an epoch lasts as long as nobody's variant may have changed, a day at most, and a new one begins with nobody seen", () => {
  let nowMs = 0;
  const epochs = new Epochs(() => nowMs);
  const first = epochs.at(3, parts(10), nothing);
  expect(first.epoch).toBe(3);
  expect(epochs.at(4, parts(10, { fallback: false }), nothing)).toBe(first);
  expect(epochs.split("shop")).toEqual({ epoch: 3, counts: "cohorts", shares: { v1: 0.9, v2: 0.1 } });
  const second = epochs.at(5, parts(20), nothing);
  expect(second.epoch).toBe(5);
  expect(second.seen).not.toBe(first.seen);
  expect(epochs.at(6, parts(20, { cohort: { mode: "random", sources: [], salt: "s", sticky: null } }), followed)).toEqual({ epoch: 6, seen: null, goals: [], number: { header: "x-results", worse: "lower", counted: null } });
  expect(epochs.split("shop")).toMatchObject({ counts: "requests" });
  expect(epochs.at(7, parts(20, { judged: false }), followed).seen).toBeNull();
  const withGoal = epochs.at(8, parts(20), followed);
  expect(withGoal).toMatchObject({ epoch: 8, goals: [{ goal }], number: { header: "x-results" } });
  expect(withGoal.number!.counted).not.toBeNull();
  expect(epochs.at(9, parts(20), followed)).toBe(withGoal);
  nowMs = cohortWindowMs - 1;
  expect(epochs.windowEnded()).toBe(false);
  nowMs++;
  expect(epochs.windowEnded()).toBe(true);
  expect(epochs.at(10, parts(20), followed).epoch).toBe(10);
  expect(epochs.windowEnded()).toBe(false);
  epochs.keepOnly(new Set());
  expect(epochs.split("shop")).toBeNull();
});
