import { describe, expect, test, vi } from "vitest";
import { RedisStore } from "../../src/store/redis/redis-store.ts";
import { FleetProcesses, type FleetMember } from "../support/fleet-processes.ts";
import { hasRedis, redisSettings, RedisServer, startCluster, until } from "../support/redis.ts";
import { Relay } from "../support/relay.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000, maxConcurrency: 3 });

/** One step that never ends by itself: what moves the weight is the fault. */
const held = { candidate: "v2", steps: [{ weight: 20, dwell: "1h", minRequests: 1 }, 100], breaker: { action: "rollback" } };
/** A sidecar's control thread decides once in so long: nobody has to ask it more often. */
const tickMs = 100;
const become = (holds: () => Promise<boolean>): Promise<void> => until(holds, 60_000, tickMs);

interface Stage {
  readonly redis: RedisServer;
  readonly fleet: FleetProcesses;
}

/** What the test ends with; the last is called first. Several tests run at once, as they wait most of the time. */
type AtEnd = (end: () => Promise<void>) => void;

async function aRedis(atEnd: AtEnd): Promise<RedisServer> {
  const redis = await RedisServer.start();
  atEnd(() => redis.stop());
  return redis;
}

async function started(atEnd: AtEnd, size: number, port: (index: number) => number, store?: object): Promise<FleetProcesses> {
  const fleet = await FleetProcesses.start({ size, port, rollout: held, ...(store === undefined ? {} : { store }) });
  atEnd(() => fleet.clear());
  for (const member of fleet.members) member.load(3);
  await weights(fleet.running, 20);
  return fleet;
}

async function onRedis(atEnd: AtEnd, size: number): Promise<Stage> {
  const redis = await aRedis(atEnd);
  return { redis, fleet: await started(atEnd, size, () => redis.port) };
}

async function weights(of: readonly FleetMember[], weight: number): Promise<void> {
  try {
    await become(async () => (await Promise.all(of.map((member) => member.weight))).every((one) => one === weight));
  } catch (error) {
    const statuses = await Promise.all(of.map(async (member) => {
      const { fleet: own, rollouts, routes } = await member.status();
      return JSON.stringify({ own, rollout: rollouts[0], variants: routes[0]!.variants });
    }));
    throw new Error(`not all at ${weight}: ${statuses.join("\n")}`, { cause: error });
  }
}
const failures = ({ running }: FleetProcesses): number => running.reduce((sum, member) => sum + member.failed, 0);

/** Weights of the recorded decisions, in order; each follows from the one before, and the chain has no gap. */
async function history(redis: RedisServer): Promise<{ reason: string; weight: number }[]> {
  const store = await RedisStore.open({ settings: redisSettings(redis.port, { namespace: "default" }) });
  try {
    const records = await store.audit(1, 1_000);
    const decisions = records.map(({ record }) => record as unknown as { reason: string; weight: number; fromWeight: number; from: string; to: string });
    for (let i = 1; i < decisions.length; i++) {
      expect(decisions[i]!.from).toBe(decisions[i - 1]!.to);
      expect(decisions[i]!.fromWeight).toBe(decisions[i - 1]!.weight);
      expect(records[i]!.previousHash).toBe(records[i - 1]!.hash);
    }
    return decisions.map(({ reason, weight }) => ({ reason, weight }));
  } finally {
    await store.close();
  }
}

