import { expect, test } from "vitest";
import { initialState } from "../../src/rollout/decide.ts";
import { siblingOf } from "../../src/rollout/experiment.ts";
import { withinRoom } from "../../src/rollout/room.ts";
import { replay } from "../../src/rollout/replay.ts";
import type { RolloutStatus } from "../../src/rollout/status.ts";
import type { RolloutState } from "../../src/rollout/types.ts";
import { experiment, plan, World, WorldStore } from "./world.ts";

const names = ["v2", "v3", "v4"];
const start = async (seed: number, options: { store?: WorldStore; plans?: ReturnType<typeof experiment> } = {}): Promise<World> => {
  const w = new World({ requestsPerSecond: 400, seed, others: 2, ...(options.store === undefined ? {} : { store: options.store }) });
  await w.configure(...(options.plans ?? experiment(names)));
  return w;
};
const of = (w: World, candidate: string): RolloutStatus => w.controller.status().find((one) => one.candidate === candidate)!;
const by = (candidate: string, verb: "approve" | "promote" | "rollback" | "override", why = "") => [`shop:${candidate}`, { verb, by: "ada", why }] as const;

test("one bad candidate of three is taken back to the baseline; the others go on with the users that they had", async () => {
  const w = await start(1);
  await w.run(30);
  expect(names.map((name) => w.weightOf(name))).toEqual([25, 25, 25]);
  const before = w.owners;
  w.others[0]!.errors = 0.05;
  await w.until("limitBreached", 60);
  expect(names.map((name) => w.weightOf(name))).toEqual([25, 0, 25]);
  // Its buckets are the baseline's now, and nobody else has moved.
  const owner = (ranges: typeof before, bucket: number): number => ranges.find(({ to }) => bucket < to)!.variant;
  for (let bucket = 0; bucket < 100_000; bucket += 97) expect(owner(w.owners, bucket)).toBe(owner(before, bucket) === 2 ? 0 : owner(before, bucket));
  await w.run(60);
  expect(w.decisions.filter(({ weight, fromWeight }) => weight < fromWeight).map(({ candidate, rollout }) => [candidate, rollout])).toEqual([["v3", "shop:v3"]]);
  expect([of(w, "v3").phase, of(w, "v3").quarantined, of(w, "v2").weight, of(w, "v4").weight]).toEqual(["rolledBack", true, 25, 25]);
  expect(of(w, "v2").limits[0]!.threshold).toBeCloseTo(600, 9);
  for (const record of w.store.audit) expect(replay(record).outcome).toBe("same");
});

test("all candidates are classified against one set of edges, and each has shown that it is not worse", async () => {
  const w = await start(2);
  await w.run(61);
  const edges = w.controller.edges();
  const generations = new Set(edges.flatMap((one) => one.edges.map(({ edges: { generation } }) => generation)));
  expect([edges.length, generations.size, [...generations][0]! > 0]).toEqual([3, 1, true]);
  for (const name of names) expect(of(w, name).limits.slice(0, 2).map(({ verdict }) => verdict)).toEqual(["healthy", "healthy"]);
});

test("whoever is approved has the last step after its dwell: the others leave without blame before it grows", async () => {
  const w = await start(3);
  await w.run(20);
  expect(w.controller.command(...by("v3", "approve"))).toMatchObject({ outcome: "accepted" });
  const most: number[] = [];
  for (let i = 0; i < 600 && w.weightOf("v3") < 100; i++) {
    await w.run(0.1);
    most.push(names.reduce((sum, name) => sum + w.weightOf(name), 0));
  }
  expect(Math.max(...most)).toBeLessThanOrEqual(100);
  expect(names.map((name) => w.weightOf(name))).toEqual([0, 100, 0]);
  for (const name of ["v2", "v4"]) expect(of(w, name)).toMatchObject({ phase: "retired", quarantined: false, rollbacks: 0, step: -1 });
  await w.until("baked", 120);
  expect(of(w, "v3").phase).toBe("succeeded");
  expect(w.decisions.filter(({ reason }) => reason === "notChosen").map(({ subject, sentence }) => `${subject} ${sentence}`).toSorted()).toEqual([
    "v3 shop: v2 gives its 25% back to the baseline: v3 has been chosen. Nothing is held against it.",
    "v3 shop: v4 gives its 25% back to the baseline: v3 has been chosen. Nothing is held against it.",
  ]);
});

