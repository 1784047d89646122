/** What a run of a rollout was, for people who were not there: made from audit records and nothing else. Pure. */
import { redactText } from "../core/redact.ts";
import { drillFault, explain } from "../rollout/explain.ts";
import { beginsDrill, beginsRollback, isDrilled } from "../rollout/decision-record.ts";
import { severityOf, type Severity } from "../rollout/severity.ts";
import type { PlaybookRecord } from "../rollout/playbook-record.ts";
import type { DrillState } from "../rollout/drill.ts";
import type { BreakerEvidence, DecisionRecord, LimitEvidence, VariantWindow } from "../rollout/types.ts";
import type { AuditRecord } from "../store/store.ts";
import { exposureOf, type Exposure } from "./exposure.ts";
import { type Placed, type Run, runsOf } from "./run.ts";

export interface Report {
  readonly name: string;
  readonly route: string;
  readonly baseline: string;
  readonly candidate: string;
  readonly revision: string;
  readonly outcome: Outcome;
  /** Wall milliseconds of the first and the last record. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** First and last number in the audit log. */
  readonly seqs: readonly [number, number];
  readonly timeline: readonly Moment[];
  readonly exposure: Exposure;
  /** Null: it did not go back. */
  readonly rollback: Rollback | null;
  /** Rehearsed rollbacks, oldest first. */
  readonly drills: readonly Drill[];
  readonly people: readonly Act[];
  readonly playbook: readonly Placed<PlaybookRecord>[];
  readonly budget: { readonly badResponses: number; /** Null: not capped. */ readonly cap: number | null; /** Promised probability of a false rollback within 24 h. */ readonly alpha: number | null };
  /** At each decision that had evidence. */
  readonly course: readonly Sample[];
}

export interface Drill extends DrillState {
  readonly seq: number;
  /** From its decision until its users were back; null: they are not, or never were. */
  readonly backAfterMs: number | null;
  /** Why it failed, for people; null: it did not. */
  readonly fault: string | null;
}

export type Outcome = "drilled" | "rolledBack" | "escalated" | "rollingBack" | "succeeded" | "retired" | "underWay";

export interface Moment {
  readonly seq: number;
  readonly atMs: number;
  readonly severity: Severity;
  /** A decision's reason, or what kind of record it is. */
  readonly what: string;
  readonly sentence: string;
}

export interface Act {
  readonly seq: number;
  readonly atMs: number;
  readonly who: string;
  readonly what: string;
  readonly why: string;
}

export interface Rollback {
  readonly seq: number;
  readonly atMs: number;
  readonly reason: string;
  readonly sentence: string;
  /** From the last weight that was given to the decision. */
  readonly foundAfterMs: number;
  readonly fromWeight: number;
  readonly limits: readonly LimitEvidence[];
  readonly breaker: BreakerEvidence | null;
  readonly candidateWindow: VariantWindow;
  readonly baselineWindow: VariantWindow;
  /** From the decision until nothing reached the candidate; null: it is not known to be so. */
  readonly stoppedAfterMs: number | null;
  /** Null: not verified yet. */
  readonly recovery: { readonly verified: boolean; readonly afterMs: number; readonly before: VariantWindow | null; readonly since: VariantWindow | null } | null;
}

export interface Sample {
  readonly atMs: number;
  readonly weight: number;
  readonly candidateErrors: number | null;
  readonly baselineErrors: number | null;
  /** Of the strongest group of limits, and the breaker's, each over its threshold. */
  readonly evidence: number;
  readonly breaker: number;
}

/**
 * A report on one run of a rollout: the last one that went back or was drilled, or the last one where none was.
 *
 * @param records the audit log, in order @param revision only runs of this candidate revision
 * @returns null where there is none
 */
export function reportOf(records: readonly AuditRecord[], name: string, revision?: string): Report | null {
  const runs = runsOf(records, name).filter(({ decisions }) => revision === undefined || decisions[0]!.record.revision === revision);
  const run = runs.findLast(({ decisions }) => decisions.some(isOfNote)) ?? runs.at(-1);
  return run === undefined ? null : ofRun(run, name);
}

/** Also for `Gathering`: what is kept of a long log. */
export const isOfNote = ({ record }: { readonly record: DecisionRecord }): boolean => beginsRollback(record) || beginsDrill(record);
const goesBack = ({ record }: Placed<DecisionRecord>): boolean => beginsRollback(record);

function ofRun(run: Run, name: string): Report {
  const { decisions, playbook } = run;
  const [first, last] = [decisions[0]!, decisions.at(-1)!];
  const plan = decisions.findLast(({ record }) => record.inputs !== null)?.record.inputs?.plan;
  const ends = [last, ...playbook].map(({ atMs, seq }) => ({ atMs, seq })).toSorted((a, b) => a.seq - b.seq).at(-1)!;
  const { route, candidate, revision } = first.record;
  return {
    name, route, baseline: plan?.baseline ?? "the baseline", candidate, revision, outcome: outcomeOf(last.record), fromMs: first.atMs, untilMs: ends.atMs, seqs: [first.seq, ends.seq],
    timeline: timelineOf(run), exposure: exposureOf(decisions), rollback: rollbackOf(decisions), drills: drillsOf(decisions), people: peopleOf(run), playbook,
    budget: { badResponses: Math.max(...decisions.map(({ record }) => record.badResponses)), cap: plan?.exposureBudget ?? null, alpha: plan?.alpha ?? null },
    course: decisions.flatMap(sampleOf),
  };
}

