import { describe, expect, test } from "vitest";
import type { RolloutPlan } from "../../src/config/rollout-plan.ts";
import { replay } from "../../src/rollout/replay.ts";
import type { Command } from "../../src/rollout/types.ts";
import { plan, World, WorldStore } from "./world.ts";

const steady = (weight: number, changes: Partial<RolloutPlan> = {}): RolloutPlan =>
  plan({ steps: [1, weight, 100].map((one) => ({ weight: one, dwellMs: one === 1 ? 2_000 : 3_600_000, minRequests: 1, approval: false })), cooldown: { firstMs: 600_000, maxMs: 600_000 }, ...changes });

const drill: Command = { verb: "drill", by: "ada", why: "game day" };

/** At the second step, with a usual baseline. */
async function exposed(weight = 10, changes: Partial<RolloutPlan> = {}, store?: WorldStore): Promise<World> {
  const world = new World({ requestsPerSecond: 500, seed: 7, ...(store === undefined ? {} : { store }) });
  await world.configure(steady(weight, changes));
  await world.until("stepCompleted", 30);
  await world.run(5);
  return world;
}

const refusal = (world: World, command: Command = drill): string => {
  const result = world.controller.command("shop", command);
  return result.outcome === "refused" ? result.detail : result.outcome;
};

describe("a drill", () => {
  test("takes all users away, measures how long that takes, verifies the baseline with them, and gives them back", async () => {
    const w = await exposed();
    expect(w.controller.command("shop", drill).outcome).toBe("accepted");
    expect(w.weight).toBe(0);
    expect(w.controller.status()[0]).toMatchObject({ phase: "rollingBack", weight: 0, quarantined: false, drill: { outcome: "underWay", step: 1, weight: 10, by: "ada", why: "game day" } });
    const sent = w.sent.candidate;
    await w.until("drillEnded", 10);
    expect(w.sent.candidate).toBe(sent);
    expect(w.weight).toBe(10);
    const [status] = w.controller.status();
    expect(status).toMatchObject({ phase: "progressing", step: 1, rollbacks: 0, cooldownUntilMs: null, quarantined: false, drill: { outcome: "passed", over: true, acknowledgedAfterMs: 40 } });
    expect(status!.drill!.stoppedAfterMs).toBeGreaterThanOrEqual(500);
    expect(status!.drill!.verifiedAfterMs).toBeGreaterThanOrEqual(status!.drill!.stoppedAfterMs! + 2_000);
    expect(w.reasons().slice(-4)).toEqual(["drill", "trafficStopped", "drillPassed", "drillEnded"]);
    expect(w.decisions.at(-2)!.sentence).toMatch(/^shop: v2: the drill has passed: every sidecar ran weight 0 after 40 ms, nothing reached the candidate any more after \d+ ms, the baseline was verified with all the users after \d(\.\d)? s\. It goes back to 10%\.$/);
    // Its evidence began anew, and goes on.
    await w.run(5);
    expect(w.reasons().at(-1)).toBe("drillEnded");
    w.candidate.errors = 1;
    await w.until("breakerTripped", 2);
    await w.until("verified", 15);
    expect(w.controller.status()[0]).toMatchObject({ phase: "rolledBack", quarantined: true, rollbacks: 1 });
  });

  test("is recorded so that each of its decisions comes out the same again", async () => {
    const w = await exposed();
    w.controller.command("shop", drill);
    await w.until("drillEnded", 10);
    await w.controller.flush();
    const records = w.store.audit.map((record) => JSON.parse(JSON.stringify(record)) as typeof record);
    expect(records.map(({ reason }) => reason)).toEqual(["started", "stepCompleted", "drill", "trafficStopped", "drillPassed", "drillEnded"]);
    expect(records.filter((record) => replay(record).outcome !== "same")).toEqual([]);
    expect(records.slice(2).every(({ drill: of }) => of?.by === "ada")).toBe(true);
  });

  test("in the bake time gives back all users, who go through the last step again", async () => {
    const w = new World({ requestsPerSecond: 500, seed: 7 });
    await w.configure(plan({ steps: [10, 100].map((weight) => ({ weight, dwellMs: 3_000, minRequests: 1, approval: weight === 100 })), bakeMs: 60_000 }));
    await w.until("started", 5);
    w.controller.command("shop", { verb: "approve", by: "bob", why: "" });
    await w.until("bakeStarted", 30);
    w.controller.command("shop", drill);
    await w.until("drillEnded", 20);
    expect([w.weight, w.controller.status()[0]!.phase]).toEqual([100, "progressing"]);
    await w.until("baked", 90);
  });

  test("goes on after a restart in the middle of it", async () => {
    const store = new WorldStore();
    const first = await exposed(10, {}, store);
    first.controller.command("shop", drill);
    await first.until("trafficStopped", 5);
    await first.controller.flush();
    const second = new World({ requestsPerSecond: 500, seed: 8, store });
    second.nowMs = first.nowMs + 1_000;
    await second.configure(steady(10));
    expect(second.weight).toBe(0);
    await second.until("drillEnded", 15);
    expect(second.weight).toBe(10);
  });

  test("that one sidecar does not acknowledge fails and keeps the users where they are, until a person gives them back", async () => {
    const w = await exposed();
    w.straggling = true;
    w.controller.command("shop", drill);
    await w.until("drillFailed", 32);
    expect(w.decisions.at(-1)!.sentence).toContain("some sidecars still do not run weight 0");
    expect(w.controller.status()[0]).toMatchObject({ phase: "paused", weight: 0, quarantined: false, rollbacks: 0, drill: { outcome: "failed", over: false } });
    await w.run(10);
    expect(w.weight).toBe(0);
    w.controller.command("shop", { verb: "resume", by: "ada", why: "" });
    await w.until("drillEnded", 1);
    expect(w.weight).toBe(10);
  });

  test("under which the baseline breaks down fails at once, and promote gives the users back although the baseline is ill", async () => {
    const w = await exposed(50);
    w.controller.command("shop", drill);
    await w.until("trafficStopped", 5);
    w.baseline.errors = 0.6;
    expect(await w.until("drillFailed", 60)).toBeLessThan(15);
    expect(w.decisions.at(-1)).toMatchObject({ subject: "baseline" });
    w.controller.command("shop", { verb: "resume", by: "ada", why: "" });
    await w.run(2);
    expect(w.weight).toBe(0);
    expect(refusal(w, { verb: "promote", by: "ada", why: "" })).toBe("accepted");
    await w.run(0.2);
    expect(w.weight).toBe(50);
    expect(w.controller.status()[0]!.drill).toMatchObject({ outcome: "failed", over: true });
  });

  test("waits with the users in a freeze window that has opened meanwhile", async () => {
    const w = await exposed();
    w.controller.command("shop", drill);
    const iso = (ms: number): string => new Date(ms).toISOString().slice(0, 16);
    await w.configure(steady(10, { freeze: [{ kind: "dates", name: "fair", from: iso(w.nowMs - 60_000), to: iso(w.nowMs + 3_600_000), timezone: "UTC" }] }));
    await w.until("frozen", 15);
    expect([w.weight, w.controller.status()[0]!.waiting]).toEqual([0, "freeze"]);
    await w.configure(steady(10));
    await w.until("drillEnded", 5);
    expect(w.weight).toBe(10);
  });
});

