/** Reads recorded decisions: the audit log of the file store, or an exported file of records, one JSON value a line or one array. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { isDecisionRecord } from "../rollout/decision-record.ts";
import type { DecisionRecord } from "../rollout/types.ts";
import { parseAuditLine } from "../store/audit-line.ts";

export interface PlacedRecord {
  /** From 1. */
  readonly line: number;
  /** Null: an audit record of something else than a decision. */
  readonly record: DecisionRecord | null;
}

/** What is wrong with a file, in one sentence. */
export class UnreadableRecord extends Error {}

/** @throws UnreadableRecord at a line that is no JSON, or whose hash does not fit; the system's error where the file cannot be read */
export async function* readRecords(path: string): AsyncGenerator<PlacedRecord> {
  let line = 0;
  for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    line++;
    if (text.trim() === "") continue;
    const value = parsed(text, line);
    if (Array.isArray(value)) for (const one of value as unknown[]) yield { line, record: decisionOf(one) };
    else yield { line, record: decisionOf(isAuditRecord(value) ? checked(text, line) : value) };
  }
}

function parsed(text: string, line: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UnreadableRecord(`line ${line} is not JSON: give the audit log (audit.jsonl), or records one a line`);
  }
}

const isAuditRecord = (value: unknown): boolean => isObject(value) && "record" in value && "hash" in value;

function checked(text: string, line: number): unknown {
  const record = parseAuditLine(text);
  if (record === undefined) throw new UnreadableRecord(`line ${line} is altered: its hash does not fit`);
  return record.record;
}

/** Only what every decision has; `replay` itself says whether the rest fits. */
const decisionOf = (value: unknown): DecisionRecord | null => (isObject(value) && isDecisionRecord(value) ? value : null);

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
