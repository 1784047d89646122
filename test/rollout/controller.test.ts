import { describe, expect, test } from "vitest";
import type { RolloutPlan } from "../../src/config/rollout-plan.ts";
import { plan, World, WorldStore, type Service } from "./world.ts";

const oneStep = (weight: number, changes: Partial<RolloutPlan> = {}): RolloutPlan =>
  plan({ steps: [{ weight, dwellMs: 3_600_000, minRequests: 100, approval: false }], ...changes });

async function world(of: RolloutPlan, seed = 7, store?: WorldStore): Promise<World> {
  const made = new World({ requestsPerSecond: 500, seed, ...(store === undefined ? {} : { store }) });
  await made.configure(of);
  return made;
}

const slower = (service: Service, byMs: number): void => {
  const usual = service.latencyMs;
  service.latencyMs = () => usual() + byMs;
};

describe("at 10% of 500 requests a second", () => {
  test.each([0.3, 4, 30])("a candidate that fails every request is out within a second (after %d s of health)", async (healthy) => {
    const w = await world(oneStep(10));
    await w.run(healthy);
    w.candidate.errors = 1;
    await w.until("breakerTripped", 1);
    expect(w.weight).toBe(0);
  });

  test.each([0.3, 4, 30])("a candidate that became 200 ms slower is out within 15 s (after %d s of health)", async (healthy) => {
    const w = await world(oneStep(10));
    await w.run(healthy);
    slower(w.candidate, 200);
    await w.until("limitBreached", 15);
    expect(w.weight).toBe(0);
  });

  test.each([0, 4, 30])("a candidate that hangs is out before its first request times out (after %d s of health)", async (healthy) => {
    const w = new World({ requestsPerSecond: 500, seed: 3, firstByteTimeoutMs: 3_000 });
    await w.configure(oneStep(10));
    await w.run(healthy);
    w.candidate.latencyMs = () => Number.POSITIVE_INFINITY;
    expect(await w.until("breakerTripped", 3)).toBeLessThan(3);
    expect(w.candidate.errors).toBeLessThan(1);
  });

  test("a hang of one request in ten is found while those requests are still in flight", async () => {
    const w = await world(oneStep(10));
    await w.run(10);
    const usual = w.candidate.latencyMs;
    w.candidate.latencyMs = () => (w.random() < 0.1 ? Number.POSITIVE_INFINITY : usual());
    await w.until("limitBreached", 12);
    expect(w.decisions.at(-1)!.limit).toMatchObject({ metric: "latency", verdict: "breached" });
  });

  test.each([1, 2])("a version that is as good as the old one is not taken out in two minutes (seed %d)", async (seed) => {
    const w = await world(oneStep(10), seed);
    await w.run(120);
    expect(w.reasons()).toEqual(["started"]);
  });

  test("an outage that hits both versions alike accuses neither", async () => {
    const w = await world(oneStep(10));
    await w.run(20);
    for (const service of [w.baseline, w.candidate]) {
      service.errors = 0.6;
      slower(service, 300);
    }
    await w.run(60);
    expect(w.weight).toBe(10);
  });
});

