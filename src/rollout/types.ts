/**
 * What `decide` reads and writes: plain data, JSON all through, so that a decision can be stored, audited and replayed. Times are milliseconds on the
 * controller's line (wall time at its start plus monotonic time since): it never jumps within a process and goes on across restarts.
 */
import type { LatencyQuantile, LimitAction, LimitPlan, RolloutPlan } from "../config/rollout-plan.ts";
import type { RolloutPhase, RolloutReason, Verdict, WaitReason } from "../core/reasons.ts";
import type { DrillState } from "./drill.ts";
import type { Surroundings } from "./surroundings-types.ts";

export type { GateAnswer, Peer, ProbeEvidence, Sibling, Surroundings } from "./surroundings-types.ts";

export interface RolloutState {
  readonly version: 1;
  readonly route: string;
  readonly candidate: string;
  /** The candidate revision that this state is about. */
  readonly revision: string;
  readonly phase: RolloutPhase;
  /** Set exactly while `phase` is `waiting`. */
  readonly waiting: WaitReason | null;
  /** What a pause interrupted; set exactly while `phase` is `paused`. */
  readonly paused: PausedState | null;
  /** Index into the plan's steps; -1 before the first. */
  readonly step: number;
  /** The candidate's weight in percent. */
  readonly weight: number;
  /** Since when in this phase. */
  readonly sinceMs: number;
  /** Since when at this step's weight: what dwell and bake are counted from. */
  readonly stepSinceMs: number;
  /** Since when the last step is watched for the bake time; null before. */
  readonly bakeSinceMs: number | null;
  /** Breaker trips in this rollout. */
  readonly trips: number;
  /** `cooling`: weight 0 after a trip; `probing`: the probe's weight. Set exactly while waiting for the probe. */
  readonly probe: "cooling" | "probing" | null;
  /** How often a limit shrank this rollout: each doubles the next dwell. */
  readonly shrinks: number;
  /** Steps up to this index may be entered without asking; -1: none. */
  readonly approvedStep: number;
  /** Of the route, as far as it was decided on; null: none yet. */
  readonly edition: string | null;
  /** Who has had a hand in it since its revision began, oldest first. None of them approves it. */
  readonly authors: readonly string[];
  /** Bad candidate responses of this rollout so far: what the exposure budget caps. */
  readonly badResponses: number;
  /** Candidate revisions that were rolled back, oldest first, at most 256: over it, the oldest is forgotten. */
  readonly quarantined: readonly string[];
  /** Rollbacks since the last success, of any revision: each doubles the cooldown. */
  readonly rollbacks: number;
  /** Nothing starts before; null: at once. */
  readonly cooldownUntilMs: number | null;
  /** Regions whose users were taken away by a limit that acts in its region; the rollout goes on elsewhere. */
  readonly regionsOut: readonly string[];
  /** Why the rollout went back; null while it has not. */
  readonly rolledBackFor: RolloutReason | null;
  /** The route did not recover after the rollback: the cause is elsewhere. */
  readonly escalated: boolean;
  /** The last drill of this candidate; absent: there was none. */
  readonly drill?: DrillState;
  /** Somebody has promoted it, and it waits for the room; absent: nobody has. */
  readonly promoted?: true;
}

export interface PausedState {
  /** `inconclusive`: the step's time was up. */
  readonly by: "command" | "limit" | "plan" | "inconclusive" | "drill";
  readonly phase: "pending" | "progressing" | "waiting" | "baking";
  readonly waiting: WaitReason | null;
}

