/** What an audit record is to people outside: an event. Pure: the same record makes the same event, after a restart and on another sidecar too. */
import { redactText } from "../core/redact.ts";
import { explain } from "../rollout/explain.ts";
import { severityOf, type Severity } from "../rollout/severity.ts";
import { isDecisionRecord, isDrilled } from "../rollout/decision-record.ts";
import type { DrillState } from "../rollout/drill.ts";
import type { Decision, DecisionRecord } from "../rollout/types.ts";
import type { AuditRecord } from "../store/store.ts";
import { type Change, isChange } from "../store/shared-document.ts";
import { isPlaybookRecord, type PlaybookRecord } from "../rollout/playbook-record.ts";

export interface HookEvent {
  /** Of the audit record: never given to another one. */
  readonly id: string;
  readonly type: string;
  /** RFC 3339. */
  readonly time: string;
  /** The route; null: all of them. */
  readonly route: string | null;
  readonly severity: Severity;
  readonly sentence: string;
  /** JSON. */
  readonly data: object;
  /** What an alert about it is called, and whether this is its end; null: it is about nothing that goes on. */
  readonly incident: { readonly key: string; readonly over: boolean } | null;
}

/** An event's id: the number of its record and a part of its hash, so that a log that had to begin anew gives no id twice. */
export const idOf = ({ seq, hash }: Pick<AuditRecord, "seq" | "hash">): string => `${seq}-${hash.slice(0, 24)}`;

/** @returns null where the record is nothing to tell */
export function eventOf(audit: AuditRecord): HookEvent | null {
  const { record } = audit;
  const made = isDecisionRecord(record) ? decisionEvent(record) : isPlaybookRecord(record) ? playbookEvent(record) : isChange(record) ? changeEvent(record) : isGated(record) ? gateEvent(record) : null;
  if (made === null) return null;
  const { data, ...rest } = made;
  return { id: idOf(audit), time: audit.time, ...rest, sentence: redactText(made.sentence), data: { seq: audit.seq, severity: made.severity, sentence: redactText(made.sentence), ...data } };
}

type Made = Omit<HookEvent, "id" | "time">;


function decisionEvent(record: DecisionRecord): Made | null {
  const { inputs: _, effects: _effects, after: _after, ...decision } = record;
  const severity = severityOf(decision.reason);
  const drill = isDrilled(record);
  return {
    type: `dev.ebbgate.rollout.${decision.reason}`, route: decision.route, severity, sentence: `${drill ? "Drill: " : ""}${explain(decision)}`,
    // What is a drill says so, for whoever looks at nothing else.
    data: { ...decision, drill, ...(decision.drill === undefined ? {} : { drilled: told(decision.drill) }), command: decision.command === null ? null : { ...decision.command, why: redactText(decision.command.why) } },
    incident: { key: incidentOf(decision, drill), over: isOver(record) },
  };
}

const told = (drill: DrillState): DrillState => ({ ...drill, why: redactText(drill.why) });

/** An alert about a drill is one of its own: its end must not end another. */
export const incidentOf = ({ route, candidate, revision }: Pick<Decision, "route" | "candidate" | "revision">, drill = false): string => `${route}/${candidate}/${revision}${drill ? "/drill" : ""}`;

/** The rollback is verified, a hold that somebody was paged for has ended, or somebody has taken what was escalated in hand. */
function isOver({ reason, inputs, drill, weight }: DecisionRecord): boolean {
  if (reason === "verified" || reason === "baked" || reason === "drillPassed" || (drill?.over === true && weight > 0)) return true;
  const waited = inputs?.state.waiting;
  if (reason === "holdEnded") return waited === "baseline" || waited === "outage";
  return (reason === "newRevision" || reason === "commandOverride") && inputs?.state.escalated === true;
}

function playbookEvent(record: PlaybookRecord): Made {
  const { route, candidate, revision, step, outcome, target, attempts, detail } = record;
  const how = outcome === "done" ? `is done (${target})` : outcome === "failed" ? `failed after ${attempts} ${attempts === 1 ? "attempt" : "attempts"} at ${target}: ${detail}` : `was left out${record.drill === true ? "" : ", because one before it failed"}`;
  const severity = outcome === "done" || (record.drill === true && outcome === "skipped") ? "info" : outcome === "failed" && record.drill !== true ? "page" : "warn";
  return {
    type: `dev.ebbgate.playbook.${outcome}`, route, severity, sentence: `${record.drill === true ? "Drill: " : ""}${route}: playbook step '${step}' for ${candidate} (${revision}) ${how}.`,
    data: { ...record, drill: record.drill === true }, incident: { key: incidentOf(record, record.drill), over: false },
  };
}

function changeEvent({ action, who, revision, reason }: Change): Made {
  const sentence = `The configuration was ${action} by ${who}${revision === null ? "" : ` as revision ${revision}`}${reason === null ? "" : `: ${reason}`}.`;
  return { type: `dev.ebbgate.configuration.${action}`, route: null, severity: "info", sentence, data: { action, who, revision, reason: reason === null ? null : redactText(reason) }, incident: null };
}

/** What src/gates/records.ts writes: the kill switch, and how far a gate is open. */
type Gated = { readonly gate: string; readonly reason: string } & (
  { readonly action: "kill" | "revive"; readonly who: string } | { readonly action: "state"; readonly from: string | null; readonly to: string }
);

function isGated(record: object): record is Gated {
  const { kind, gate, action, reason, who, to } = record as Readonly<Record<string, unknown>>;
  if (kind !== "gate" || typeof gate !== "string" || typeof reason !== "string") return false;
  return action === "state" ? typeof to === "string" : (action === "kill" || action === "revive") && typeof who === "string";
}

function gateEvent(record: Gated): Made {
  const { gate, action, reason } = record;
  if (action === "state") {
    const { from, to } = record;
    return { type: `dev.ebbgate.gate.${to}`, route: null, severity: "info", sentence: `Gate ${gate} is ${to} (before: ${from ?? "new"}): ${reason}.`, data: { gate, action, from, to, reason: redactText(reason) }, incident: null };
  }
  const [killed, { who }] = [action === "kill", record];
  return {
    type: `dev.ebbgate.gate.${killed ? "killed" : "revived"}`, route: null, severity: "warn", sentence: `Gate ${gate} was ${killed ? "killed" : "revived"} by ${who}: ${reason}`,
    data: { gate, action, who, reason: redactText(reason) }, incident: { key: `gate/${gate}`, over: !killed },
  };
}