describe("a drill becomes a real rollback", () => {
  test("when somebody says so", async () => {
    const w = await exposed();
    w.controller.command("shop", drill);
    await w.run(0.2);
    expect(refusal(w, { verb: "rollback", by: "bob", why: "it is broken" })).toBe("accepted");
    await w.until("verified", 15);
    expect(w.controller.status()[0]).toMatchObject({ phase: "rolledBack", quarantined: true, rollbacks: 1, drill: { outcome: "abandoned", over: true } });
  });

  test("when requests from before it show that the candidate hangs", async () => {
    const w = new World({ requestsPerSecond: 500, seed: 7, firstByteTimeoutMs: 3_000 });
    await w.configure(steady(50));
    await w.until("stepCompleted", 30);
    await w.run(10);
    w.candidate.latencyMs = () => Number.POSITIVE_INFINITY;
    await w.run(0.2);
    expect(refusal(w)).toBe("accepted");
    await w.until("breakerTripped", 8);
    expect(w.controller.status()[0]).toMatchObject({ quarantined: true, rollbacks: 1 });
  });
});

describe("is refused, with what to do instead,", () => {
  test.each<[string, Command, (w: World) => unknown, RegExp]>([
    ["without a reason", { ...drill, why: "" }, () => undefined, /needs a name and a reason/],
    ["while it is paused", drill, (w) => w.controller.command("shop", { verb: "pause", by: "bob", why: "" }), /paused: resume it first/],
    ["while another is under way", drill, (w) => w.controller.command("shop", drill), /a drill is under way/],
    ["in a partition", drill, (w) => { w.partitioned = true; }, /cut off from its store/],
    ["after a rollback", drill, (w) => w.controller.command("shop", { verb: "rollback", by: "bob", why: "" }), /quarantined/],
    ["while something speaks against the candidate", drill, async (w) => {
      w.candidate.errors = 0.05;
      for (let i = 0; i < 200 && (w.controller.status()[0]!.limits.every(({ groupWealth, threshold }) => groupWealth < threshold / 15)); i++) await w.run(0.1);
    }, /something speaks against the candidate/],
    ["where nobody comes", drill, async (w) => {
      w.requestsPerSecond = 0;
      await w.run(12);
    }, /noTraffic/],
  ])("%s", async (_, command, before, why) => {
    const w = await exposed();
    await before(w);
    expect(refusal(w, command)).toMatch(why);
  });

  test("of a rollout whose group goes back together, and of one that has no users yet", async () => {
    const w = new World({ requestsPerSecond: 500, seed: 7 });
    await w.configure(steady(10, { paused: false, freeze: [] }), plan({ name: "cart", route: "cart", group: "checkout" }));
    expect(refusal(w)).toMatch(/no users that could be taken back/);
    await w.run(3);
    const result = w.controller.command("cart", drill);
    expect(result).toMatchObject({ outcome: "refused", detail: expect.stringMatching(/group 'checkout' go back together|no users/) as string });
  });
});
