/** What copies of users' requests say of a candidate that has no users yet. */
import { expect, test } from "vitest";
import { defaultLimits, defaultMirrorLimit, type RolloutPlan } from "../../src/config/rollout-plan.ts";
import { plan, World } from "./world.ts";

const mirrorFirst = (changes: Partial<RolloutPlan> = {}): RolloutPlan => plan({
  limits: [...defaultLimits, defaultMirrorLimit],
  steps: [10, 100].map((weight, i) => ({ weight, dwellMs: 5_000, minRequests: 50, approval: false, mirrored: i === 0 })),
  ...changes,
});

async function world(copies: { perSecond: number; differing: number } | undefined, of = mirrorFirst()): Promise<World> {
  const w = new World({ requestsPerSecond: 500, seed: 5, ...(copies === undefined ? {} : { copies }) });
  await w.configure(of);
  return w;
}

test("a candidate whose copies are answered alike gets users once they have shown it", async () => {
  const w = await world({ perSecond: 20, differing: 0 });
  await w.until("awaitingMirror", 1);
  expect(w.controller.status()[0]).toMatchObject({ phase: "waiting", waiting: "mirror", weight: 0 });
  const seconds = await w.until("started", 60);
  // 300 to 500 copies show that less than 1% differ.
  expect(seconds).toBeGreaterThan(10);
  expect(w.weight).toBe(10);
});

test("one that answers wrongly is rolled back and quarantined without ever having had a user", async () => {
  const w = await world({ perSecond: 20, differing: 0.1 });
  await w.until("limitBreached", 30);
  await w.until("verified", 30);
  expect(w.sent.candidate).toBe(0);
  expect(w.controller.status()[0]).toMatchObject({ phase: "rolledBack", weight: 0, quarantined: true });
  expect(w.controller.mayCopy("shop", "v2")).toBe(false);
  const breach = w.decisions.find(({ reason }) => reason === "limitBreached")!;
  expect(breach.limit).toMatchObject({ metric: "mirror", verdict: "breached", limitValue: 0.01 });
  expect(breach.sentence).toMatch(/copies that were answered otherwise \d[\d.]*% of \d+, limit 1%/);
});

test("an override counts the copies from nothing: the old ones roll nothing back again", async () => {
  const w = await world({ perSecond: 20, differing: 0.1 });
  await w.until("verified", 60);
  expect(w.controller.command("shop", { verb: "override", by: "ada", why: "the difference is wanted" })).toMatchObject({ outcome: "accepted" });
  await w.run(0.3);
  expect(w.controller.status()[0]).toMatchObject({ phase: "waiting", waiting: "mirror", limits: expect.arrayContaining([expect.objectContaining({ metric: "mirror", verdict: "inconclusive" })]) });
});

test("without copies it waits: no data is never success", async () => {
  const w = await world({ perSecond: 0, differing: 0 });
  await w.run(30);
  expect(w.controller.status()[0]).toMatchObject({ phase: "waiting", waiting: "mirror", weight: 0 });
  const unwired = await world(undefined);
  await unwired.run(5);
  expect(unwired.weight).toBe(0);
});

test("a limit on copies that only notifies says so, and gives way", async () => {
  const w = await world({ perSecond: 20, differing: 0.1 }, mirrorFirst({ limits: [...defaultLimits, { ...defaultMirrorLimit, action: "notify" }], steps: [10, 100].map((weight) => ({ weight, dwellMs: 5_000, minRequests: 50, approval: false })) }));
  await w.until("limitNoted", 30);
  expect(w.weight).toBe(10);
});
