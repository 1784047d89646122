/** Conversion limits: through the functions that judge in production, over counts and over a simulated world. */
import { describe, expect, test } from "vitest";
import { defaultLimits, type ConversionLimit, type RolloutPlan } from "../../src/config/rollout-plan.ts";
import { replay } from "../../src/rollout/replay.ts";
import { conversionLimit as limit, conversionsUntilBreach as judged } from "../../scripts/conversion-table.ts";
import { median } from "../judge/simulation.ts";
import { plan, World, type WorldOptions } from "./world.ts";

describe("a conversion limit, by the functions that judge in production", () => {
  test("finds a drop of 20% at a weight of 10%", () => {
    const found = Array.from({ length: 20 }, (_, i) => judged({ seed: i + 1, weight: 0.1, left: 0.8, hours: 2 }));
    expect(found.filter((one) => one === null)).toEqual([]);
    expect(median(found as number[])).toBeLessThan(20_000);
  });

  test("finds half of the conversions gone within some hundreds, and all of them sooner", () => {
    const of = (left: number): number => median(Array.from({ length: 20 }, (_, i) => judged({ seed: i + 1, weight: 0.1, left, hours: 1 }) ?? Number.POSITIVE_INFINITY));
    expect(of(0.5)).toBeLessThan(1_600);
    expect(of(0)).toBeLessThan(350);
  });

  test.each([0.01, 0.1, 0.5])("does not convict one of 40 equal candidates in an hour at a weight of %d", (weight) => {
    expect(Array.from({ length: 40 }, (_, i) => judged({ seed: i + 1, weight, left: 1, hours: 1 })).filter((one) => one !== null)).toEqual([]);
  });

  test("does not convict one that converts 4% less, which it allows", () => {
    expect(Array.from({ length: 20 }, (_, i) => judged({ seed: i + 1, weight: 0.5, left: 0.96, hours: 1 })).filter((one) => one !== null)).toEqual([]);
  });
});

const steps: RolloutPlan["steps"] = [50, 100].map((weight) => ({ weight, dwellMs: 300_000, minRequests: 50, approval: false }));

async function world(changes: Partial<ConversionLimit>, options: Partial<WorldOptions> = {}, parts: Partial<RolloutPlan> = {}): Promise<World> {
  const made = new World({ requestsPerSecond: 400, seed: 5, users: 60_000, ...options });
  await made.configure(plan({ steps, limits: [...defaultLimits, limit(changes)], ...parts }));
  return made;
}

describe("a rollout with a conversion limit", () => {
  test("goes back when its users convert half as often, says so, and leaves a record that comes out the same", async () => {
    const w = await world({});
    w.baseline.converts = 0.1;
    w.candidate.converts = 0.05;
    await w.until("limitBreached", 200);
    expect(w.weight).toBe(0);
    expect(w.decisions.find(({ reason }) => reason === "limitBreached")!.sentence).toMatch(/conversion 'checkout' [\d.]+% beside the baseline's [\d.]+%, limit [\d.]+%/);
    const { limit: spoke } = w.store.audit.find(({ reason }) => reason === "limitBreached")!;
    expect(spoke).toMatchObject({ metric: "conversion", name: "checkout", phi: 1 });
    expect(spoke!.limitValue).toBeCloseTo(spoke!.baselineValue! / 1.05, 9);
    expect(w.store.audit.map((record) => replay(record).outcome)).toEqual(w.store.audit.map(() => "same"));
  });

  test("goes on when they convert as often", async () => {
    const w = await world({});
    w.baseline.converts = w.candidate.converts = 0.1;
    await w.until("stepCompleted", 310);
    const status = w.controller.status()[0]!.limits.at(-1)!;
    expect(w.reasons()).toEqual(["started", "stepCompleted"]);
    expect(status).toMatchObject({ metric: "conversion", name: "checkout" });
  });

  test("is not blamed for users that never reached it", async () => {
    const w = await world({}, {}, { sampleRatio: false });
    w.baseline.converts = w.candidate.converts = 0.1;
    w.lost = (side, user) => side === "candidate" && user % 2 === 0;
    await w.until("stepCompleted", 310);
    expect(w.reasons()).toEqual(["started", "stepCompleted"]);
  });

  test("waits until it has shown that it converts no worse, where the limit asks for that", async () => {
    const w = await world({ prove: true, relative: 1.5 }, {}, { steps: steps.map((step, i) => (i === 0 ? { ...step, dwellMs: 1_000, evidence: true } : step)) });
    w.baseline.converts = w.candidate.converts = 0.1;
    await w.until("awaitingEvidence", 20);
    await w.until("stepCompleted", 100);
    expect(w.decisions.at(-1)!.sentence).toContain("it has been shown to be not worse");
  });
});
