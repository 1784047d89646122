import { expect, test } from "vitest";
import { Epochs } from "../../src/epochs.ts";

const parts = (weight: number, changes: object = {}): Parameters<Epochs["at"]>[1] => ({
  name: "shop", match: { hosts: [], path: { kind: "prefix", value: "/" }, methods: [], headers: [] }, cohort: { mode: "key", sources: [], salt: "s", sticky: null },
  variants: ["v1", "v2"].map((name, slot) => ({ name, endpoints: [], headers: [], slot })), judged: true, fallback: true, health: null,
  allocation: [{ from: 0, to: weight * 1_000, variant: 1, order: 1 }, { from: weight * 1_000, to: 100_000, variant: 0, order: 0 }],
  timeouts: { connectMs: 1, firstByteMs: 1, idleMs: 1, totalMs: 1, pendingMs: 1, tunnelIdleMs: 1 },
  limits: { requestBodyBytesMax: 0, connectionsPerEndpointMax: 1, pendingPerEndpointMax: 1 }, ...changes,
});

test("an epoch lasts as long as nobody's variant may have changed, and a new one begins with nobody seen", () => {
  const epochs = new Epochs();
  const first = epochs.at(3, parts(10));
  expect(first.epoch).toBe(3);
  expect(epochs.at(4, parts(10, { fallback: false }))).toBe(first);
  expect(epochs.split("shop")).toEqual({ epoch: 3, counts: "cohorts", shares: { v1: 0.9, v2: 0.1 } });
  const second = epochs.at(5, parts(20));
  expect(second.epoch).toBe(5);
  expect(second.seen).not.toBe(first.seen);
  expect(epochs.at(6, parts(20, { cohort: { mode: "random", sources: [], salt: "s", sticky: null } }))).toEqual({ epoch: 6, seen: null });
  expect(epochs.split("shop")).toMatchObject({ counts: "requests" });
  expect(epochs.at(7, parts(20, { judged: false })).seen).toBeNull();
  epochs.keepOnly(new Set());
  expect(epochs.split("shop")).toBeNull();
});
