/** What a rollout shows of itself: plain data for `/api/v1/status`, the command line and the page. */
import type { RolloutPhase, WaitReason } from "../core/reasons.ts";
import type { DrillState } from "./drill.ts";
import type { BreakerEvidence, Command, Decision, GateAnswer, LimitEvidence, ProbeEvidence, SplitEvidence, VariantWindow } from "./types.ts";

export interface RolloutStatus {
  readonly name: string;
  readonly route: string;
  readonly baseline: string;
  readonly candidate: string;
  readonly revision: string;
  readonly phase: RolloutPhase;
  readonly waiting: WaitReason | null;
  /** In milliseconds since 1970. */
  readonly sinceMs: number;
  /** Index of the current step; -1 before the first. */
  readonly step: number;
  readonly steps: readonly number[];
  /** The candidate's weight in percent. */
  readonly weight: number;
  /** The weight that the sidecar's own region has of it: less where a cap or a limit says so. */
  readonly regionalWeight?: number;
  readonly group?: string | null;
  /** Of the route's part of the configuration; null: nothing was decided on it yet. */
  readonly edition?: string | null;
  /** Who has edited that since the revision began: none of them approves it. */
  readonly authors?: readonly string[];
  /** Rollbacks since the last success. */
  readonly rollbacks?: number;
  /** In milliseconds since 1970; null: nothing cools down. */
  readonly cooldownUntilMs?: number | null;
  readonly regionsOut?: readonly string[];
  readonly probes?: { readonly candidate: ProbeEvidence | null; readonly baseline: ProbeEvidence | null };
  /** What they say of the next step, as far as they were asked; null: it asks none. */
  readonly externalGates?: readonly GateAnswer[] | null;
  /** The one that is under way, or else the last one of this revision; null or absent: there was none. */
  readonly drill?: DrillState | null;
  readonly quarantined: boolean;
  readonly escalated: boolean;
  readonly windows: { readonly baseline: VariantWindow; readonly candidate: VariantWindow };
  readonly limits: readonly LimitEvidence[];
  readonly breaker: BreakerEvidence;
  /** What was given to whom since the weights last changed; null: nothing to compare. */
  readonly split?: SplitEvidence | null;
  readonly badResponses: number;
  readonly exposureBudget: number | null;
  /** Latency is judged from the moment edges exist; null before. */
  readonly edges: { readonly generation: number; readonly p95Ms: number; readonly p99Ms: number; readonly lateMs: number } | null;
  /** Newest last; at most `recentDecisionsMax`. */
  readonly decisions: readonly ExplainedDecision[];
  /** False while the state could not be written to the store. */
  readonly persisted: boolean;
}

export interface ExplainedDecision extends Decision {
  /** One sentence for people. */
  readonly sentence: string;
}

export const recentDecisionsMax = 50;

export type CommandResult =
  | { readonly outcome: "accepted"; readonly decision: ExplainedDecision }
  | { readonly outcome: "refused"; readonly detail: string }
  /** Another sidecar decides: it was handed over, and the status will show what came of it. */
  | { readonly outcome: "forwarded"; readonly detail: string }
  | { readonly outcome: "unknown" };

/** What the admin API and the composition root see of the controller. */
export interface RolloutControl {
  /** All rollouts, in the configuration's order. */
  status(): readonly RolloutStatus[];
  /** Decides at once. `unknown`: no rollout of that name. */
  command(name: string, command: Command): CommandResult;
  /** @returns a function that takes the listener away again */
  onDecision(listener: (decision: ExplainedDecision) => void): () => void;
}