describe("a rollout", () => {
  test("goes through its steps to 100%, bakes and succeeds", async () => {
    const w = await world(plan({ steps: [1, 10, 50, 100].map((weight) => ({ weight, dwellMs: 20_000, minRequests: 50, approval: false })), bakeMs: 30_000 }));
    await w.until("baked", 180);
    expect(w.reasons().filter((reason) => reason !== "awaitingEvidence" && reason !== "holdEnded")).toEqual(["started", "stepCompleted", "stepCompleted", "stepCompleted", "bakeStarted", "baked"]);
    expect(w.weight).toBe(100);
    const before = w.sent.baseline;
    await w.run(2);
    expect(w.sent.baseline).toBe(before);
  });

  test("is verified after a rollback, and its revision stays quarantined across a restart", async () => {
    const store = new WorldStore();
    const w = await world(oneStep(10), 7, store);
    await w.run(12);
    w.candidate.errors = 1;
    await w.until("verified", 20);
    expect(w.controller.status()[0]).toMatchObject({ phase: "rolledBack", weight: 0, quarantined: true, escalated: false, persisted: true });
    const restarted = await world(oneStep(10), 8, store);
    await restarted.run(20);
    expect(restarted.sent.candidate).toBe(0);
    expect(restarted.controller.command("shop", { verb: "promote", by: "ada", why: "" })).toMatchObject({ outcome: "refused" });
    await restarted.configure(oneStep(10, { revision: "r2" }));
    await restarted.until("started", 1);
    await restarted.configure(oneStep(10, { revision: "r1" }));
    expect(restarted.weight).toBe(0);
    await restarted.until("quarantined", 1);
  });

  test("goes on at its step after a restart", async () => {
    const store = new WorldStore();
    const w = await world(plan(), 7, store);
    await w.until("stepCompleted", 60);
    const restarted = await world(plan(), 8, store);
    expect(restarted.weight).toBe(10);
    await restarted.until("stepCompleted", 60);
    expect(restarted.weight).toBe(50);
  });

  test("escalates when rolling back did not help", async () => {
    const w = await world(oneStep(10));
    await w.run(15);
    w.candidate.errors = 1;
    await w.until("breakerTripped", 2);
    w.baseline.errors = 0.2;
    await w.until("notVerified", 70);
    expect(w.controller.status()[0]).toMatchObject({ phase: "rolledBack", escalated: true });
  });

  test("holds while the baseline fails alone, and never shifts towards it", async () => {
    const w = await world(oneStep(10));
    await w.run(20);
    w.baseline.errors = 0.5;
    await w.until("baselineUnhealthy", 15);
    await w.run(30);
    expect(w.weight).toBe(10);
    w.baseline.errors = 0.001;
    await w.until("holdEnded", 30);
  });

  test("holds without traffic: no data is never success", async () => {
    const w = await world(plan());
    await w.run(5);
    w.requestsPerSecond = 0;
    await w.until("noTraffic", 30);
    await w.run(120);
    expect(w.weight).toBe(1);
  });

  test("reverts by itself when errors appear at 100%, where no baseline is left to compare with", async () => {
    const w = await world(plan({ steps: [10, 100].map((weight) => ({ weight, dwellMs: 15_000, minRequests: 50, approval: false })), bakeMs: 600_000 }));
    await w.until("bakeStarted", 120);
    await w.run(5);
    w.candidate.errors = 0.05;
    await w.until("limitBreached", 30);
    expect(w.weight).toBe(0);
  });

  test("with a probing breaker survives a hiccup, and is rolled back by the second", async () => {
    const w = await world(oneStep(50, { breaker: { action: "probe" } }));
    await w.run(10);
    w.candidate.errors = 1;
    await w.until("breakerTripped", 1);
    expect(w.weight).toBe(0);
    w.candidate.errors = 0.001;
    await w.until("probeStarted", 6);
    expect(w.weight).toBe(1);
    await w.until("probePassed", 20);
    expect(w.weight).toBe(50);
    w.candidate.errors = 1;
    await w.until("breakerTrippedAgain", 2);
    expect(w.weight).toBe(0);
  });

  test("is rolled back although the store is down, and the store hears of it later", async () => {
    const w = await world(oneStep(10));
    await w.run(5);
    w.store.down = true;
    w.candidate.errors = 1;
    await w.until("breakerTripped", 1);
    expect(w.weight).toBe(0);
    expect(w.controller.status()[0]!.persisted).toBe(false);
    w.store.down = false;
    await w.run(3);
    expect(w.controller.status()[0]!.persisted).toBe(true);
    expect(w.store.audit.map((record) => record.reason)).toEqual(w.reasons());
  });

  test("whose stored state cannot be read has no traffic until somebody resumes it", async () => {
    const store = new WorldStore();
    store.documents.set("rollouts/shop", { value: { version: 1, phase: "flying" }, revision: 4 });
    const w = await world(oneStep(10), 7, store);
    await w.run(3);
    expect(w.sent.candidate).toBe(0);
    expect(String(w.storeErrors[0])).toMatch(/rollouts\/shop.*route.*resume/);
    expect(w.controller.command("shop", { verb: "resume", by: "ada", why: "looked" }).outcome).toBe("accepted");
    await w.until("started", 1);
  });

  test("whose store is down at the start has no traffic, and starts when the store is back", async () => {
    const store = new WorldStore();
    store.down = true;
    const w = await world(oneStep(10), 7, store);
    await w.run(3);
    expect(w.weight).toBe(0);
    store.down = false;
    await w.until("started", 3);
  });

  test("obeys commands at once: pause holds, a paused candidate is still taken out, rollback is for good", async () => {
    const w = await world(plan());
    await w.run(2);
    const by = { by: "ada", why: "lunch" };
    expect(w.controller.command("nothing", { verb: "pause", ...by }).outcome).toBe("unknown");
    expect(w.controller.command("shop", { verb: "promote", ...by })).toMatchObject({ outcome: "accepted", decision: { reason: "commandPromote", weight: 10 } });
    // A weight is given when it is written.
    await w.run(0.1);
    expect(w.weight).toBe(10);
    expect(w.controller.command("shop", { verb: "pause", ...by })).toMatchObject({ outcome: "accepted", decision: { sentence: "shop: v2: paused at 10% by ada (lunch)." } });
    await w.run(40);
    expect(w.weight).toBe(10);
    w.candidate.errors = 0.3;
    await w.until("limitBreached", 15);
    expect(w.weight).toBe(0);
    expect(w.controller.command("shop", { verb: "rollback", ...by }).outcome).toBe("refused");
  });

  test("keeps its step and its evidence when something else in the configuration changes, and ends when it is taken out", async () => {
    const w = await world(oneStep(10));
    await w.run(10);
    w.candidate.errors = 0.05;
    await w.run(3);
    const evidence = w.controller.status()[0]!.limits[0]!.wealth;
    expect(evidence).toBeGreaterThan(0);
    await w.configure(oneStep(10, { bakeMs: 5 }));
    expect(w.controller.status()[0]!.limits[0]!.wealth).toBe(evidence);
    await w.configure();
    expect(w.reasons().at(-1)).toBe("retired");
    expect(w.controller.weights()).toEqual([]);
  });
});

test("a limit that shrinks goes one step back; one that only notifies changes nothing", async () => {
  const limits = plan().limits.map((limit) => ({ ...limit, action: limit.metric === "errorRate" ? ("shrink" as const) : ("notify" as const) }));
  const w = await world(plan({ limits }));
  await w.until("stepCompleted", 60);
  await w.run(2);
  slower(w.candidate, 200);
  await w.until("limitNoted", 20);
  expect(w.weight).toBe(10);
  w.candidate.errors = 0.05;
  await w.until("shrunk", 20);
  expect(w.weight).toBe(1);
});
