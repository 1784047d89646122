/** Several candidates in a fleet of real processes on a real Redis: each has a document of its own, and all sidecars follow all of them. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { FleetProcesses } from "../support/fleet-processes.ts";
import { ebbgate } from "../support/command.ts";
import { RedisServer, until } from "../support/redis.ts";

let redis: RedisServer;
let fleet: FleetProcesses;
const rollout = { candidates: ["v2", "v3"], strategy: "ab", steps: [{ weight: 30, dwell: "1h", minRequests: 1, evidence: false }, { weight: 100, approval: true }], breaker: { action: "rollback" } };

beforeAll(async () => {
  redis = await RedisServer.start();
  // v3 is the baseline's own service, told which one it is to be: it stays well when v2 fails.
  fleet = await FleetProcesses.start({ size: 2, port: () => redis.port, rollout, variants: [{ name: "v3", revision: "3", headers: { "x-theme": "three" } }] });
  for (const member of fleet.members) member.load(3);
}, 60_000);
afterAll(async () => {
  await fleet.clear();
  await redis.kill();
});

const given = (v2: number, v3: number) =>
  until(async () => {
    const all = await Promise.all(fleet.members.map(async (member) => (await member.status()).routes[0]!.variants.map(({ weight }) => weight)));
    return all.every((weights) => weights.join() === [100 - v2 - v3, v2, v3].join());
  }, 60_000, 100);

test("one goes back on every sidecar while the other stays, and is chosen by a command at a sidecar that follows", async () => {
  await given(30, 30);
  fleet.v2.failing = true;
  await given(0, 30);
  const leader = await fleet.leader();
  const follower = fleet.members.find((member) => member !== leader)!;
  const env = { EBBGATE_ADMIN: follower.process!.admin };
  expect((await ebbgate(["approve", "shop:v3", "--yes"], { env })).code).toBe(0);
  await until(async () => (await ebbgate(["promote", "shop:v3", "--yes"], { env })).code === 0, 60_000, 250);
  await given(0, 100);
  const { rollouts } = await fleet.members[0]!.status();
  expect(rollouts.map(({ name, quarantined }) => [name, quarantined])).toEqual([["shop:v2", true], ["shop:v3", false]]);
}, 120_000);
