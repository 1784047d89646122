import { createHash } from "node:crypto";
import { auditRecordBytesMax, encodeValue } from "./checks.ts";
import type { AuditEntry, AuditRecord } from "./store.ts";

export const firstPreviousHash = "0".repeat(64);

/** Where a chain ends, or where the rest of it begins. */
export interface ChainEnd {
  readonly seq: number;
  readonly hash: string;
}

/** Before the first record. */
export const chainStart: ChainEnd = { seq: 0, hash: firstPreviousHash };

/** A record that has passed its checks and is to be chained. */
export interface EncodedEntry {
  readonly json: string;
  readonly id: string | undefined;
}

/** @throws StoreError `invalid` */
export const encodeEntry = ({ record, id }: AuditEntry): EncodedEntry => ({ json: encodeValue(record, auditRecordBytesMax), id });

/**
 * The next record of the chain, as its line: JSON with the keys in a fixed order, `hash` last, over the exact text of
 * all that stands before it. Any tool that has SHA-256 can verify it without parsing.
 */
export function auditLine(last: ChainEnd | undefined, time: string, recordJson: string, id?: string): { readonly line: string; readonly record: AuditRecord } {
  const seq = (last?.seq ?? 0) + 1;
  const previousHash = last?.hash ?? firstPreviousHash;
  const idPart = id === undefined ? "" : `"id":${JSON.stringify(id)},`;
  const hashed = `{"seq":${seq},"time":${JSON.stringify(time)},${idPart}"previousHash":"${previousHash}","record":${recordJson}`;
  const hash = createHash("sha256").update(hashed).digest("hex");
  const record = JSON.parse(recordJson) as object;
  return { line: `${hashed},"hash":"${hash}"}`, record: { seq, time, ...(id === undefined ? {} : { id }), previousHash, record, hash } };
}

/** The lines of several records, one after the other. */
export function auditLines(last: ChainEnd, time: string, entries: readonly EncodedEntry[]): { readonly line: string; readonly record: AuditRecord }[] {
  let end = last;
  return entries.map(({ json, id }) => {
    const next = auditLine(end, time, json, id);
    end = next.record;
    return next;
  });
}

/** @returns the record, or undefined where the line is torn or altered. Its place in the chain is the caller's to check. */
export function parseAuditLine(line: string): AuditRecord | undefined {
  const [, hashed, hash] = /^(.*),"hash":"([0-9a-f]{64})"\}$/s.exec(line) ?? [];
  if (hashed === undefined || hash === undefined || createHash("sha256").update(hashed).digest("hex") !== hash) return undefined;
  return JSON.parse(line) as AuditRecord;
}
