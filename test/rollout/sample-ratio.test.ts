/** Who gets what, held against the weights: in the simulated world, with the real controller, judge and recorders. */
import { describe, expect, test } from "vitest";
import type { RolloutPlan } from "../../src/config/rollout-plan.ts";
import { seededRandom } from "../../src/core/random.ts";
import { newCohortBits, CohortSet } from "../../src/observe/cohort-set.ts";
import { SeriesRecorder, type Sample } from "../../src/observe/recorder.ts";
import { Slab } from "../../src/observe/slab.ts";
import { replay } from "../../src/rollout/replay.ts";
import { SplitWatch } from "../../src/rollout/split-watch.ts";
import { plan, World, type WorldOptions } from "./world.ts";

const steps: RolloutPlan["steps"] = [10, 50, 100].map((weight) => ({ weight, dwellMs: 30_000, minRequests: 50, approval: false }));

async function world(options: Partial<WorldOptions>, changes: Partial<RolloutPlan> = {}): Promise<World> {
  const made = new World({ requestsPerSecond: 500, seed: 11, ...options });
  await made.configure(plan({ steps, ...changes }));
  return made;
}

const threeInTen = (user: number): boolean => user % 10 < 3;

describe("a version that does not get what its weight says", () => {
  test.each(["candidate", "baseline"] as const)("holds the rollout and says why, where three in ten requests of the %s are lost", async (side) => {
    const w = await world({});
    w.lost = (of, user) => of === side && threeInTen(user);
    await w.until("sampleRatioMismatch", 60);
    await w.run(30);
    expect(w.weight).toBe(10);
    expect(w.controller.status()[0]).toMatchObject({ phase: "waiting", waiting: "sampleRatio", split: { counts: "requests", mismatch: true, share: 0.1 } });
    expect(w.decisions.at(-1)!.sentence).toMatch(/^shop: v2 is held at 10%: it got \d+ of \d+ requests, which is [\d.]+% where its weight says 10%/);
  });

  test.each(["candidate", "baseline"] as const)("holds it where three in ten users of the %s are lost, although busy users would hide it", async (side) => {
    const w = await world({ users: 20_000 }, { steps: steps.map((step) => ({ ...step, dwellMs: 120_000 })) });
    w.lost = (of, user) => of === side && threeInTen(user);
    await w.until("sampleRatioMismatch", 120);
    expect(w.decisions.at(-1)!.sentence).toMatch(/of \d+ cohorts/);
    expect(w.store.audit.map((record) => replay(record).outcome)).toEqual(w.store.audit.map(() => "same"));
  });

  test("is rolled back all the same when it fails, and by a person", async () => {
    const w = await world({});
    w.lost = (of, user) => of === "candidate" && threeInTen(user);
    await w.until("sampleRatioMismatch", 60);
    w.candidate.errors = 1;
    await w.until("breakerTripped", 2);
    expect(w.weight).toBe(0);

    const other = await world({});
    other.lost = w.lost;
    await other.until("sampleRatioMismatch", 60);
    expect(other.controller.command("shop", { verb: "rollback", by: "ada", why: "" })).toMatchObject({ outcome: "accepted" });
  });

  test("does not hold where the configuration does not ask", async () => {
    const w = await world({}, { sampleRatio: false });
    w.lost = (of, user) => of === "candidate" && threeInTen(user);
    await w.until("stepCompleted", 60);
    expect(w.reasons()).toEqual(["started", "stepCompleted"]);
    expect(w.weight).toBe(50);
  });

  test("may go on when a person promotes it, and is counted anew under the next weight", async () => {
    const w = await world({});
    w.lost = (of, user) => of === "candidate" && threeInTen(user);
    await w.until("sampleRatioMismatch", 60);
    w.lost = () => false;
    expect(w.controller.command("shop", { verb: "promote", by: "ada", why: "the load balancer was mended" })).toMatchObject({ outcome: "accepted" });
    await w.until("stepCompleted", 40);
  });
});

test.each([undefined, 3_000])("a version that gets what its weight says is not held (users: %s)", async (users) => {
  const w = await world(users === undefined ? {} : { users });
  await w.until("baked", 200);
  expect(w.reasons()).toEqual(["started", "stepCompleted", "stepCompleted", "bakeStarted", "baked"]);
});