function outcomeOf(record: DecisionRecord): Outcome {
  const { to, after, reason } = record;
  // Its users are away, or not back yet.
  if (isDrilled(record) && after?.drill?.over === false) return "drilled";
  if (reason === "retired") return "retired";
  if (after?.escalated === true) return "escalated";
  if (to === "rolledBack" || to === "succeeded") return to;
  return to === "rollingBack" || to === "verifying" ? "rollingBack" : "underWay";
}

function timelineOf({ decisions, playbook, changes }: Run): Moment[] {
  return [
    ...decisions.map(({ seq, atMs, record }): Moment => ({ seq, atMs, severity: severityOf(record.reason), what: record.reason, sentence: redactText(explain(record)) })),
    ...playbook.map(({ seq, atMs, record }): Moment => ({ seq, atMs, severity: record.drill === true ? (record.outcome === "failed" ? "warn" : "info") : record.outcome === "failed" ? "page" : record.outcome === "skipped" ? "warn" : "info", what: "playbook", sentence: `Playbook step '${record.step}': ${outcomeWords(record)}.` })),
    ...changes.map(({ seq, atMs, record }): Moment => ({ seq, atMs, severity: "info", what: "configuration", sentence: `The configuration was ${record.action} by ${record.who}${record.reason === null ? "" : `: ${redactText(record.reason)}`}.` })),
  ].toSorted((a, b) => a.seq - b.seq);
}

export function outcomeWords({ outcome, target, attempts, detail, drill }: PlaybookRecord): string {
  if (outcome === "skipped") return drill === true ? "left out in a drill" : "left out, because one before it failed";
  return `${outcome === "done" ? `done by ${target}` : `failed at ${target} (${detail})`} after ${attempts} ${attempts === 1 ? "attempt" : "attempts"}`;
}

function peopleOf({ decisions, changes }: Run): Act[] {
  const acts = decisions.flatMap(({ seq, atMs, record }): Act[] =>
    record.command === null ? [] : [{ seq, atMs, who: record.command.by, what: record.refusal === null ? record.command.verb : `${record.command.verb} (refused: ${record.refusal})`, why: redactText(record.command.why) }]);
  const changed = changes.map(({ seq, atMs, record }): Act => ({ seq, atMs, who: record.who, what: `configuration ${record.action}${record.revision === null ? "" : ` (revision ${record.revision})`}`, why: redactText(record.reason ?? "") }));
  return [...acts, ...changed].toSorted((a, b) => a.seq - b.seq);
}

function rollbackOf(decisions: readonly Placed<DecisionRecord>[]): Rollback | null {
  const index = decisions.findIndex(goesBack);
  if (index < 0) return null;
  const { seq, record } = decisions[index]!;
  const later = decisions.slice(index + 1);
  const given = decisions.slice(0, index).findLast(({ record: one }) => one.weight > one.fromWeight);
  const stopped = later.find(({ record: one }) => one.reason === "trafficStopped");
  const end = later.find(({ record: one }) => one.reason === "verified" || one.reason === "notVerified");
  const seen = end?.record.inputs?.evidence;
  return {
    seq, atMs: record.atMs, reason: record.reason, sentence: redactText(explain(record)), foundAfterMs: record.atMs - (given?.record.atMs ?? decisions[0]!.record.atMs), fromWeight: record.fromWeight,
    limits: record.inputs?.evidence.limits ?? [], breaker: record.inputs?.evidence.breaker ?? record.breaker, candidateWindow: record.candidateWindow, baselineWindow: record.baselineWindow,
    stoppedAfterMs: stopped === undefined ? null : stopped.record.atMs - record.atMs,
    recovery: end === undefined ? null : { verified: end.record.reason === "verified", afterMs: end.record.atMs - record.atMs, before: seen?.baselineEarlier ?? null, since: seen?.baselineSinceVerify ?? null },
  };
}

function drillsOf(decisions: readonly Placed<DecisionRecord>[]): Drill[] {
  return decisions.flatMap(({ seq, record }, index): Drill[] => {
    if (!beginsDrill(record) || record.drill === undefined) return [];
    const own = decisions.slice(index).filter(({ record: { drill } }) => drill?.atMs === record.drill!.atMs).map((one) => one.record);
    const last = own.at(-1)!;
    const failed = own.find(({ reason }) => reason === "drillFailed");
    return [{
      ...last.drill!, why: redactText(last.drill!.why), seq, backAfterMs: last.drill!.over && last.weight > 0 ? last.atMs - record.atMs : null, fault: failed === undefined ? null : drillFault(failed.subject),
    }];
  });
}

function sampleOf({ record }: Placed<DecisionRecord>): Sample[] {
  const evidence = record.inputs?.evidence;
  if (evidence === undefined) return [];
  const { limits, breaker } = evidence;
  return [{
    atMs: record.atMs, weight: record.weight, candidateErrors: record.candidateWindow.errorRate, baselineErrors: record.baselineWindow.errorRate,
    evidence: Math.max(0, ...limits.map(({ groupWealth, threshold }) => groupWealth / threshold)), breaker: breaker.wealth / breaker.threshold,
  }];
}
