/** Which audit records belong to one run of a rollout: one revision's way from its start to its end. Pure. */
import { isDecisionRecord, nameOf } from "../rollout/decision-record.ts";
import { isPlaybookRecord, type PlaybookRecord } from "../rollout/playbook-record.ts";
import type { DecisionRecord } from "../rollout/types.ts";
import { type Change, isChange } from "../store/shared-document.ts";
import type { AuditRecord } from "../store/store.ts";

/** A record, and where it stands in the log. */
export interface Placed<T> {
  readonly seq: number;
  /** Wall milliseconds at which it was decided, or else written. */
  readonly atMs: number;
  readonly record: T;
}

export interface Run {
  /** Oldest first, at least one. */
  readonly decisions: readonly Placed<DecisionRecord>[];
  readonly playbook: readonly Placed<PlaybookRecord>[];
  /** Of the configuration, shortly before and meanwhile. */
  readonly changes: readonly Placed<Change>[];
}

/** What was changed so long before the start may be what it is about. */
const changesBeforeMs = 600_000;

/** Whether a record may be in a report on the rollout of this name: what a reader of a long log has to keep. */
export const concerns = (record: object, name: string): boolean => isChange(record) || isPlaybook(record, name) || isDecision(record, name);

/** All runs of the rollout, oldest first. @param records in the log's order; others than of this rollout may be among them */
export function runsOf(records: readonly AuditRecord[], name: string): Run[] {
  const placed = records.map(({ seq, time, record }) => ({ seq, atMs: Date.parse(time), record }));
  const runs: Placed<DecisionRecord>[][] = [];
  for (const one of placed) {
    if (!isDecision(one.record, name)) continue;
    // When it was decided: during an outage of the store it is written later.
    const decision: Placed<DecisionRecord> = { seq: one.seq, atMs: one.record.atMs, record: one.record };
    const run = runs.at(-1);
    if (run === undefined || startsRun(decision.record, run.at(-1)!.record)) runs.push([decision]);
    else run.push(decision);
  }
  return runs.map((decisions, index) => {
    const fromMs = decisions[0]!.atMs - changesBeforeMs;
    const untilMs = runs[index + 1]?.[0]!.atMs ?? Number.POSITIVE_INFINITY;
    const within = decisions.map(({ seq }) => seq);
    return {
      decisions,
      playbook: placed.filter((one): one is Placed<PlaybookRecord> => isPlaybook(one.record, name) && within.includes(one.record.rollback)),
      changes: placed.filter((one): one is Placed<Change> => isChange(one.record) && one.atMs >= fromMs && one.atMs < untilMs),
    };
  });
}

const startingReasons: readonly string[] = ["newRevision", "commandOverride", "quarantined"];

/** Whether a decision is the first of another run than the one before it. */
export const startsRun = (next: DecisionRecord, last: DecisionRecord): boolean =>
  startingReasons.includes(next.reason) || next.revision !== last.revision || next.candidate !== last.candidate || last.reason === "retired";

export const isDecision = (record: object, name: string): record is DecisionRecord => isDecisionRecord(record) && nameOf(record) === name;
const isPlaybook = (record: object, name: string): record is PlaybookRecord => isPlaybookRecord(record) && (record.rollout ?? record.route) === name;