describe.skipIf(!hasRedis).concurrent("real sidecars on a real Redis", () => {
  test("split alike, go back together within the breaker's time, and say what each of them runs", async ({ onTestFinished: atEnd }) => {
    const { redis, fleet } = await onRedis(atEnd, 3);
    const { members, v2 } = fleet;
    for (let user = 0; user < 60; user++) expect(new Set(await Promise.all(members.map((member) => member.ask(`user-${user}`)))).size).toBe(1);
    const leader = (await fleet.leader())!;
    await become(async () => (await leader.status()).fleet.sidecars!.length === 3);
    v2.failing = true;
    await weights(fleet.running, 0);
    expect(failures(fleet)).toBe(0);
    await become(async () => (await leader.status()).fleet.stragglers.length === 0 && (await leader.status()).rollouts[0]!.phase === "rolledBack");
    const { fleet: status } = await leader.status();
    expect(status.convergenceMs.length).toBeGreaterThan(1);
    // A busy machine sends too little for a while, and the rollout is held for it.
    const moves = (await history(redis)).map(({ reason }) => reason).filter((reason) => reason !== "noTraffic" && reason !== "holdEnded");
    expect(moves).toEqual(["started", "breakerTripped", "trafficStopped", "verified"]);
  });

  test("go on under another leader when theirs is killed; a late one takes over what there is", async ({ onTestFinished: atEnd }) => {
    const { redis, fleet } = await onRedis(atEnd, 3);
    const first = (await fleet.leader())!;
    await first.kill();
    await become(async () => (await fleet.leader()) !== undefined);
    await weights(fleet.running, 20);
    const late = fleet.add();
    await late.start();
    await weights([late], 20);
    const others = fleet.running.filter((member) => member !== late);
    for (let user = 0; user < 60; user++) expect(await late.ask(`user-${user}`)).toBe(await others[0]!.ask(`user-${user}`));
    fleet.v2.failing = true;
    await weights(fleet.running, 0);
    expect(failures(fleet)).toBe(0);
    expect((await history(redis)).map(({ reason }) => reason).filter((reason) => reason === "started")).toHaveLength(1);
  });

  test("serve on while Redis stands still, raise nothing, and lower alone", async ({ onTestFinished: atEnd }) => {
    const { redis, fleet } = await onRedis(atEnd, 3);
    redis.pause();
    await become(async () => (await Promise.all(fleet.members.map((member) => member.status()))).every((status) => status.fleet.leader === null));
    await weights(fleet.running, 20);
    fleet.v2.failing = true;
    await weights(fleet.running, 0);
    const statuses = await Promise.all(fleet.members.map((member) => member.status()));
    expect(statuses.some((status) => status.fleet.lowered.length > 0)).toBe(true);
    redis.resume();
    await become(async () => (await fleet.leader()) !== undefined);
    await become(async () => (await Promise.all(fleet.members.map((member) => member.status()))).every((status) => status.rollouts[0]!.phase === "rolledBack" && status.fleet.lowered.length === 0));
    await weights(fleet.running, 0);
    expect(failures(fleet)).toBe(0);
    await history(redis);
  });

  test("take back a sidecar that was cut off and lowered by itself: the lower weight wins", async ({ onTestFinished: atEnd }) => {
    const redis = await aRedis(atEnd);
    const relay = await Relay.open(redis.port);
    atEnd(() => relay.close());
    const fleet = await started(atEnd, 3, (index) => (index === 2 ? relay.port : redis.port));
    const cut = fleet.members[2]!;
    relay.partition();
    await become(async () => (await cut.status()).fleet.leader === null);
    expect(await cut.weight).toBe(20);
    fleet.v2.failing = true;
    await weights(fleet.running, 0);
    relay.heal();
    await become(async () => (await cut.status()).fleet.leader !== null && (await cut.status()).fleet.lowered.length === 0);
    await weights(fleet.running, 0);
    expect(failures(fleet)).toBe(0);
    await history(redis);
  });
});

describe.skipIf(!hasRedis).concurrent("real sidecars, on other roads to Redis", () => {
  test("are a fleet on a cluster as well", async ({ onTestFinished: atEnd }) => {
    const servers = await startCluster();
    for (const server of servers) atEnd(() => server.stop());
    const fleet = await started(atEnd, 2, () => 0, { cluster: servers.map(({ port }) => `127.0.0.1:${port}`) });
    fleet.v2.failing = true;
    await weights(fleet.running, 0);
    expect(failures(fleet)).toBe(0);
  });
});

describe.skipIf(!hasRedis).concurrent("with Redis gone for good, a real sidecar", () => {
  test("starts from its cache, serves, judges by itself and rolls back alone; after another restart as well", async ({ onTestFinished: atEnd }) => {
    const { redis, fleet: { members, v2 } } = await onRedis(atEnd, 2);
    for (const member of members) await member.rest();
    for (const member of members) expect(await member.process!.stop()).toBe(0);
    await redis.kill();
    const alone = members[0]!;
    await alone.start();
    alone.load(6);
    expect(await alone.weight).toBe(20);
    v2.failing = true;
    await weights([alone], 0);
    expect(alone.failed).toBe(0);
    await alone.rest();
    await alone.process!.stop();
    await alone.start();
    expect(await alone.weight).toBe(0);
    expect(new Set(await Promise.all(Array.from({ length: 40 }, (_, i) => alone.ask(`again-${i}`))))).toEqual(new Set(["v1"]));
  });
});
