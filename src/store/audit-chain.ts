/** Whether lines of an audit log are one unbroken chain. */
import { type ChainEnd, firstPreviousHash, parseAuditLine } from "./audit-line.ts";
import type { AuditRecord } from "./store.ts";

export interface PlacedLine {
  readonly line: string;
  /** As `audit.jsonl:12`, for people. */
  readonly place: string;
}

export interface ChainFault {
  readonly place: string;
  readonly why: string;
}

/** Takes one line after the other, from the oldest that there is. */
export class ChainCheck {
  /** The first record that was taken; null before. */
  first: AuditRecord | null = null;
  last: AuditRecord | null = null;
  records = 0;
  private readonly anchor: ChainEnd | null;

  /** @param anchor where what was archived ended; null: not known, so that the first line is believed about what was before it */
  constructor(anchor: ChainEnd | null = null) {
    this.anchor = anchor;
  }

  /** @returns the record, or what is wrong with the line or its place */
  take({ line, place }: PlacedLine): AuditRecord | ChainFault {
    const record = parseAuditLine(line);
    if (record === undefined) return { place, why: "is altered or damaged: its hash does not fit its text" };
    const before: ChainEnd | null = this.last ?? this.anchor ?? (record.seq === 1 ? { seq: 0, hash: firstPreviousHash } : null);
    if (before !== null && record.seq !== before.seq + 1) {
      const missing = record.seq > before.seq + 1 ? `records ${before.seq + 1} to ${record.seq - 1} are missing before it` : `record ${record.seq} stands after record ${before.seq}`;
      return { place, why: missing };
    }
    if (before !== null && record.previousHash !== before.hash) return { place, why: `record ${record.seq} does not hold on to the one before: that one was replaced` };
    this.first ??= record;
    this.last = record;
    this.records++;
    return record;
  }
}

export const isFault = (taken: AuditRecord | ChainFault): taken is ChainFault => "why" in taken;
