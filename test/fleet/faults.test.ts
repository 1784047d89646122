import { describe, expect, test, vi } from "vitest";
import { seededRandom } from "../../src/core/random.ts";
import { FleetWorld, plan, type Member } from "./world.ts";

vi.setConfig({ testTimeout: 120_000 });

async function fleet(size: number, seed: number, requestsPerSecond = 100): Promise<FleetWorld> {
  const world = new FleetWorld({ seed, requestsPerSecond });
  for (let i = 0; i < size; i++) await world.join(`s${i}`);
  await world.until(() => world.leader !== undefined, 5, "a leader");
  return world;
}

const all = (world: FleetWorld, of: (member: Member) => boolean): boolean => world.alive.every(of);
const atTen = (world: FleetWorld): Promise<number> => world.until(() => all(world, (member) => member.weight === 10), 200, "the second step");
const follower = (world: FleetWorld): Member => world.alive.find((member) => !member.node.leading)!;
const buckets = Array.from({ length: 400 }, (_, i) => i * 250 + 7);

async function records(world: FleetWorld): Promise<{ reason: string; atMs: number; step: number }[]> {
  return (await world.store.audit(1, 10_000)).map(({ record }) => record as { reason: string; atMs: number; step: number });
}

/** Each decision is in the log once, and each follows from the one before. */
async function expectOneHistory(world: FleetWorld): Promise<void> {
  const transitions = (await world.store.audit(1, 10_000)).map(({ record }) => record as unknown as { from: string; to: string; reason: string; step: number; after: { step: number; phase: string; weight: number } | null; inputs: { state: { step: number; phase: string; weight: number } } });
  for (let i = 1; i < transitions.length; i++) {
    const [before, now] = [transitions[i - 1]!, transitions[i]!];
    expect({ phase: now.inputs.state.phase, step: now.inputs.state.step, weight: now.inputs.state.weight }).toEqual({ phase: before.after!.phase, step: before.after!.step, weight: before.after!.weight });
  }
}

