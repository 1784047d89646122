import { createHash } from "node:crypto";
import type { AuditRecord } from "./store.ts";

export const firstPreviousHash = "0".repeat(64);

/**
 * The next record of the chain, as its line: JSON with the keys in a fixed order, `hash` last, over the exact text of
 * all that stands before it. Any tool that has SHA-256 can verify it without parsing.
 */
export function auditLine(last: AuditRecord | undefined, time: string, recordJson: string): { readonly line: string; readonly record: AuditRecord } {
  const seq = (last?.seq ?? 0) + 1;
  const previousHash = last?.hash ?? firstPreviousHash;
  const hashed = `{"seq":${seq},"time":${JSON.stringify(time)},"previousHash":"${previousHash}","record":${recordJson}`;
  const hash = createHash("sha256").update(hashed).digest("hex");
  return { line: `${hashed},"hash":"${hash}"}`, record: { seq, time, previousHash, record: JSON.parse(recordJson) as object, hash } };
}

/** @returns the record, or undefined where the line is torn or altered. Its place in the chain is the caller's to check. */
export function parseAuditLine(line: string): AuditRecord | undefined {
  const [, hashed, hash] = /^(.*),"hash":"([0-9a-f]{64})"\}$/s.exec(line) ?? [];
  if (hashed === undefined || hash === undefined || createHash("sha256").update(hashed).digest("hex") !== hash) return undefined;
  return JSON.parse(line) as AuditRecord;
}
