/** After 100% there is no concurrent baseline: the candidate is held to what the baseline was (decision 018). */
import { expect, test } from "vitest";
import { plan, World } from "../rollout/world.ts";

const atAll = async (seed: number): Promise<World> => {
  const world = new World({ requestsPerSecond: 300, seed });
  const step = (weight: number) => ({ weight, dwellMs: 15_000, minRequests: 100, approval: false });
  await world.configure(plan({ steps: [step(50), step(100)], bakeMs: 600_000 }));
  await world.until("bakeStarted", 120);
  await world.run(5);
  return world;
};

test("a tenth of the answers that become five times as slow at 100% are rolled back", async () => {
  const world = await atAll(3);
  const usual = world.candidate.latencyMs;
  world.candidate.latencyMs = () => (world.random() < 0.1 ? 5 : 1) * usual();
  await world.until("limitBreached", 60);
  expect(world.decisions.findLast(({ reason }) => reason === "limitBreached")!.limit).toMatchObject({ metric: "latency", bound: "absolute" });
  expect(world.weight).toBe(0);
});

test("errors that rise to 5% at 100% are rolled back", async () => {
  const world = await atAll(4);
  world.candidate.errors = 0.05;
  await world.until("limitBreached", 60);
  expect(world.weight).toBe(0);
});

test("an hour of the day that is a third slower is not", async () => {
  const world = await atAll(5);
  const usual = world.candidate.latencyMs;
  world.candidate.latencyMs = () => 1.33 * usual();
  await world.run(120);
  expect(world.weight).toBe(100);
});
