/** Arbitrary evidence and commands for decide: anything that could be observed, in any order. */
import fc from "fast-check";
import type { FreezeWindow, LimitAction, RolloutPlan } from "../../src/config/rollout-plan.ts";
import { inconclusiveActions, limitActions } from "../../src/config/rollout-plan.ts";
import { rolloutPhases } from "../../src/core/reasons.ts";
import { commandVerbs, type Evidence, type GateAnswer, type LimitEvidence, type ProbeEvidence, type Surroundings, type VariantWindow } from "../../src/rollout/types.ts";
import { defaultMirrorLimit } from "../../src/config/rollout-plan.ts";
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

const askew = { counts: "cohorts", candidate: 60, baseline: 900, share: 0.1, evidence: 2_000, threshold: 1_000, mismatch: true } as const;

const rarely = (one: number): fc.Arbitrary<boolean> => fc.nat(one).map((x) => x === 0);

const probes: fc.Arbitrary<ProbeEvidence | null> = maybe(
  fc.record({ sent: fc.constant(9), failed: fc.integer({ min: 0, max: 9 }), goodInRow: fc.constantFrom(0, 2, 9), failedInRow: fc.constantFrom(0, 0, 2, 4) }),
);

const gateAnswers: fc.Arbitrary<readonly GateAnswer[]> = fc.constantFrom([], ...(["yes", "no", "silent"] as const).map((answer) => [{ target: "calendar", answer, why: "" }]));

const wildAround: fc.Arbitrary<Surroundings> = fc.record({
  region: fc.constantFrom(null, "eu", "us"),
  partitioned: rarely(3),
  peers: fc.array(fc.record({ route: fc.constant("cart"), phase: fc.constantFrom(...rolloutPhases), rank: fc.integer({ min: -1, max: 5 }), ready: fc.boolean() }), { maxLength: 2 }),
  candidateProbes: probes, baselineProbes: probes, externalGates: gateAnswers,
  shown: fc.array(fc.boolean(), { minLength: limitActions.length, maxLength: limitActions.length }),
  acknowledgedAfterMs: fc.constantFrom(undefined, null, 80, 80),
});

const calmAround: fc.Arbitrary<Surroundings> = fc
  .record({ around: wildAround, cut: rarely(20), waits: rarely(12), gone: rarely(120), unprobed: rarely(4), shut: rarely(3) })
  .map(({ around, cut, waits, gone, unprobed, shut }) => ({
    ...around, partitioned: cut, region: "eu", shown: limitActions.map(() => false),
    peers: [{ route: "cart", phase: gone ? ("rollingBack" as const) : ("progressing" as const), rank: 99, ready: true }].map((peer) => (waits ? { ...peer, rank: -1 } : peer)),
    candidateProbes: unprobed ? null : { sent: 9, failed: 0, goodInRow: 9, failedInRow: 0 }, baselineProbes: null,
    ...(shut ? {} : { externalGates: [{ target: "calendar", answer: "yes" as const, why: "" }] }),
  }));

const wild: fc.Arbitrary<Evidence> = fc.record({
  around: fc.option(wildAround, { nil: undefined }),
  candidate: window, baseline: window, baselineEarlier: maybe(window), baselineSinceVerify: window,
  stepCandidateRequests: count, stepBaselineRequests: count, stepCandidateSettled: count,
  candidateQuietMs: fc.constantFrom(0, 300, 1_000, 60_000),
  limits: fc.tuple(...limitActions.map(limit)),
  breaker: fc.record({ tripped: rarely(12), wealth: fc.constantFrom(0, 0.5, 2e4), threshold: fc.constant(1e4), bound: share, bad: count, ok: count, clients: count }),
  badResponses: fc.integer({ min: 0, max: 60 }),
  split: maybe(rarely(4).map((mismatch) => ({ ...askew, evidence: mismatch ? 2_000 : 1, mismatch }))),
  command: fc.option(fc.record({ verb: fc.constantFrom(...commandVerbs), by: fc.constantFrom("ada", "grace"), why: fc.constantFrom("", "fixed by hand") }), { nil: null, freq: 2 }),
});

const down: VariantWindow = { requests: 1_000, settled: 1_000, failed: 400, errorRate: 0.4, p50Ms: 10, p95Ms: 20, p99Ms: 30 };
const fine: VariantWindow = { requests: 1_000, settled: 1_000, failed: 1, errorRate: 0.001, p50Ms: 10, p95Ms: 20, p99Ms: 30 };

