/** A number that the service sends, in the simulated world: with the real controller, judge and recorders. */
import { describe, expect, test } from "vitest";
import { defaultLimits, type CustomLimit, type RolloutPlan } from "../../src/config/rollout-plan.ts";
import { replay } from "../../src/rollout/replay.ts";
import { plan, World, type WorldOptions } from "./world.ts";

const limit = (changes: Partial<CustomLimit> = {}): CustomLimit => ({
  metric: "custom", name: "results", header: "x-results", worse: "lower", action: "rollback", margin: 0.1, scope: "everywhere", prove: false, ...changes,
});
const steps: RolloutPlan["steps"] = [10, 50, 100].map((weight) => ({ weight, dwellMs: 60_000, minRequests: 50, approval: false }));

/** Both send lognormal numbers around 40. */
async function world(changes: Partial<CustomLimit>, options: Partial<WorldOptions> = {}, parts: Partial<RolloutPlan> = {}): Promise<World> {
  const made = new World({ requestsPerSecond: 400, seed: 3, ...options });
  const of = limit(changes);
  made.worse = of.worse;
  made.baseline.number = made.candidate.number = () => 40 * Math.exp(0.6 * made.normal());
  await made.configure(plan({ steps, limits: [...defaultLimits, of], ...parts }));
  return made;
}

const worsen = (w: World, times: number): void => void (w.candidate.number = () => times * 40 * Math.exp(0.6 * w.normal()));

describe("a rollout with a custom limit", () => {
  test.each([["lower", 0.7], ["higher", 1.4]] as const)("goes back when its numbers are worse (%s), says so, and leaves a record that comes out the same", async (worse, times) => {
    const w = await world({ worse });
    await w.run(5);
    worsen(w, times);
    await w.until("limitBreached", 60);
    expect(w.weight).toBe(0);
    expect(w.sent.candidate).toBeLessThan(800);
    const { sentence, limit: spoke } = w.decisions.find(({ reason }) => reason === "limitBreached")!;
    expect(sentence).toMatch(/custom metric 'results' [\d.]+ beside the baseline's [\d.]+, limit [\d.]+; evidence/);
    expect(spoke).toMatchObject({ metric: "custom", name: "results", phi: 1, margin: 0.1 });
    expect(spoke!.baselineValue).toBeGreaterThan(35);
    expect(spoke!.baselineValue).toBeLessThan(46);
    expect(spoke!.limitValue! / spoke!.baselineValue!).toBeCloseTo(worse === "higher" ? 1.1 : 1 / 1.1, 6);
    expect(w.store.audit.map((record) => replay(record).outcome)).toEqual(w.store.audit.map(() => "same"));
  });

  test("goes back on a route with users, each of whom counts once", async () => {
    const w = await world({}, { users: 60_000 });
    worsen(w, 0.7);
    await w.until("limitBreached", 60);
    expect(w.weight).toBe(0);
  });

  test.each([1, 2, 3])("goes on when they are alike, and when the other way is better (seed %d)", async (seed) => {
    const w = await world({}, { seed, ...(seed === 2 ? { users: 60_000 } : {}) });
    if (seed === 3) worsen(w, 1.5);
    await w.until("stepCompleted", 61);
    await w.until("stepCompleted", 61);
    expect(w.reasons()).toEqual(["started", "stepCompleted", "stepCompleted"]);
  });

  test("is not accused for what its users are like, who ask all the time", async () => {
    // Each has a number of their own, so a hundred requests of one user are no hundred numbers.
    for (let seed = 1; seed <= 12; seed++) {
      const w = await world({ margin: 0.02 }, { seed, users: 400 }, { steps: steps.map((step, i) => (i === 0 ? { ...step, weight: 30, dwellMs: 120_000 } : step)) });
      const of = Array.from({ length: 400 }, () => 40 * Math.exp(0.8 * w.normal()));
      w.baseline.number = w.candidate.number = (user) => of[user]!;
      await w.run(60);
      expect(w.reasons()).toEqual(["started"]);
    }
  });

  test("waits until it has shown that they are not worse, where the limit asks for that", async () => {
    const w = await world({ prove: true, margin: 0.3 }, {}, { steps: steps.map((step, i) => (i === 0 ? { ...step, dwellMs: 1_000, evidence: true } : step)) });
    await w.until("awaitingEvidence", 20);
    await w.until("stepCompleted", 60);
    expect(w.decisions.at(-1)!.sentence).toContain("it has been shown to be not worse");
  });
});
