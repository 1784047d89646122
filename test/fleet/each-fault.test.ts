/**
 * Each fault that can meet a fleet, on real servers and real sidecars, in the middle of a rollout whose next step is always due. Whatever the fault is: no request of a
 * user fails, no sidecar that cannot reach the store raises a weight, nobody ever runs what is not recorded, no decision is lost or made twice, and the audit chain verifies.
 *
 * Most of a test's time is waiting (for a dwell, a lease, a failover), so several faults meet fleets of their own at once.
 */
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { ebbgate } from "../support/fleet.ts";
import { FleetProcesses, type FleetMember } from "../support/fleet-processes.ts";
import { clocksCanJump, JumpingClock } from "../support/jumping-clock.ts";
import { hasRedis, RedisServer, startSentinels, until } from "../support/redis.ts";
import { Relay } from "../support/relay.ts";
import { onSmallDisk, smallDisksArePossible } from "../support/small-disk.ts";
import { Watch } from "./watch.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 60_000, maxConcurrency: 4 });

const dwellMs = 1_000;
const last = 40;
const steps = [5, 10, 15, 20, last];
const rollout = {
  candidate: "v2", breaker: { action: "rollback" },
  steps: [...steps.slice(0, -1).map((weight) => ({ weight, dwell: `${dwellMs}ms`, minRequests: 0, evidence: false })), { weight: last, dwell: "1h", minRequests: 1 }, 100],
};
const waitMs = 120_000;
/** Nothing changes more often: a sidecar's control thread decides once in so long. */
const tickMs = 100;

/** What ends the things that a test started: of each test, as several run at once. The last is called first. */
type AtEnd = (end: () => Promise<void> | void) => void;

interface Stage {
  readonly fleet: FleetProcesses;
  /** Of each member, between it and Redis. */
  readonly relays: readonly Relay[];
  readonly redis: RedisServer;
  readonly clocks: readonly JumpingClock[];
  readonly leader: FleetMember;
}

interface Fault {
  readonly name: string;
  begin(stage: Stage): unknown;
  /** Default: nothing has to be done. */
  end?(stage: Stage): unknown;
  /** Who cannot reach the store meanwhile. Default: nobody. */
  cut?(stage: Stage): readonly FleetMember[];
  /** What was recorded is lost with it. */
  readonly forgets?: true;
  readonly possible?: boolean;
}

const everybody = ({ fleet }: Stage): readonly FleetMember[] => fleet.members;
const relayOf = ({ fleet, relays }: Stage, member: FleetMember): Relay => relays[fleet.members.indexOf(member)]!;
const follower = ({ fleet, leader }: Stage): FleetMember => fleet.members.find((member) => member !== leader)!;
const hourMs = 3_600_000;

const faults: Fault[] = [
  { name: "a Redis that is killed, and starts again with what it had", cut: everybody, begin: ({ redis }) => redis.kill(), end: ({ redis }) => redis.start() },
  { name: "a Redis that is stopped (SIGSTOP)", cut: everybody, begin: ({ redis }) => redis.pause(), end: ({ redis }) => redis.resume() },
  { name: "a Redis that restarts with empty data", begin: ({ redis }) => redis.restart(), forgets: true },
  { name: "a partition of all", cut: everybody, begin: ({ relays }) => relays.forEach((relay) => relay.partition()), end: ({ relays }) => relays.forEach((relay) => relay.heal()) },
  { name: "a partition of the leader", cut: ({ leader }) => [leader], begin: (stage) => relayOf(stage, stage.leader).partition(), end: (stage) => relayOf(stage, stage.leader).heal() },
  { name: "a partition of one that follows", cut: (stage) => [follower(stage)], begin: (stage) => relayOf(stage, follower(stage)).partition(), end: (stage) => relayOf(stage, follower(stage)).heal() },
  { name: "connections that are reset, over and over", begin: async ({ relays }) => {
    for (let n = 0; n < 20; n++) {
      relays[n % relays.length]!.reset();
      await delay(150);
    }
  } },
  { name: "a slow link", begin: ({ relays }) => relays.forEach((relay) => (relay.delayMs = 120)), end: ({ relays }) => relays.forEach((relay) => (relay.delayMs = 0)) },
  { name: "the loss of all pub/sub messages", begin: ({ relays }) => relays.forEach((relay) => (relay.filter = (piece) => (piece.includes("message") ? "drop" : piece))), end: ({ relays }) => relays.forEach((relay) => (relay.filter = (piece) => piece)) },
  { name: "clocks that jump by an hour, of the sidecars and of Redis", possible: clocksCanJump, begin: async ({ clocks }) => {
    for (const aheadMs of [hourMs, -hourMs]) {
      for (const [index, clock] of clocks.entries()) {
        clock.jump(index % 2 === 0 ? aheadMs : -aheadMs);
        await delay(dwellMs);
      }
    }
  } },
];