describe("what is counted", () => {
  /** One watch on counts alone, without a judge: seconds of a hundred thousand users take a moment. */
  function watched(counts: "requests" | "cohorts") {
    const slab = new Slab(1);
    const recorder = (name: string): SeriesRecorder => new SeriesRecorder(slab.pages[0]!, slab.slotOf("shop", name), 0);
    const recorders = { baseline: recorder("v1"), candidate: recorder("v2") };
    const reader = (name: string) => slab.reader(slab.slotOf("shop", name));
    const watch = new SplitWatch(reader("v1"), reader("v2"), { baseline: "v1", candidate: "v2" });
    const split = (weight: number, epoch = 1) => ({ epoch, counts, shares: { v1: 1 - weight, v2: weight } });
    const sample: Sample = { row: -1, second: 0, counted: 0, shard: 0 };
    let seen = new CohortSet(newCohortBits());
    return {
      watch, split,
      anew: () => (seen = new CohortSet(newCohortBits())),
      send(side: "baseline" | "candidate", second: number, client: number) {
        recorders[side].dispatched(sample, second, 0, true);
        if (counts === "cohorts" && seen.add(client)) recorders[side].cohortSeen(sample);
      },
    };
  }

  test.each([["requests", 0.05], ["cohorts", 0.05], ["cohorts", 0.5]] as const)("is in order in all of 300 runs of two minutes where nothing is lost (%s, %d)", (counts, weight) => {
    let held = 0;
    for (let seed = 1; seed <= 300; seed++) {
      const random = seededRandom(seed);
      const w = watched(counts);
      const variants = Array.from({ length: 4_000 }, () => (random() < weight ? ("candidate" as const) : ("baseline" as const)));
      let mismatch = false;
      for (let second = 1_000; second < 1_120; second++) {
        w.watch.tick(second * 1000, w.split(weight));
        for (let i = 0; i < 100; i++) {
          // A few users make most of the requests.
          const user = Math.floor(4_000 * random() ** 3);
          const side = counts === "cohorts" ? variants[user]! : random() < weight ? "candidate" : "baseline";
          w.send(side, second, Math.imul(user + 1, 0x9e3779b1) >>> 0);
        }
        mismatch ||= w.watch.evidence?.mismatch === true;
      }
      if (mismatch) held++;
    }
    // The promise is one in a thousand.
    expect(held).toBeLessThanOrEqual(2);
  });

  test("is not the second that runs when the weights change, nor anything before every thread runs the new ones", () => {
    const w = watched("requests");
    w.watch.tick(10_000_100, w.split(0.5));
    // What the old weights gave in the same second, and after it on a thread that had not heard of them.
    for (let i = 0; i < 500; i++) w.send("baseline", 10_000, i);
    w.watch.tick(10_001_500, null);
    for (let i = 0; i < 500; i++) w.send("baseline", 10_001, i);
    w.watch.tick(10_001_900, w.split(0.5, 2));
    for (let i = 0; i < 1_000; i++) w.send(i % 2 === 0 ? "baseline" : "candidate", 10_002, i);
    w.watch.tick(10_003_400, w.split(0.5, 2));
    expect(w.watch.evidence).toMatchObject({ baseline: 500, candidate: 500, mismatch: false });
  });

  test("says nothing of a version that has nothing or everything, though a request that was on its way still arrives", () => {
    for (const weight of [0, 1]) {
      const w = watched("requests");
      w.watch.tick(10_000_100, w.split(weight));
      w.send("baseline", 10_001, 1);
      w.send("candidate", 10_001, 2);
      w.watch.tick(10_003_000, w.split(weight));
      expect(w.watch.evidence).toBeNull();
    }
  });

  test("stops growing when the cohorts' memory is full, and does not hold for that", () => {
    const w = watched("cohorts");
    w.watch.tick(10_000_100, w.split(0.2));
    let client = 0;
    const random = seededRandom(5);
    for (let second = 10_001; second < 10_031; second++) {
      for (let i = 0; i < 20_000; i++) w.send(random() < 0.2 ? "candidate" : "baseline", second, (client = (client + 0x9e3779b1) >>> 0));
      w.watch.tick((second + 1) * 1000 + 300, w.split(0.2));
    }
    const { baseline, candidate, mismatch } = w.watch.evidence!;
    expect(baseline + candidate).toBeLessThanOrEqual(65_536);
    expect(baseline + candidate).toBeGreaterThan(60_000);
    expect(mismatch).toBe(false);
  });
});

test("threads that share a set of cohorts count each cohort once", () => {
  const bits = newCohortBits();
  const sets = [new CohortSet(bits), new CohortSet(bits)];
  let first = 0;
  for (let i = 0; i < 4_000; i++) for (const set of sets) if (set.add(Math.imul(i, 0x85ebca6b) >>> 0)) first++;
  expect(first).toBeLessThanOrEqual(4_000);
  expect(first).toBeGreaterThan(3_800);
});