/** A healthy rollout: most of the time nothing happens, or the walk would never get far. */
export const calm: fc.Arbitrary<Evidence> = fc
  .record({
    evidence: wild, settled: fc.constantFrom(0, 1_000, 1_000, 1_000), trafficless: rarely(15), outage: rarely(25), mismatched: rarely(60), tripped: rarely(40), breached: rarely(60), unshown: rarely(5), spent: rarely(80), unrecovered: fc.nat(3).map((x) => x > 0),
    command: maybe(fc.constantFrom("approve" as const, "resume" as const, "override" as const, "drill" as const)), around: calmAround, by: fc.constantFrom("ada", "grace", "edsger@desk"),
  })
  .map(({ evidence, by, settled, trafficless, outage, mismatched, command, tripped, breached, unshown, spent, unrecovered, around }) => ({
    ...evidence, around, split: mismatched ? askew : null,
    candidate: trafficless ? { ...fine, requests: 0 } : outage ? down : fine, baseline: outage ? down : fine, baselineEarlier: fine, baselineSinceVerify: unrecovered ? down : fine,
    stepCandidateSettled: settled, candidateQuietMs: 1_000,
    limits: evidence.limits.map((each, i) => ({ ...each, verdict: breached && i === 0 ? ("breached" as const) : ("healthy" as const), groupWealth: 0, wealth: 0, notWorse: unshown ? 1 : 50 })),
    breaker: { ...evidence.breaker, tripped, wealth: 0.5, ok: 100 },
    badResponses: spent ? 60 : 0, command: command === null ? null : { verb: command, by, why: "looked at it" },
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
    revision: fc.oneof({ weight: 3, arbitrary: fc.constant("r1") }, { weight: 1, arbitrary: fc.constantFrom("r2", "r3") }),
    steps: fc.oneof({ weight: 2, arbitrary: fc.constant([1, 10, 50, 100]) }, { weight: 1, arbitrary: fc.constantFrom([5], [1, 100], [2, 20, 60, 100], [1, 2, 3, 4, 5, 100]) }),
    approval: fc.nat(5),
    paused: rarely(8),
    action: fc.constantFrom("probe" as const, "rollback" as const),
    exposureBudget: fc.constantFrom(null, 59),
    frozen: fc.nat(3), inconclusive: fc.option(fc.constantFrom(...inconclusiveActions), { nil: null, freq: 4 }), inRegion: rarely(3), probed: rarely(4), mirrored: rarely(4), gated: fc.nat(5), grouped: fc.boolean(),
  })
  .map(({ revision, steps, approval, paused, action, exposureBudget, frozen, inconclusive, inRegion, probed, mirrored, gated, grouped }) =>
    plan({
      revision, paused, exposureBudget, bakeMs: 30_000, breaker: { action },
      steps: steps.map((weight, i) => ({
        weight, dwellMs: 10_000, minRequests: i === 2 && probed ? 0 : 50, approval: i === approval, evidence: i === 1 || i === 2, early: i === 2, probes: probed ? 5 : 0, mirrored: mirrored && i === 0, externalGates: i === gated ? ["calendar"] : [],
      })),
      limits: plan().limits.map((each, i) => (mirrored && i === 4 ? defaultMirrorLimit : inRegion && i === 0 ? { ...each, scope: "inRegion" as const } : each)),
      freeze: frozen === 0 ? freeze : [], inconclusive: inconclusive === null ? null : { afterMs: 20_000, action: inconclusive },
      cooldown: { firstMs: 60_000, maxMs: 600_000 }, regions: [{ region: "us", weightMax: 5 }], group: grouped ? "checkout" : null,
    }),
  );

/** Four minutes of every hour's first quarter, and a date. History begins on 1970-01-01 at 00:00 UTC. */
const freeze: readonly FreezeWindow[] = [
  { kind: "weekly", name: "lunch", days: [0, 1, 2, 3, 4, 5, 6], fromMinute: 6, toMinute: 10, timezone: "UTC" },
  { kind: "dates", name: "holiday", from: "1970-01-01T00:40", to: "1970-01-01T00:44", timezone: "UTC" },
];

/** The same, told another way. */
export const frozenAt = (atPlan: RolloutPlan, nowMs: number): boolean => {
  const minute = nowMs / 60_000;
  return (atPlan.freeze ?? []).length > 0 && ((minute >= 6 && minute < 10) || (minute >= 40 && minute < 44));
};

const documented = (seen: Evidence, document: NonNullable<Surroundings["document"]>): Evidence => (seen.around === undefined ? seen : { ...seen, around: { ...seen.around, document } });

/** A plan stays for a while: a rollout gets somewhere under it before the next one comes. */
const stretch: fc.Arbitrary<Turning[]> = fc
  .record({
    plan: plans,
    document: fc.record({ edition: fc.constantFrom("e1", "e1", "e2", "e3"), by: fc.constantFrom([], [], ["grace"], ["Ada@laptop"], ["edsger", "grace"]) }),
    turns: fc.array(fc.record({ afterMs: fc.constantFrom(100, 1_000, 6_000, 6_000, 40_000, 70_000), evidence }), { minLength: 1, maxLength: 40, size: "max" }),
  })
  .map(({ plan: of, turns, document }) => turns.map((turn) => ({ ...turn, plan: of, evidence: documented(turn.evidence, document) })));

export const history: fc.Arbitrary<Turning[]> = fc.array(stretch, { minLength: 1, maxLength: 6, size: "max" }).map((stretches) => stretches.flat());