const weight = (of: number) => async (member: FleetMember): Promise<boolean> => (await member.weight) === of;
const all = (members: readonly FleetMember[], holds: (member: FleetMember) => Promise<boolean>): Promise<void> =>
  until(async () => (await Promise.all(members.map(holds))).every(Boolean), waitMs, tickMs);
const unreachable = ({ process }: FleetMember): number => process!.lines.filter(({ msg }) => msg.startsWith("The store cannot be reached")).length;

/** @param clocks of the members; none: the machine's */
async function startFleet(atEnd: AtEnd, port: (index: number) => number, clocks: readonly JumpingClock[], store?: object): Promise<FleetProcesses> {
  const fleet = await FleetProcesses.start({ size: 3, port, rollout, env: (index) => clocks[index]?.env ?? {}, ...(store === undefined ? {} : { store }) });
  atEnd(() => fleet.clear());
  await begun(fleet);
  return fleet;
}

/** Users ask, and the second step is there. */
async function begun(fleet: FleetProcesses): Promise<void> {
  for (const member of fleet.members) member.load(2);
  await all(fleet.members, async (member) => (await member.weight) >= 10);
}

/** While `during` lasts, none of these raises a weight. They know already that they are cut off. @param stored the weight that they may have; default: what they have now */
async function raisesNothing(watch: Watch, members: readonly FleetMember[], during: () => Promise<void>, stored?: number): Promise<void> {
  const from = await watch.next();
  await during();
  const to = await watch.next();
  for (const member of members) {
    const seen = watch.of(member).slice(from, to).map((sample) => sample.weight);
    expect(seen.filter((one) => one > (stored ?? seen[0]!)), `weights of ${member.name}, which is cut off`).toEqual([]);
  }
}

const inRedis = ({ port }: RedisServer): string[] => ["--store", `redis://127.0.0.1:${port}`];

interface Decided {
  readonly reason: string;
  readonly fromWeight: number;
  readonly weight: number;
  readonly from: string;
  readonly to: string;
}

async function decisionsIn(audit: readonly string[]): Promise<Decided[]> {
  let stdout = "";
  // On a busy machine Redis may not answer in the command's time: then it says so, and is asked again.
  await until(async () => {
    const exported = await ebbgate("/", "audit", "export", ...audit);
    stdout = exported.stdout;
    return exported.code === 0;
  }, waitMs, tickMs);
  return stdout.trim().split("\n").map((line) => (JSON.parse(line) as { readonly record: Decided }).record);
}

/** What must be so after each fault. @param audit arguments that name the audit log that is there now */
async function expectUnharmed(fleet: FleetProcesses, watch: Watch, audit: readonly string[], forgets = false): Promise<void> {
  await all(fleet.members, weight(last));
  await watch.end();
  fleet.v2.failing = true;
  await all(fleet.members, async (member) => (await member.weight) === 0 && (await member.status()).rollouts[0]!.phase === "rolledBack");
  expect(fleet.members.map(({ failed }) => failed)).toEqual(fleet.members.map(() => 0));
  // What lowers is decided first, and stored behind.
  await until(async () => (await decisionsIn(audit)).at(-1)!.to === "rolledBack", waitMs, tickMs);
  const decisions = await decisionsIn(audit);
  for (let i = 1; i < decisions.length; i++) expect(decisions[i]).toMatchObject({ from: decisions[i - 1]!.to, fromWeight: decisions[i - 1]!.weight });
  const raised = decisions.filter((decision) => decision.weight > decision.fromWeight).map((decision) => decision.weight);
  // Each step once, in order, without a gap; of a Redis that forgot, those since then.
  expect(raised).toEqual(forgets ? steps.slice(steps.length - raised.length) : steps);
  for (const member of fleet.members) {
    const ran = watch.of(member).map((sample) => sample.weight);
    expect(ran.filter((one, i) => i > 0 && one < ran[i - 1]!), `falls of ${member.name}: a decision that was lost, or made twice`).toEqual([]);
    if (!forgets) expect(ran.filter((one) => one !== 0 && !raised.includes(one)), `weights of ${member.name} that nobody recorded`).toEqual([]);
  }
  expect(await ebbgate("/", "audit", "verify", ...audit)).toMatchObject({ code: 0, stdout: expect.stringContaining("in one unbroken chain") as string });
}