/** One variant over an interval. */
export interface VariantWindow {
  /** Dispatched. */
  readonly requests: number;
  /** Outcomes known, failed ones included. */
  readonly settled: number;
  readonly failed: number;
  /** failed / settled, 0 ... 1; null where nothing settled. */
  readonly errorRate: number | null;
  /** First-byte quantiles in milliseconds; null where nothing was answered. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
}

/** What the judge knows of one limit: enough to understand the verdict and to recompute it. */
export interface LimitEvidence {
  readonly metric: LimitPlan["metric"];
  readonly quantile: LatencyQuantile | null;
  /** Of a limit that has one. */
  readonly name?: string;
  readonly action: LimitAction;
  readonly verdict: Verdict;
  /** The bound that speaks: relative to the concurrent baseline, or absolute. */
  readonly bound: "relative" | "absolute";
  /** Error share, or milliseconds, of both over the last 10 s; conversions for each cohort since the weights last changed; the median of a custom metric over the last 10 to 20 s; null without data. */
  readonly candidateValue: number | null;
  readonly baselineValue: number | null;
  /** What the candidate may not exceed (not fall below, where lower is worse), in the same unit; null without baseline data. */
  readonly limitValue: number | null;
  readonly margin: number;
  /** Outcomes known of both over the last 10 s; cohorts since the weights last changed. */
  readonly candidateN: number;
  readonly baselineN: number;
  /** This limit's weighted evidence, share x S (JUDGE 3), with strata still in flight counted for the candidate. */
  readonly wealth: number;
  /** Sum of the weighted evidence of all limits with the same action: what is held against the threshold. */
  readonly groupWealth: number;
  /** 2 / alpha. */
  readonly threshold: number;
  readonly share: number;
  readonly phi: number;
  /** Evidence that the candidate is not worse (JUDGE 6); 20 and more is `healthy`. */
  readonly notWorse: number;
}

export interface BreakerEvidence {
  readonly tripped: boolean;
  readonly wealth: number;
  readonly threshold: number;
  /** The error share that the wealth bets against; the breaker is off at 0.8 and more (JUDGE 5). */
  readonly bound: number;
  /** Candidate outcomes since the breaker was last reset. */
  readonly bad: number;
  readonly ok: number;
  /** Distinct cohort shards (of 128) with a bad outcome lately: a lower bound on the clients. */
  readonly clients: number;
}

/** Whether the variants get what the weights say (JUDGE 7). */
export interface SplitEvidence {
  readonly counts: "requests" | "cohorts";
  /** Given to each since the weights last changed. */
  readonly candidate: number;
  readonly baseline: number;
  /** The candidate's share of both by the split, in (0, 1). */
  readonly share: number;
  /** E, 0 ... 1e12: odds against the split. */
  readonly evidence: number;
  readonly threshold: number;
  /** From the threshold on, until the evidence is below 1 again. */
  readonly mismatch: boolean;
}

export interface Evidence {
  /** The last 10 s. */
  readonly candidate: VariantWindow;
  readonly baseline: VariantWindow;
  /** The baseline before the candidate got traffic, or as far back as it is known; null without any. */
  readonly baselineEarlier: VariantWindow | null;
  /** The baseline since the rollback began to be verified. */
  readonly baselineSinceVerify: VariantWindow;
  /** Requests since the step's weight was given. */
  readonly stepCandidateRequests: number;
  readonly stepBaselineRequests: number;
  /** Candidate outcomes known since then. */
  readonly stepCandidateSettled: number;
  /** How long no candidate request was dispatched; counted from the last change of the weight at the earliest. */
  readonly candidateQuietMs: number;
  /** Aligned with the plan's limits. */
  readonly limits: readonly LimitEvidence[];
  readonly breaker: BreakerEvidence;
  /** Bad candidate responses of this rollout, restarts included. */
  readonly badResponses: number;
  readonly command: Command | null;
  /** Null or absent: nothing to compare, or it is not asked. */
  readonly split?: SplitEvidence | null;
  /** Cohorts that got the candidate since the weights last changed, on this sidecar; null or absent: not known. Nothing is decided by it. */
  readonly candidateCohorts?: number | null;
  /** What surrounds the rollout; absent: nothing that matters (`alone` in surroundings.ts). */
  readonly around?: Surroundings;
}

export const commandVerbs = ["pause", "resume", "rollback", "promote", "approve", "override", "drill"] as const;
export type CommandVerb = (typeof commandVerbs)[number];

export interface Command {
  readonly verb: CommandVerb;
  /** Who asked. */
  readonly by: string;
  /** Their own words; may be empty. */
  readonly why: string;
  /** Whether a secret or a certificate showed that it was they; absent: it is not known. */
  readonly verified?: boolean;
}

/** What the controller does for a decision, in order. */
export type Effect =
  /** Make a snapshot in which the candidate has this weight, in percent. */
  | { readonly kind: "setWeight"; readonly weight: number }
  /** The step's evidence starts over: its request count, and its injection into the wealth. */
  | { readonly kind: "beginStep"; readonly step: number }
  /** All evidence starts over: the candidate is another one, or a decision has used it up. */
  | { readonly kind: "resetEvidence" }
  /** Another candidate: what the old one cost is forgotten, and so is the verification of its rollback. */
  | { readonly kind: "beginCandidate" }
  /** This limit's evidence has been acted on: its wealth starts from nothing. */
  | { readonly kind: "rearmLimit"; readonly limit: number }
  | { readonly kind: "resetBreaker" }
  /** From now on the baseline is measured for the verification. */
  | { readonly kind: "beginVerify" };

/** One decision: a transition, or something that was noted or refused without one. */
export interface Decision {
  readonly route: string;
  /** The rollout's name; absent: it is called as its route. */
  readonly rollout?: string;
  readonly candidate: string;
  readonly revision: string;
  readonly atMs: number;
  readonly reason: RolloutReason;
  readonly from: RolloutPhase;
  readonly to: RolloutPhase;
  readonly waiting: WaitReason | null;
  readonly step: number;
  /** The weight in percent before and after. */
  readonly fromWeight: number;
  readonly weight: number;
  /** The limit that spoke, with its evidence; null where none did. */
  readonly limit: LimitEvidence | null;
  readonly breaker: BreakerEvidence | null;
  /** What was given to whom, where that is the reason; absent: it is not. */
  readonly split?: SplitEvidence;
  /** The drill that it belongs to, as it stands then: while that is under way, nothing is wrong with the candidate. Absent: it belongs to none. */
  readonly drill?: DrillState;
  readonly command: Command | null;
  /** What the reason speaks of, where it is not the candidate: a freeze window, a group's route, a region. */
  readonly subject: string | null;
  /** Why a command was refused, with the remedy; null otherwise. */
  readonly refusal: string | null;
  /** What was seen of both variants over the last 10 s. */
  readonly candidateWindow: VariantWindow;
  readonly baselineWindow: VariantWindow;
  readonly badResponses: number;
}

/** What a decision was made from, and what came of it: with them `ebbgate replay` makes it again. */
export interface DecisionInputs {
  readonly plan: RolloutPlan;
  readonly state: RolloutState;
  readonly evidence: Evidence;
}

/** The audit log's record of a decision. */
export interface DecisionRecord extends Decision {
  /** Null where `decide` was not asked: the rollout was taken out of the configuration. */
  readonly inputs: DecisionInputs | null;
  readonly effects: readonly Effect[];
  readonly after: RolloutState | null;
}

/** `reasons`: at most one transition a call, and any number of notes before it. */
export interface Decided {
  readonly state: RolloutState;
  readonly effects: readonly Effect[];
  readonly reasons: readonly Decision[];
}