describe("while faults happen, a fleet", () => {
  test("is led by another sidecar when its leader is killed, without a decision lost or made twice", async () => {
    const world = await fleet(3, 11, 200);
    await atTen(world);
    const first = world.leader!;
    first.kill();
    await world.until(() => world.leader !== undefined && world.leader !== first, 10, "another leader");
    expect(all(world, (member) => member.weight === 10)).toBe(true);
    await world.until(() => all(world, (member) => member.weight === 50), 300, "the third step");
    await expectOneHistory(world);
    expect((await records(world)).filter(({ reason }) => reason === "started")).toHaveLength(1);
  });

  test("raises no weight on a sidecar that is cut off, which may lower alone; and the lower weight wins when it is back", async () => {
    const world = await fleet(3, 12, 200);
    await atTen(world);
    const cut = follower(world);
    cut.link.cut = true;
    await world.until(() => world.leader!.weight === 50, 300, "the others go on");
    expect(cut.weight).toBe(10);
    cut.candidate.errors = 1;
    await world.until(() => cut.weight === 0, 10, "its own trip");
    await world.run(10);
    expect(cut.weight).toBe(0);
    cut.link.heal();
    await world.until(() => all(world, (member) => member.weight === 0), 3, "the others follow");
    await world.until(() => all(world, (member) => member.phase === "rolledBack"), 60, "the verification");
    expect(all(world, (member) => member.node.status().lowered.length === 0)).toBe(true);
    await expectOneHistory(world);
  });

  test("takes a sidecar that was cut off and lowered nothing to where the others are", async () => {
    const world = await fleet(3, 13, 200);
    await atTen(world);
    const cut = follower(world);
    cut.link.cut = true;
    await world.until(() => world.leader!.weight === 50, 300, "the others go on");
    cut.link.heal();
    await world.until(() => cut.weight === 50, 2, "it follows");
    for (const bucket of buckets) expect(new Set(world.alive.map((member) => member.variantOf(bucket))).size).toBe(1);
  });

  test("loses its leader to a partition, and the old leader commits nothing any more", async () => {
    const world = await fleet(3, 14, 200);
    await atTen(world);
    const old = world.leader!;
    old.link.cut = true;
    await world.until(() => world.alive.some((member) => member !== old && member.node.leading), 10, "another leader");
    expect(old.node.leading).toBe(false);
    await world.run(2);
    old.link.heal();
    await world.run(5);
    expect(world.alive.filter((member) => member.node.leading)).toHaveLength(1);
    await world.until(() => all(world, (member) => member.weight === 50), 300, "the third step");
    await expectOneHistory(world);
  });

  test("gives a sidecar that joins late the allocation and the phase as they are", async () => {
    const world = await fleet(2, 15, 200);
    await world.until(() => all(world, (member) => member.weight === 50), 300, "the third step");
    const late = await world.join("late");
    await world.until(() => late.weight === 50, 1, "it follows");
    expect(late.phase).toBe(world.leader!.phase);
    for (const bucket of buckets) expect(late.variantOf(bucket)).toBe(world.leader!.variantOf(bucket));
  });

  test("starts a sidecar from its cache while the store is away; it serves, judges by itself, and goes back alone, also after another restart", async () => {
    const world = await fleet(2, 16, 200);
    await atTen(world);
    const { cache } = follower(world);
    for (const member of world.alive) member.kill();
    const alone = await world.join("alone", null, structuredClone(cache), true);
    // Its allocations come from the store's own cache in production; here it was dealt anew.
    alone.snapshots.adopt("shop", { variants: ["v1", "v2"], ranges: world.members[0]!.snapshot!.routes[0]!.allocation }, 99);
    await world.run(1);
    expect(alone.weight).toBe(10);
    await world.run(30);
    expect(alone.weight).toBe(10);
    alone.candidate.errors = 1;
    await world.until(() => alone.weight === 0, 10, "its own trip");
    const kept = alone.cache;
    alone.kill();
    const again = await world.join("again", null, structuredClone(kept), true);
    again.snapshots.adopt("shop", { variants: ["v1", "v2"], ranges: world.members[0]!.snapshot!.routes[0]!.allocation }, 99);
    await world.run(2);
    expect(again.weight).toBe(0);
  });

  test("ends no dwell early, nor makes it endless, where the next leader's clock is an hour off", async () => {
    for (const aheadMs of [3_600_000, -3_600_000]) {
      const world = new FleetWorld({ seed: 21, requestsPerSecond: 200 });
      await world.join("first");
      await world.until(() => world.leader !== undefined, 5, "a leader");
      const second = await world.join("second", null, null, false, aheadMs);
      await atTen(world);
      await world.run(3);
      world.leader!.kill();
      const began = await world.until(() => second.node.leading, 10, "another leader");
      expect(second.weight).toBe(10);
      // The step's dwell is 20 s; evidence is there by then.
      const seconds = began + 3 + (await world.until(() => second.weight === 50, 60, "the third step"));
      expect(seconds).toBeGreaterThanOrEqual(19);
      expect(seconds).toBeLessThan(45);
    }
  });

  test("finds what hints did not say", async () => {
    const world = await fleet(3, 17, 200);
    for (const member of world.alive) member.link.losesHints = true;
    await world.until(() => all(world, (member) => member.weight === 10), 200, "the second step");
    expect(world.leader!.weight).toBe(10);
  });

  test("hands a command to the leader; a rollback counts at once where it was given, and everywhere soon after", async () => {
    const world = await fleet(3, 18, 200);
    await atTen(world);
    const asked = follower(world);
    expect(asked.command("rollback").outcome).toBe("forwarded");
    await Promise.resolve();
    await Promise.resolve();
    expect(asked.weight).toBe(0);
    await world.until(() => all(world, (member) => member.weight === 0), 1, "everywhere");
    expect((await records(world)).at(-1)).toMatchObject({ reason: expect.stringMatching(/commandRollback|trafficStopped/) });
  });

  test("survives a leader that is killed between any two writes: what is stored is a whole decision, and the next one follows from it", async () => {
    // The n-th write of the leader, counted from its first step on, is its last: before it, or after it but before the answer.
    for (const applied of [false, true]) {
      for (let n = 1; n <= 6; n++) {
        const world = await fleet(3, 100 + n, 200);
        const first = world.leader!;
        let writes = 0;
        const put = world.store.put.bind(world.store);
        world.store.put = async (key, value, expected, options) => {
          const own = options?.fence?.epoch === 1;
          if (own && ++writes === n) {
            if (applied) await put(key, value, expected, options);
            first.kill();
            return new Promise(() => undefined);
          }
          return put(key, value, expected, options);
        };
        await world.until(() => !first.alive, 400, `write ${n}`);
        await world.until(() => world.leader !== undefined, 10, "another leader");
        await world.until(() => all(world, (member) => member.weight >= 10), 300, "it goes on");
        await expectOneHistory(world);
        expect((await records(world)).filter(({ reason }) => reason === "started")).toHaveLength(1);
      }
    }
  });

  test("never gives more than what is committed, nor splits two users differently, whatever is cut, killed and joined", async () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const world = new FleetWorld({ seed, requestsPerSecond: 100 });
      world.plan = plan({ steps: [1, 10, 50, 100].map((weight) => ({ weight, dwellMs: 5_000, minRequests: 10, approval: false })) });
      const random = seededRandom(seed * 77);
      for (let i = 0; i < 4; i++) await world.join(`s${i}`);
      let highest = 0;
      world.watch = () => {
        for (const member of world.alive) {
          // What any leader has committed is an upper bound for all.
          expect(member.weight).toBeLessThanOrEqual(highest);
        }
      };
      const put = world.store.put.bind(world.store);
      world.store.put = async (key, value, expected, options) => {
        const revision = await put(key, value, expected, options);
        if (revision !== undefined && key === "rollouts/shop") highest = Math.max(highest, (value as { weight: number }).weight);
        return revision;
      };
      for (let event = 0; event < 25; event++) {
        await world.run(1 + random() * 3);
        const member = world.alive[Math.floor(random() * world.alive.length)]!;
        const what = random();
        if (what < 0.3) member.link.cut = true;
        else if (what < 0.6) member.link.heal();
        else if (what < 0.75 && world.alive.length > 2) member.kill();
        else if (what < 0.9 && world.alive.length < 6) await world.join(`j${event}`);
        else member.link.losesHints = !member.link.losesHints;
      }
      for (const member of world.alive) member.link.heal();
      for (const member of world.alive) member.link.losesHints = false;
      await world.until(() => world.leader !== undefined && new Set(world.alive.map(({ weight }) => weight)).size === 1, 15, "all alike");
      for (const bucket of buckets) expect(new Set(world.alive.map((member) => member.variantOf(bucket))).size).toBe(1);
      await expectOneHistory(world);
    }
  });
});
