import { describe, expect, test, vi } from "vitest";
import { FleetWorld, type Member } from "./world.ts";

vi.setConfig({ testTimeout: 60_000 });

async function fleet(size: number, seed: number, requestsPerSecond = 100): Promise<FleetWorld> {
  const world = new FleetWorld({ seed, requestsPerSecond });
  for (let i = 0; i < size; i++) await world.join(`s${i}`);
  await world.until(() => world.leader !== undefined, 5, "a leader");
  return world;
}

const all = (world: FleetWorld, of: (member: Member) => boolean): boolean => world.alive.every(of);
const buckets = Array.from({ length: 400 }, (_, i) => i * 250 + 7);

describe("a fleet of sidecars", () => {
  test("has one leader, and all of them give the candidate the same weight and the same users", async () => {
    const world = await fleet(4, 1, 200);
    await world.until(() => all(world, (member) => member.weight === 10), 120, "the second step");
    expect(world.alive.filter((member) => member.node.leading)).toHaveLength(1);
    for (const bucket of buckets) expect(new Set(world.alive.map((member) => member.variantOf(bucket))).size).toBe(1);
    // Every decision once, whoever made it.
    const records = await world.store.audit(1, 1_000);
    const reasons = records.map(({ record }) => (record as { reason: string }).reason);
    expect(reasons.filter((reason) => reason === "started")).toHaveLength(1);
    expect(reasons.filter((reason) => reason === "stepCompleted")).toHaveLength(1);
  });

  test("rolls back as one on summed evidence that none of them has alone", async () => {
    const world = await fleet(5, 2, 100);
    await world.until(() => all(world, (member) => member.weight === 10), 200, "the second step");
    for (const member of world.alive) member.candidate.errors = 0.08;
    const seconds = await world.until(() => all(world, (member) => member.weight === 0), 60, "the rollback");
    expect(seconds).toBeLessThan(30);
    expect(world.alive.every((member) => member.node.status().lowered.length === 0)).toBe(true);
    await world.until(() => all(world, (member) => member.phase === "rolledBack"), 60, "the verification");
  });

  test("follows one sidecar that trips on what only it sees", async () => {
    const world = await fleet(3, 3, 200);
    await world.until(() => all(world, (member) => member.weight === 10), 200, "the second step");
    const follower = world.alive.find((member) => !member.node.leading)!;
    follower.candidate.errors = 1;
    await world.until(() => follower.weight === 0, 5, "its own trip");
    await world.until(() => all(world, (member) => member.weight === 0), 2, "the others follow");
    expect(world.leader!.decisions.at(-1)!.weight).toBe(0);
  });
});