test("a promotion does not wait for the dwell, needs its approval, and is the only one", async () => {
  const w = await start(4);
  await w.run(10);
  expect(w.controller.command(...by("v2", "promote"))).toMatchObject({ outcome: "refused", detail: "step 2 asks for an approval: approve it" });
  for (const name of ["v2", "v3"]) expect(w.controller.command(...by(name, "approve")).outcome).toBe("accepted");
  expect(w.controller.command(...by("v2", "promote"))).toMatchObject({ outcome: "accepted" });
  expect(w.controller.command(...by("v3", "promote"))).toMatchObject({ outcome: "refused" });
  expect(await w.until("chosen", 2)).toBeLessThan(1);
  await w.run(0.2);
  expect(names.map((name) => w.weightOf(name))).toEqual([100, 0, 0]);
  expect(w.controller.command(...by("v3", "override", "another look"))).toMatchObject({ outcome: "refused", detail: "v2 has been chosen and has the users: roll it back first" });
  expect(w.controller.command(...by("v2", "rollback", "not after all"))).toMatchObject({ outcome: "accepted" });
  await w.run(0.2);
  expect(names.map((name) => w.weightOf(name))).toEqual([0, 0, 0]);
  await w.run(15);
  expect(w.controller.command(...by("v3", "override", "another look"))).toMatchObject({ outcome: "accepted" });
  await w.run(2);
  expect(names.map((name) => w.weightOf(name))).toEqual([0, 25, 0]);
});

test("what was rolled back as one of several stays quarantined under another name of the rollout, and the other way round", async () => {
  const store = new WorldStore();
  const w = await start(5, { store });
  await w.run(5);
  w.controller.command(...by("v2", "rollback"));
  await w.run(20);
  await w.configure(plan());
  await w.run(5);
  expect([w.weightOf("v2"), of(w, "v2").phase, of(w, "v2").quarantined]).toEqual([0, "rolledBack", true]);
  await w.configure(...experiment(names, { revision: "r2" }));
  await w.run(5);
  w.controller.command(...by("v4", "rollback"));
  await w.run(20);
  await w.configure(plan({ candidate: "v3", revision: "r2" }));
  await w.run(5);
  expect([w.weightOf("v3"), of(w, "v3").phase]).toEqual([0, "rolledBack"]);
});

test("a restart goes on where each candidate was", async () => {
  const store = new WorldStore();
  const first = await start(6, { store });
  await first.run(10);
  first.controller.command(...by("v3", "rollback"));
  await first.run(15);
  await first.controller.flush();
  const second = await start(7, { store });
  await second.run(0.3);
  expect(names.map((name) => second.weightOf(name))).toEqual([25, 0, 25]);
  expect(names.map((name) => of(second, name).phase)).toEqual(["progressing", "rolledBack", "progressing"]);
});

test("a sidecar that hears of the chosen one before it hears of the others gives it what they leave", () => {
  const weights = [["v2", 100], ["v3", 25], ["v4", 25]].map(([variant, weight]) => ({ route: "shop", variant: String(variant), weight: Number(weight) }));
  expect(withinRoom([...weights, { route: "cart", variant: "v2", weight: 100 }], new Map([["shop", 100]])).map(({ weight }) => weight)).toEqual([50, 25, 25, 100]);
  expect(withinRoom(weights.slice(1), new Map([["shop", 100]]))).toEqual(weights.slice(1));
});

test("only the last step chooses", () => {
  const [first] = experiment(names);
  const state: RolloutState = { ...initialState(first!, 0), phase: "waiting", waiting: "candidates" };
  expect(siblingOf(first!, state).chosen).toBe(false);
  expect(siblingOf(first!, { ...state, step: 0, weight: 25 }).chosen).toBe(true);
});
