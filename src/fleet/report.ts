/**
 * What a sidecar tells the leader of one rollout: only what the leader's judge needs, and all of it such that a message may be lost,
 * late or doubled. Counts grow for as long as the process lives; windows are the newest; strata are known by their first second.
 */
import type { Dispersion, DispersionFound } from "../judge/dispersion.ts";
import type { MemberStratum } from "../judge/fleet-trial.ts";
import type { LimitEvidence, VariantWindow } from "../rollout/types.ts";

/** What the numbers were gathered for (marks.ts). */
export interface ReportMarks {
  readonly era: string;
  readonly step: number;
  readonly breaker: number;
  readonly verify: number;
}

/** What the ratios of latency need of a generation of edges (judge/edges.ts): not where the edges are. */
export interface ReportedModel {
  readonly generation: number;
  readonly classShares: readonly number[];
  readonly scores: readonly number[];
  readonly tailShares: readonly number[];
}

export interface ReportedBreaker {
  /** Since the process began. */
  readonly bad: number;
  readonly ok: number;
  readonly spread: number;
  /** Over the last 2 s. */
  readonly baselineBad: number;
  readonly baselineOk: number;
  /** Sets of 128 cohort shards, as four words: with a bad outcome lately, and all. */
  readonly badShards: readonly number[];
  readonly shards: readonly number[];
}

export interface ReportedWindows {
  readonly candidate: VariantWindow;
  readonly baseline: VariantWindow;
  readonly sinceVerify: VariantWindow;
  readonly earlier: VariantWindow | null;
  /** Errors of a candidate that is alone are held against it; 0 ... 1. */
  readonly errorBound: number;
  readonly dispersion: DispersionFound;
  readonly stepCandidateRequests: number;
  readonly stepBaselineRequests: number;
  readonly stepCandidateSettled: number;
  readonly quietMs: number;
  /** Bad candidate responses since the process began. */
  readonly bad: number;
}

/** The sidecar has taken its users away from the candidate by itself, and asks for the rest of the fleet to follow. */
export interface Trip {
  readonly era: string;
  readonly breaker: number;
  /** `limit`: its own evidence against this one; `breaker`; `exposure`: the budget is spent. `command`: somebody asked here. */
  readonly kind: "limit" | "breaker" | "exposure" | "command";
  /** Index into the plan's limits; -1: none. */
  readonly limit: number;
  readonly evidence: LimitEvidence | null;
  readonly region: string | null;
  /** A command's who and why. */
  readonly by: string;
  readonly why: string;
}

export interface RolloutReport {
  readonly route: string;
  readonly marks: ReportMarks;
  readonly breaker: ReportedBreaker;
  /** Once a second; null in between. */
  readonly windows: ReportedWindows | null;
  /** When it is new, and every few seconds. */
  readonly model: ReportedModel | null;
  readonly strata: readonly MemberStratum[];
  readonly trip: Trip | null;
}

export interface Report {
  readonly instance: string;
  /** Another one for each start of the process. */
  readonly run: string;
  readonly region: string | null;
  /** 1, 2, 3, ... of the run. */
  readonly seq: number;
  readonly rollouts: readonly RolloutReport[];
  /** Revisions of the documents that all proxy threads run, by route; those that changed since the last report, and now and then all. */
  readonly acknowledged: Readonly<Record<string, number>>;
}

/** Over it, the strata wait for the next message: what one sidecar may say at once. */
export const strataPerReportMax = 64;
export const reportBytesMax = 65_536;

export const dispersionOf = (d: Dispersion): readonly number[] => [d.errors, d.location, d.tails, d.rho];
