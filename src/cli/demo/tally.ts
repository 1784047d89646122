/** What users felt: every answer of the load, counted by the stage of the demo in which its request was meant to start. */
import { histogramBuckets } from "../../observe/layout.ts";
import { bucketOf, quantile } from "../../observe/histogram.ts";

/** `ramp`: all is well; `fault`: the candidate is broken and still has users; `after`: its weight is 0. */
export const stages = ["ramp", "fault", "after"] as const;
export type Stage = (typeof stages)[number];

export interface Outcome {
  readonly stage: Stage;
  /** A GET: safe to answer twice (RFC 9110 section 9.2.1). */
  readonly safe: boolean;
  /** 0: no answer at all. */
  readonly status: number;
  /** The version that answered, as it says itself; null without an answer of the service. */
  readonly version: string | null;
  /** From the intended start to the end of the answer. */
  readonly latencyMs: number;
}

/** A user calls these bad: no answer, or a server error. */
export const endedBadly = (outcome: Outcome): boolean => outcome.status === 0 || outcome.status >= 500;

/** Counts of one stage. */
export class StageTally {
  requests = 0;
  safe = 0;
  bad = 0;
  safeBad = 0;
  readonly versions = new Map<string, number>();
  /** Bad endings by what the user saw: a status, or `no answer`. */
  readonly badBy = new Map<string, number>();
  readonly #latency = new Uint32Array(histogramBuckets);

  add(outcome: Outcome): void {
    this.requests += 1;
    if (outcome.safe) this.safe += 1;
    if (outcome.version !== null) this.versions.set(outcome.version, (this.versions.get(outcome.version) ?? 0) + 1);
    this.#latency[bucketOf(outcome.latencyMs * 1000)]! += 1;
    if (!endedBadly(outcome)) return;
    this.bad += 1;
    if (outcome.safe) this.safeBad += 1;
    const what = outcome.status === 0 ? "no answer" : String(outcome.status);
    this.badBy.set(what, (this.badBy.get(what) ?? 0) + 1);
  }

  /** @param q 0 ... 1. @returns milliseconds; null before the first answer */
  latencyMs(q: number): number | null {
    const micros = quantile(this.#latency, q);
    return Number.isNaN(micros) ? null : micros / 1000;
  }
}

/** All stages, and how much load is in flight. */
export class Tally {
  stage: Stage = "ramp";
  inFlight = 0;
  readonly stages: Readonly<Record<Stage, StageTally>> = { ramp: new StageTally(), fault: new StageTally(), after: new StageTally() };

  add(outcome: Outcome): void {
    this.stages[outcome.stage].add(outcome);
  }

  total(pick: (stage: StageTally) => number): number {
    return stages.reduce((sum, stage) => sum + pick(this.stages[stage]), 0);
  }
}
