/** What holds a rollout, in the simulated world: with the real judge, recorders and controller. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RolloutPlan } from "../../src/config/rollout-plan.ts";
import { initialState } from "../../src/rollout/decide.ts";
import { openFreeze } from "../../src/rollout/freeze.ts";
import { Outlook } from "../../src/rollout/outlook.ts";
import type { Evidence, ProbeEvidence } from "../../src/rollout/types.ts";
import { calm } from "./histories.ts";
import { plan, World, WorldStore, type WorldOptions } from "./world.ts";

const steps = (changes: Partial<RolloutPlan["steps"][number]> = {}): RolloutPlan["steps"] =>
  [10, 50, 100].map((weight, i) => ({ weight, dwellMs: 10_000, minRequests: 50, approval: false, ...(i < 2 ? changes : {}) }));

async function world(of: RolloutPlan, options: Partial<WorldOptions> = {}): Promise<World> {
  const made = new World({ requestsPerSecond: 500, seed: 7, ...options });
  await made.configure(of);
  return made;
}

const ada = { by: "ada", why: "looked at it" };

describe("a step that asks for evidence", () => {
  test("waits beyond its dwell until errors and latency are shown to be not worse, and then says so", async () => {
    const w = await world(plan({ steps: steps({ evidence: true, dwellMs: 1_000 }) }));
    await w.until("awaitingEvidence", 15);
    await w.until("stepCompleted", 120);
    expect(w.decisions.at(-1)!.sentence).toBe("shop: v2 goes from 10% to 50% (step 2): it has been shown to be not worse.");
    expect(w.sent.candidate).toBeGreaterThan(400);
  });

  test("ends before its dwell where it may", async () => {
    const w = await world(plan({ steps: steps({ early: true, dwellMs: 3_600_000 }) }));
    await w.until("stepEarly", 120);
    expect(w.weight).toBe(50);
  });

  test("does not go on with a candidate that is a little worse, too little to convict", async () => {
    const w = await world(plan({ limits: plan().limits.map((limit) => ({ ...limit, advanceMargin: 0.002 })), steps: steps({ evidence: true, dwellMs: 1_000 }) }));
    w.candidate.errors = 0.003;
    await w.run(60);
    expect(w.reasons()).toEqual(["started", "awaitingEvidence"]);
    expect(w.weight).toBe(10);
  });

  test.each([
    ["pause", "inconclusivePaused", 10],
    ["rollback", "inconclusiveRolledBack", 0],
    ["advance", "inconclusiveAdvanced", 50],
  ] as const)("that stays inconclusive too long does what the operator wrote: %s", async (action, reason, weight) => {
    const w = await world(plan({ limits: plan().limits.map((limit) => ({ ...limit, advanceMargin: 0.0005 })), inconclusive: { afterMs: 20_000, action }, steps: steps({ evidence: true }) }));
    await w.until(reason, 30);
    expect(w.weight).toBe(weight);
  });
});

test("what was shown once in a step stays shown, and counts for that step only", () => {
  const outlook = new Outlook({}, "shop", { peers: () => [], siblings: () => [] });
  const [seen] = fc.sample(calm, { numRuns: 1, seed: 1 }) as [Evidence];
  const shownAt = (notWorse: number) => outlook.around({ ...seen, limits: seen.limits.map((limit) => ({ ...limit, notWorse })) }, plan(), initialState(plan(), 0), false).around!.shown!;
  expect(shownAt(19)).not.toContain(true);
  expect(shownAt(20)).not.toContain(false);
  expect(shownAt(1)).not.toContain(false);
  outlook.beginStep("v1", "v2");
  expect(shownAt(1)).not.toContain(true);
});

describe("no weight rises", () => {
  test("by a step that was made larger, until it may; one that was made smaller counts at once", async () => {
    const w = await world(plan({ steps: steps() }));
    await w.run(5);
    w.partitioned = true;
    const first = (weight: number): RolloutPlan["steps"] => steps().map((step, i) => (i === 0 ? { ...step, weight, dwellMs: 60_000 } : step));
    await w.configure(plan({ steps: first(30) }));
    await w.run(2);
    expect(w.weight).toBe(10);
    await w.configure(plan({ steps: first(4) }));
    await w.until("planChanged", 1);
    expect(w.weight).toBe(4);
    await w.configure(plan({ steps: first(30) }));
    w.partitioned = false;
    await w.until("planChanged", 1);
    expect(w.weight).toBe(30);
  });

  test("before the store has it: not even the step that was decided when the store had just failed", async () => {
    const w = await world(plan({ steps: steps() }));
    await w.run(5);
    expect(w.weight).toBe(10);
    w.store.down = true;
    await w.run(120);
    expect(w.weight).toBe(10);
    w.store.down = false;
    const written = (): number => (w.store.documents.get("rollouts/shop")!.value as { weight: number }).weight;
    await w.run(2);
    expect(w.weight).toBe(written());
    expect(w.weight).toBe(50);
  });

  test("in a freeze window, and the rollout goes on by itself when it ends", async () => {
    const freeze = [{ kind: "weekly", name: "lunch", days: [0, 1, 2, 3, 4, 5, 6], fromMinute: 0, toMinute: 17, timezone: "UTC" }] as const;
    const w = await world(plan({ freeze, steps: steps() }));
    // The world begins at 00:16:40.
    await w.until("frozen", 1);
    expect(w.decisions.at(-1)!.sentence).toMatch(/freeze window 'lunch'/);
    expect(w.controller.command("shop", { verb: "promote", ...ada })).toMatchObject({ outcome: "refused", detail: expect.stringContaining("lunch") as string });
    await w.run(15);
    expect(w.sent.candidate).toBe(0);
    await w.until("started", 10);
  });

  test("while cut off from the others or from the store; a rollback still happens", async () => {
    const w = await world(plan({ steps: steps() }));
    await w.run(5);
    w.partitioned = true;
    await w.until("partitioned", 10);
    await w.run(20);
    expect(w.weight).toBe(10);
    w.candidate.errors = 1;
    await w.until("breakerTripped", 2);
    expect(w.weight).toBe(0);

    const other = await world(plan({ steps: steps() }));
    await other.run(5);
    other.store.down = true;
    expect(other.controller.command("shop", { verb: "pause", ...ada }).outcome).toBe("accepted");
    expect(other.controller.command("shop", { verb: "resume", ...ada }).outcome).toBe("accepted");
    await other.until("partitioned", 15);
    other.store.down = false;
    await other.until("stepCompleted", 10);
  });

  test("while both versions fail alike", async () => {
    const w = await world(plan({ steps: steps() }));
    await w.run(8);
    w.baseline.errors = w.candidate.errors = 0.6;
    await w.until("sharedOutage", 10);
    await w.run(20);
    expect(w.weight).toBe(10);
    w.baseline.errors = w.candidate.errors = 0.001;
    await w.until("holdEnded", 20);
  });
});

test("an approval is given while the step still runs, and counts when it has ended", async () => {
  const approved = steps().map((step) => ({ ...step, approval: true }));
  const w = await world(plan({ steps: approved }));
  expect(w.controller.command("shop", { verb: "approve", ...ada })).toMatchObject({ outcome: "accepted", decision: { weight: 0 } });
  await w.until("started", 1);
  await w.until("awaitingApproval", 15);
  expect(w.controller.command("shop", { verb: "approve", ...ada })).toMatchObject({ outcome: "accepted" });
  expect(w.controller.command("shop", { verb: "approve", ...ada })).toMatchObject({ outcome: "refused" });
  await w.until("stepCompleted", 1);
});

test("a quarantined revision runs again only with a name and a reason; the next one has to cool down, longer each time", async () => {
  const store = new WorldStore();
  const of = (revision: string): RolloutPlan => plan({ revision, steps: steps(), cooldown: { firstMs: 30_000, maxMs: 50_000 } });
  const w = await world(of("r1"), { store });
  await w.run(2);
  const fail = async (): Promise<void> => {
    w.candidate.errors = 1;
    await w.until("verified", 20);
    w.candidate.errors = 0.001;
  };
  await fail();
  expect(w.controller.command("shop", { verb: "override", by: "ada", why: "" })).toMatchObject({ outcome: "refused" });
  await w.configure(of("r2"));
  await w.until("coolingDown", 1);
  expect(await w.until("started", 31)).toBeGreaterThan(20);
  await w.run(2);
  await fail();
  expect(w.controller.status()[0]).toMatchObject({ rollbacks: 2, quarantined: true });
  expect(w.controller.status()[0]!.cooldownUntilMs! - w.decisions.find(({ reason, revision }) => reason === "breakerTripped" && revision === "r2")!.atMs).toBe(50_000);
  expect(w.controller.command("shop", { verb: "override", ...ada })).toMatchObject({ outcome: "accepted", decision: { reason: "commandOverride" } });
  await w.until("started", 1);
  expect(w.weight).toBe(10);
});

test("a limit that acts in its region takes that region's users away; somebody brings it back", async () => {
  const limits = plan().limits.map((limit) => ({ ...limit, scope: "inRegion" as const }));
  const w = await world(plan({ limits, steps: steps(), regions: [{ region: "eu", weightMax: 4 }] }), { region: "eu" });
  await w.run(4);
  expect(w.weight).toBe(4);
  w.candidate.errors = 0.3;
  await w.until("regionLeft", 30);
  expect(w.weight).toBe(0);
  expect(w.controller.status()[0]).toMatchObject({ phase: "progressing", weight: 10, regionalWeight: 0, regionsOut: ["eu"], quarantined: false });
  w.candidate.errors = 0.001;
  expect(w.controller.command("shop", { verb: "resume", ...ada })).toMatchObject({ outcome: "accepted" });
  await w.run(0.1);
  expect(w.weight).toBe(4);
});

test("a step that asks for probes is not entered before they are answered well, and a dead baseline is nowhere to go back to", async () => {
  const good: ProbeEvidence = { sent: 20, failed: 0, goodInRow: 20, failedInRow: 0 };
  const seen: Record<string, ProbeEvidence | null> = { v1: null, v2: null };
  const of = plan({
    steps: [{ weight: 100, dwellMs: 5_000, minRequests: 50, approval: false, probes: 10 }], breaker: { action: "probe" }, exposureBudget: 200,
    probes: { method: "GET", path: "/healthz", intervalMs: 1_000, timeoutMs: 1_000 },
  });
  const w = await world(of, { probes: (variant) => seen[variant] ?? null });
  await w.until("awaitingProbes", 1);
  expect(w.controller.probing().filter(({ active }) => active).map(({ variant }) => variant)).toEqual(["v2"]);
  await w.run(5);
  expect(w.sent.candidate).toBe(0);
  seen["v2"] = good;
  await w.until("started", 1);
  expect(w.controller.probing().filter(({ active }) => active).map(({ variant }) => variant)).toEqual(["v1"]);
  await w.run(12);
  seen["v1"] = { sent: 20, failed: 3, goodInRow: 0, failedInRow: 3 };
  w.candidate.errors = 0.1;
  await w.until("baselineUnhealthy", 30);
  await w.run(10);
  expect(w.weight).toBe(100);
  seen["v1"] = { ...good, sent: 40 };
  await w.until("limitBreached", 5);
});

test("rollouts of a group wait for each other, and go back in one revision", async () => {
  const w = new World({ requestsPerSecond: 500, seed: 7 });
  const of = (route: string, changes: Partial<RolloutPlan> = {}): RolloutPlan => plan({ name: route, route, group: "checkout", steps: steps(), ...changes });
  // The cart is asked before the shop, so it has to be asked again when the shop has moved.
  await w.configure(of("cart", { paused: true }), of("shop"));
  await w.until("awaitingGroup", 1);
  await w.run(3);
  expect(w.weights.every(({ weight }) => weight === 0)).toBe(true);
  await w.configure(of("cart"), of("shop"));
  await w.run(1);
  expect(w.weights.map(({ weight }) => weight)).toEqual([10, 10]);
  // Nobody asks for the cart: the shop has all that it needs, and stays.
  await w.run(30);
  expect(w.weights.map(({ weight }) => weight)).toEqual([10, 10]);
  expect(w.reasons().filter((reason) => reason === "awaitingGroup").length).toBeGreaterThan(0);
  let halves = 0;
  const before = w.weights;
  w.candidate.errors = 1;
  for (let i = 0; i < 20; i++) {
    await w.run(0.1);
    if (w.weights !== before && new Set(w.weights.map(({ weight }) => weight)).size > 1) halves++;
  }
  expect(w.weights.map(({ weight }) => weight)).toEqual([0, 0]);
  expect(halves).toBe(0);
  expect(w.reasons()).toContain("groupRolledBack");
});

describe("a freeze window", () => {
  const at = (text: string): number => Date.parse(text);
  const weekend = { kind: "weekly", name: "weekend", days: [5, 6], fromMinute: 17 * 60, toMinute: 8 * 60, timezone: "Europe/Berlin" } as const;
  const winter = { kind: "dates", name: "winter", from: "2026-12-20T00:00", to: "2027-01-02T12:00", timezone: "America/New_York" } as const;

  test.each([
    ["2026-11-20T15:59:00Z", undefined],
    ["2026-11-20T16:00:00Z", "weekend"],
    ["2026-11-21T06:59:00Z", "weekend"],
    ["2026-11-21T07:00:00Z", undefined],
    ["2026-11-22T06:00:00Z", "weekend"],
    ["2026-11-22T17:00:00Z", undefined],
    // Summer: the same local times are an hour earlier.
    ["2026-07-17T15:00:00Z", "weekend"],
    ["2026-07-17T14:59:00Z", undefined],
    ["2026-12-20T04:59:00Z", undefined],
    ["2026-12-20T05:00:00Z", "winter"],
    ["2027-01-02T16:59:00Z", "winter"],
    ["2027-01-02T17:00:00Z", undefined],
  ])("is told in its own zone: at %s it is %s", (text, name) => {
    const one = name === "winter" || text.includes("-12-") || text.startsWith("2027") ? winter : weekend;
    expect(openFreeze([one], at(text))?.name).toBe(name);
  });
});
