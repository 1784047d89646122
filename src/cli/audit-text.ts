/** An audit record as a line for people. */
import { type AccessRecord, describeAccess } from "../admin/access/denials.ts";
import type { ReplayRecord } from "../hooks/hooks.ts";
import { describeGate, type GateRecord } from "../gates/records.ts";
import { outcomeWords } from "../report/report.ts";
import { explain } from "../rollout/explain.ts";
import { isPlaybookRecord } from "../rollout/playbook-record.ts";
import type { Decision } from "../rollout/types.ts";
import { isChange } from "../store/shared-document.ts";
import type { AuditRecord } from "../store/store.ts";
import { printable } from "./watch/spans.ts";

export function recordText({ seq, time, record }: Pick<AuditRecord, "seq" | "time" | "record">): string {
  return printable(`${String(seq).padStart(6)}  ${time}  ${describe(record)}`);
}

function describe(record: object): string {
  const has = record as Readonly<Record<string, unknown>>;
  if (isChange(record)) {
    const { revision, action, who, reason } = record;
    return `configuration: ${revision === null ? "a document without a revision" : `revision ${revision}`} ${action} by ${who}${reason === null ? "" : `: ${reason}`}`;
  }
  if (isPlaybookRecord(record)) return `playbook: ${record.route}: step '${record.step}' after the ${record.drill === true ? "drill" : "rollback"} of record ${record.rollback}: ${outcomeWords(record)}`;
  if (has["kind"] === "access") return describeAccess(record as AccessRecord);
  if (has["kind"] === "webhook") {
    const { target, who, taken, notTaken } = record as ReplayRecord;
    return `webhook: ${target}: dead letters were sent again by ${who}: ${taken} taken, ${notTaken} not`;
  }
  if (has["kind"] === "gate") return describeGate(record as GateRecord);
  if (typeof has["reason"] === "string" && typeof has["candidate"] === "string") {
    try {
      return `${has["reason"]}: ${explain(record as Decision)}`;
    } catch {
      // Of another version of Ebbgate: shown as it is.
    }
  }
  const text = JSON.stringify(record);
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}
