/** Who was exposed to the candidate, weight by weight. Pure. */
import type { DecisionRecord } from "../rollout/types.ts";
import type { Placed } from "./run.ts";

/** From one change of the weight to the next. */
export interface ExposedPart {
  /** Percent, more than 0. */
  readonly weight: number;
  readonly fromMs: number;
  /** Null: it has not ended. */
  readonly untilMs: number | null;
  /** As counted when it ended; null: not known. */
  readonly requests: number | null;
  /** Cohorts that were given the candidate; null: the route has no cohort key, or it is not known. */
  readonly cohorts: number | null;
  /** More than before, by its end. */
  readonly badResponses: number;
}

export interface Exposure {
  readonly parts: readonly ExposedPart[];
  readonly requests: number;
  /** The most in one part. Growing keeps the users of the step before, so at least so many; null: not known. */
  readonly cohorts: number | null;
}

interface OpenPart {
  readonly weight: number;
  readonly fromMs: number;
  readonly badBefore: number;
  requests: number | null;
  cohorts: number | null;
}

export function exposureOf(decisions: readonly Placed<DecisionRecord>[]): Exposure {
  const parts: ExposedPart[] = [];
  let open = null as OpenPart | null;
  for (const { record } of decisions) {
    const evidence = record.inputs?.evidence;
    if (open !== null) {
      open.requests = evidence?.stepCandidateRequests ?? open.requests;
      open.cohorts = evidence?.candidateCohorts ?? open.cohorts;
    }
    if (record.weight === (open?.weight ?? 0)) continue;
    if (open !== null) parts.push(ended(open, record.atMs, record.badResponses));
    open = record.weight > 0 ? { weight: record.weight, fromMs: record.atMs, badBefore: record.badResponses, requests: null, cohorts: null } : null;
  }
  if (open !== null) parts.push(ended(open, null, decisions.at(-1)!.record.badResponses));
  const known = parts.flatMap(({ cohorts }) => cohorts ?? []);
  return { parts, requests: parts.reduce((sum, { requests }) => sum + (requests ?? 0), 0), cohorts: known.length === 0 ? null : Math.max(...known) };
}

const ended = ({ weight, fromMs, badBefore, requests, cohorts }: OpenPart, untilMs: number | null, bad: number): ExposedPart => ({ weight, fromMs, untilMs, requests, cohorts, badResponses: Math.max(0, bad - badBefore) });
