/** What a rollout looks like in the API. The compiler holds each shape against the type that is really sent. */
import { z } from "zod";
import { latencyQuantiles, limitActions } from "../../config/rollout-plan.ts";
import { rolloutPhases, rolloutReasons, verdicts, waitReasons } from "../../core/reasons.ts";
import type { ExplainedDecision, RolloutStatus } from "../../rollout/status.ts";
import type { DrillState } from "../../rollout/drill.ts";
import { commandVerbs, type BreakerEvidence, type GateAnswer, type LimitEvidence, type ProbeEvidence, type SplitEvidence, type VariantWindow } from "../../rollout/types.ts";

const count = z.int().min(0);
const millis = z.number().min(0).nullable();
export const percent = z.number().min(0).max(100);
const sinceEpoch = z.number().describe("Milliseconds since 1970.");

const variantWindow: z.ZodType<VariantWindow> = z
  .object({
    requests: count, settled: count, failed: count, errorRate: z.number().min(0).max(1).nullable().describe("failed / settled; null where nothing settled."),
    p50Ms: millis, p95Ms: millis, p99Ms: millis,
  })
  .meta({ id: "VariantWindow", description: "One variant over an interval." });

const limitEvidence: z.ZodType<LimitEvidence> = z
  .object({
    metric: z.enum(["errorRate", "latency", "conversion", "custom", "mirror"]), quantile: z.enum(latencyQuantiles).nullable(), name: z.string().exactOptional(),
    action: z.enum(limitActions), verdict: z.enum(verdicts), bound: z.enum(["relative", "absolute"]),
    candidateValue: z.number().nullable(), baselineValue: z.number().nullable(), limitValue: z.number().nullable().describe("What the candidate may not exceed (not fall below, where lower is worse), in the same unit."),
    margin: z.number(), candidateN: count, baselineN: count, wealth: z.number(), groupWealth: z.number().describe("Held against the threshold."), threshold: z.number(),
    share: z.number(), phi: z.number(), notWorse: z.number().describe("Evidence that the candidate is not worse; 20 and more is healthy."),
  })
  .meta({ id: "LimitEvidence", description: "What the judge knows of one limit." });

const breakerEvidence: z.ZodType<BreakerEvidence> = z
  .object({ tripped: z.boolean(), wealth: z.number(), threshold: z.number(), bound: z.number(), bad: count, ok: count, clients: count })
  .meta({ id: "BreakerEvidence", description: "What the breaker has seen since it was last reset." });

const splitEvidence: z.ZodType<SplitEvidence> = z
  .object({ counts: z.enum(["requests", "cohorts"]), candidate: count, baseline: count, share: z.number(), evidence: z.number(), threshold: z.number(), mismatch: z.boolean() })
  .meta({ id: "SplitEvidence", description: "Whether the variants get what the weights say." });

const command = z.object({ verb: z.enum(commandVerbs), by: z.string(), why: z.string(), verified: z.boolean().exactOptional().describe("Whether a secret or a certificate showed that it was they.") });

const drill: z.ZodType<DrillState> = z
  .object({
    step: z.int().describe("Index of the step that its users came from."), weight: percent, atMs: sinceEpoch, by: z.string(), why: z.string(),
    acknowledgedAfterMs: millis.describe("From the decision until every sidecar ran weight 0; null: not yet, or nobody can tell."), stoppedAfterMs: millis, verifiedAfterMs: millis,
    outcome: z.enum(["underWay", "passed", "failed", "abandoned"]).describe("abandoned: a real rollback took its place."), over: z.boolean().describe("The users are back, or never will be."),
  })
  .meta({ id: "Drill", description: "A rehearsed rollback." });

export const decision: z.ZodType<ExplainedDecision> = z
  .object({
    route: z.string(), candidate: z.string(), revision: z.string(), atMs: sinceEpoch, reason: z.enum(rolloutReasons), from: z.enum(rolloutPhases), to: z.enum(rolloutPhases),
    waiting: z.enum(waitReasons).nullable(), step: z.int(), fromWeight: percent, weight: percent, limit: limitEvidence.nullable(), breaker: breakerEvidence.nullable(),
    split: splitEvidence.exactOptional(), drill: drill.exactOptional(), command: command.nullable(), subject: z.string().nullable().describe("What the reason speaks of, where it is not the candidate."),
    refusal: z.string().nullable(), candidateWindow: variantWindow, baselineWindow: variantWindow, badResponses: count, sentence: z.string().describe("For people."),
  })
  .meta({ id: "Decision", description: "One decision: a transition, or something that was noted or refused without one." });

const probeEvidence: z.ZodType<ProbeEvidence> = z.object({ sent: count, failed: count, goodInRow: count, failedInRow: count }).meta({ id: "ProbeEvidence" });
const gateAnswer: z.ZodType<GateAnswer> = z.object({ target: z.string(), answer: z.enum(["yes", "no", "silent"]), why: z.string() }).meta({ id: "GateAnswer" });

export const rollout: z.ZodType<RolloutStatus> = z
  .object({
    name: z.string(), route: z.string(), baseline: z.string(), candidate: z.string(), revision: z.string(), phase: z.enum(rolloutPhases), waiting: z.enum(waitReasons).nullable(), sinceMs: sinceEpoch,
    step: z.int().min(-1), steps: z.array(percent), weight: percent.describe("The candidate's, in percent."), regionalWeight: percent.exactOptional(), group: z.string().nullable().exactOptional(),
    edition: z.string().nullable().exactOptional(), authors: z.array(z.string()).exactOptional().describe("Who has edited the route's part of the configuration since the revision began: none of them approves it."),
    rollbacks: count.exactOptional(), cooldownUntilMs: sinceEpoch.nullable().exactOptional(), regionsOut: z.array(z.string()).exactOptional(),
    probes: z.object({ candidate: probeEvidence.nullable(), baseline: probeEvidence.nullable() }).exactOptional(), externalGates: z.array(gateAnswer).nullable().exactOptional(),
    drill: drill.nullable().exactOptional().describe("The one that is under way, or else the last one of this revision."), quarantined: z.boolean(), escalated: z.boolean(), windows: z.object({ baseline: variantWindow, candidate: variantWindow }), limits: z.array(limitEvidence), breaker: breakerEvidence,
    split: splitEvidence.nullable().exactOptional(), badResponses: count, exposureBudget: count.nullable(),
    edges: z.object({ generation: count, p95Ms: z.number(), p99Ms: z.number(), lateMs: z.number() }).nullable(),
    decisions: z.array(decision).describe("Newest last."), persisted: z.boolean().describe("False while its state could not be written to the store."),
  })
  .meta({ id: "Rollout", description: "A rollout as it stands." });