describe.skipIf(!hasRedis).concurrent("no request fails, no weight is raised that may not, no decision is lost or made twice, and the audit chain verifies, in", () => {
  test.for(faults.filter(({ possible }) => possible !== false))("$name", async (fault, { onTestFinished: atEnd }) => {
    const clocks = clocksCanJump && fault.name.startsWith("clocks") ? Array.from({ length: 4 }, () => new JumpingClock()) : [];
    const redis = await RedisServer.start({ args: ["--appendonly", "yes", "--appendfsync", "always"], env: clocks[3]?.env ?? {} });
    atEnd(() => redis.stop());
    const relays: Relay[] = [];
    for (let i = 0; i < 3; i++) {
      const relay = await Relay.open(redis.port);
      relays.push(relay);
      atEnd(() => relay.close());
    }
    const fleet = await startFleet(atEnd, (index) => relays[index]!.port, clocks);
    const stage: Stage = { fleet, relays, redis, clocks, leader: (await fleet.leader())! };
    const cut = fault.cut?.(stage) ?? [];
    const before = cut.map(unreachable);
    const watch = new Watch(fleet.members);
    atEnd(() => watch.end());
    await fault.begin(stage);
    if (cut.length > 0) {
      await until(() => cut.every((member, i) => unreachable(member) > before[i]!), waitMs);
      // Longer than a step takes, and than a lease lasts.
      const others = fleet.members.filter((member) => !cut.includes(member));
      await raisesNothing(watch, cut, () => (others.length > 0 ? all(others, weight(last)) : delay(4 * dwellMs)));
    } else {
      await all(fleet.members, weight(last));
    }
    await fault.end?.(stage);
    await expectUnharmed(fleet, watch, inRedis(redis), fault.forgets);
  });

  test("a failover by Sentinels", async ({ onTestFinished: atEnd }) => {
    const { master, replica, sentinels } = await startSentinels();
    for (const one of [master, replica, ...sentinels]) atEnd(() => one.stop());
    const fleet = await startFleet(atEnd, () => 0, [], { sentinel: { addresses: sentinels.map(({ port }) => `127.0.0.1:${port}`), master: "ebb" } });
    const before = fleet.members.map(unreachable);
    const watch = new Watch(fleet.members);
    atEnd(() => watch.end());
    await master.kill();
    await until(() => fleet.members.every((member, i) => unreachable(member) > before[i]!), waitMs);
    await raisesNothing(watch, fleet.members, () => until(async () => String(await replica.command("ROLE").catch(() => "")).startsWith("master"), waitMs));
    await expectUnharmed(fleet, watch, inRedis(replica));
  });
});

const promise = "no request fails, no weight is raised, no decision is lost or made twice, and the audit chain verifies, on";
test.skipIf(!smallDisksArePossible()).concurrent(`${promise} a full disk under the file store`, async ({ onTestFinished: atEnd }) => {
  const store = { type: "file", directory: "disk" };
  const fleet = await FleetProcesses.start({ size: 1, port: () => 0, rollout, store, within: (directory) => {
    mkdirSync(join(directory, "disk"));
    return onSmallDisk(join(directory, "disk"), 2_048);
  } });
  atEnd(() => fleet.clear());
  await begun(fleet);
  const [member] = fleet.members;
  const watch = new Watch(fleet.members);
  atEnd(() => watch.end());
  // As the process sees it.
  const disk = join(`/proc/${member!.process!.child.pid}/root`, member!.place.directory, "disk");
  const filler = openSync(join(disk, "filler"), "w");
  for (const bytes of [65_536, 512, 1]) expect(() => {
    for (;;) writeSync(filler, Buffer.alloc(bytes));
  }).toThrow("ENOSPC");
  closeSync(filler);
  // What is there now is all that there will be.
  const stored = (await decisionsIn(["--file", disk])).at(-1)!.weight;
  await member!.process!.line(({ msg }) => msg.startsWith("The store failed"));
  await raisesNothing(watch, fleet.members, () => delay(4 * dwellMs), stored);
  rmSync(join(disk, "filler"));
  await expectUnharmed(fleet, watch, ["--file", disk]);
});
