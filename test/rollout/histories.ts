/** Arbitrary evidence and commands for decide: anything that could be observed, in any order. */
import fc from "fast-check";
import type { LimitAction, RolloutPlan } from "../../src/config/rollout-plan.ts";
import { limitActions } from "../../src/config/rollout-plan.ts";
import { commandVerbs, type Evidence, type LimitEvidence, type VariantWindow } from "../../src/rollout/types.ts";
import { plan } from "./world.ts";

const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null, freq: 3 });
const share = fc.double({ min: 0, max: 1, noNaN: true });
const count = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 1_000 }));

const window: fc.Arbitrary<VariantWindow> = fc.record({
  requests: count, settled: count, failed: count, errorRate: maybe(fc.oneof(fc.constant(0.001), share)),
  p50Ms: maybe(fc.integer({ min: 0, max: 500 })), p95Ms: maybe(fc.integer({ min: 0, max: 500 })), p99Ms: maybe(fc.integer({ min: 0, max: 500 })),
});

const limit = (action: LimitAction): fc.Arbitrary<LimitEvidence> =>
  fc.record({
    metric: fc.constant("errorRate" as const), quantile: fc.constant(null), action: fc.constant(action),
    verdict: fc.oneof({ weight: 12, arbitrary: fc.constantFrom("healthy" as const, "inconclusive" as const) }, { weight: 1, arbitrary: fc.constant("breached" as const) }),
    bound: fc.constant("relative" as const), candidateValue: maybe(share), baselineValue: maybe(share), limitValue: maybe(share), margin: share,
    candidateN: count, baselineN: count, wealth: fc.constantFrom(0, 1, 100), groupWealth: fc.constantFrom(0, 1, 100), threshold: fc.constant(200),
    share, phi: fc.constant(1), notWorse: fc.constantFrom(0, 1, 50),
  });

const rarely = (one: number): fc.Arbitrary<boolean> => fc.nat(one).map((x) => x === 0);

const wild: fc.Arbitrary<Evidence> = fc.record({
  candidate: window, baseline: window, baselineEarlier: maybe(window), baselineSinceVerify: window,
  stepCandidateRequests: count, stepBaselineRequests: count, stepCandidateSettled: count,
  candidateQuietMs: fc.constantFrom(0, 300, 1_000, 60_000),
  limits: fc.tuple(...limitActions.map(limit)),
  breaker: fc.record({ tripped: rarely(12), wealth: fc.constantFrom(0, 0.5, 2e4), threshold: fc.constant(1e4), bound: share, bad: count, ok: count, clients: count }),
  badResponses: fc.integer({ min: 0, max: 60 }),
  command: fc.option(fc.record({ verb: fc.constantFrom(...commandVerbs), by: fc.constant("ada"), why: fc.constant("") }), { nil: null, freq: 2 }),
});

const fine: VariantWindow = { requests: 1_000, settled: 1_000, failed: 1, errorRate: 0.001, p50Ms: 10, p95Ms: 20, p99Ms: 30 };

/** A healthy rollout: most of the time nothing happens, or the walk would never get far. */
const calm: fc.Arbitrary<Evidence> = fc
  .record({ evidence: wild, settled: fc.constantFrom(0, 1_000, 1_000, 1_000), trafficless: rarely(15), command: maybe(fc.constantFrom("approve" as const, "resume" as const)), tripped: rarely(20) })
  .map(({ evidence, settled, trafficless, command, tripped }) => ({
    ...evidence,
    candidate: trafficless ? { ...fine, requests: 0 } : fine, baseline: fine, baselineEarlier: fine, baselineSinceVerify: fine,
    stepCandidateSettled: settled, candidateQuietMs: 1_000,
    limits: evidence.limits.map((each) => ({ ...each, verdict: "healthy" as const, groupWealth: 0, wealth: 0, notWorse: 50 })),
    breaker: { ...evidence.breaker, tripped, wealth: 0.5, ok: 100 },
    badResponses: 0, command: command === null ? null : { verb: command, by: "ada", why: "looked at it" },
  }));

const evidence = fc.oneof({ weight: 25, arbitrary: calm }, { weight: 1, arbitrary: wild });

/** One call: the time since the last one, what is configured then, and what is seen. */
export interface Turning {
  readonly afterMs: number;
  readonly plan: RolloutPlan;
  readonly evidence: Evidence;
}

const plans: fc.Arbitrary<RolloutPlan> = fc
  .record({
    revision: fc.oneof({ weight: 60, arbitrary: fc.constant("r1") }, { weight: 1, arbitrary: fc.constantFrom("r2", "r3") }),
    steps: fc.oneof({ weight: 60, arbitrary: fc.constant([1, 10, 50, 100]) }, { weight: 1, arbitrary: fc.constantFrom([5], [1, 100], [1, 2, 3, 4, 5, 100]) }),
    approval: fc.nat(5),
    paused: rarely(60),
    action: fc.constantFrom("probe" as const, "rollback" as const),
    exposureBudget: fc.constantFrom(null, 59),
  })
  .map(({ revision, steps, approval, paused, action, exposureBudget }) =>
    plan({
      revision, paused, exposureBudget, bakeMs: 30_000, breaker: { action },
      steps: steps.map((weight, i) => ({ weight, dwellMs: 10_000, minRequests: 50, approval: i === approval, evidence: i === 1 })),
    }),
  );

export const history: fc.Arbitrary<Turning[]> = fc.array(
  fc.record({ afterMs: fc.constantFrom(100, 1_000, 6_000, 40_000), plan: plans, evidence }),
  { minLength: 1, maxLength: 120, size: "max" },
);
