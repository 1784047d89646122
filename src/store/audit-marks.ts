import type { ChainEnd } from "./audit-line.ts";

interface Mark {
  /** The record before. */
  readonly before: ChainEnd;
  /** Where the next one begins, in bytes. */
  readonly offset: number;
}

/** Records from one mark to the next, at first; when there are too many marks, every second one goes. */
const spacingFirst = 64;
const marksMax = 2_048;

/** Where some of a log's records begin: what reads on does not read everything before it again. */
export class AuditMarks {
  private spacing = spacingFirst;
  private marks: Mark[];

  /** @param before where the file's first record begins */
  constructor(before: ChainEnd) {
    this.marks = [{ before, offset: 0 }];
  }

  /** The last mark at or before a record. */
  nearest(seq: number): Mark {
    return this.marks.findLast(({ before }) => before.seq < seq) ?? this.marks[0]!;
  }

  /** A record that is whole and in its place was read. @param end where the one after it begins */
  passed({ seq, hash }: ChainEnd, end: number): void {
    if (seq < this.marks.at(-1)!.before.seq + this.spacing) return;
    this.marks.push({ before: { seq, hash }, offset: end });
    if (this.marks.length <= marksMax) return;
    this.spacing *= 2;
    this.marks = this.marks.filter((_, index) => index % 2 === 0);
  }
}
