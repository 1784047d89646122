import { expect, test, vi } from "vitest";
import type { DecisionRecord } from "../../src/rollout/types.ts";
import { replay } from "../../src/rollout/replay.ts";
import { FleetWorld, plan, type Member } from "./world.ts";

vi.setConfig({ testTimeout: 60_000 });

async function fleetAtTen(seed: number): Promise<FleetWorld> {
  const world = new FleetWorld({ seed, requestsPerSecond: 200 });
  world.plan = plan({ steps: [10, 100].map((weight) => ({ weight, dwellMs: 3_600_000, minRequests: 100, approval: false })) });
  for (let i = 0; i < 3; i++) await world.join(`s${i}`);
  await world.until(() => world.leader !== undefined && all(world, (member) => member.weight === 10), 30, "the first step");
  await world.run(5);
  return world;
}

const all = (world: FleetWorld, of: (member: Member) => boolean): boolean => world.alive.every(of);
const follower = (world: FleetWorld): Member => world.alive.find((member) => !member.node.leading)!;
const records = async (world: FleetWorld): Promise<DecisionRecord[]> => (await world.store.audit(1, 10_000)).map(({ record }) => record as DecisionRecord);
const reasons = async (world: FleetWorld): Promise<string[]> => (await records(world)).map(({ reason }) => reason);

test("a drill that a follower was asked for takes the candidate from every sidecar, measures until the last one ran it, and gives it back to all", async () => {
  const world = await fleetAtTen(31);
  expect(follower(world).command("drill").outcome).toBe("forwarded");
  await world.until(() => all(world, (member) => member.weight === 0), 1, "weight 0 everywhere");
  const sent = world.members.map((member) => member.sent.candidate);
  await world.until(() => all(world, (member) => member.phase === "verifying"), 5, "verifying");
  expect(world.members.map((member) => member.sent.candidate)).toEqual(sent);
  await world.until(() => all(world, (member) => member.weight === 10 && member.phase === "progressing"), 20, "back at 10%");
  await world.run(1);
  expect(await reasons(world)).toEqual(["started", "drill", "trafficStopped", "drillPassed", "drillEnded"]);
  const { drill } = follower(world).controller.status()[0]!;
  expect(drill).toMatchObject({ outcome: "passed", over: true, by: "ann", acknowledgedAfterMs: expect.any(Number) as number });
  expect(drill!.acknowledgedAfterMs!).toBeLessThanOrEqual(drill!.stoppedAfterMs!);
  expect((await records(world)).map((record) => JSON.parse(JSON.stringify(record)) as DecisionRecord).filter((record) => replay(record).outcome !== "same")).toEqual([]);
  // Each judges on, with evidence of its own since.
  for (const { candidate } of world.members) candidate.errors = 1;
  await world.until(() => all(world, (member) => member.weight === 0), 3, "the trip");
});

test("a drill fails where a sidecar was cut off and still gives the candidate its users, although nobody hears that", async () => {
  const world = await fleetAtTen(32);
  const cut = follower(world);
  cut.link.cut = true;
  world.leader!.command("drill");
  await world.until(() => world.leader!.phase === "paused", 40, "the failure");
  expect(cut.weight).toBe(10);
  expect(await reasons(world)).toEqual(["started", "drill", "drillFailed"]);
  expect(world.leader!.decisions.at(-1)).toMatchObject({ subject: "stragglers" });
  cut.link.heal();
  await world.until(() => all(world, (member) => member.weight === 0), 3, "the one that was cut off follows");
  world.leader!.command("resume");
  await world.until(() => all(world, (member) => member.weight === 10), 5, "back");
});

test("a drill goes on under another leader when its leader is killed in the middle of it", async () => {
  const world = await fleetAtTen(33);
  const first = world.leader!;
  first.command("drill");
  await world.until(() => all(world, (member) => member.weight === 0), 1, "weight 0 everywhere");
  first.kill();
  await world.until(() => all(world, (member) => member.weight === 10), 40, "back at 10% under another leader");
  const told = await reasons(world);
  expect(told.filter((reason) => reason.startsWith("drill"))).toEqual(["drill", "drillPassed", "drillEnded"]);
});
