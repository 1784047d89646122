/** How far somebody has come in the audit log: a document in the store, written under the lease's fence. */
import type { AuditRecord, Fence } from "../store/store.ts";
import type { HookStore } from "./ports.ts";

interface Place {
  /** Records up to this one are done with. */
  readonly seq: number;
  /** When that was written, RFC 3339; empty: none was. */
  readonly time: string;
}

interface StoredPlace extends Place {
  readonly version: 1;
}

/** A log that turns out shorter than it was has lost its end, or all of it: so far back is looked for what is new in it. */
const lookBackRecords = 200;

export class Cursor {
  private readonly store: HookStore;
  private readonly key: string;
  private readonly fence: Fence | undefined;
  private place: Place;
  private revision: number;
  private written: Place;
  /** Records up to this time are done with, whatever their number: the log was replaced. */
  private doneBefore = "";

  private constructor(store: HookStore, key: string, fence: Fence | undefined, place: Place, revision: number) {
    this.store = store;
    this.key = key;
    this.fence = fence;
    this.place = place;
    this.written = place;
    this.revision = revision;
  }

  /** @param start where to begin where nothing is stored: after this record @throws StoreError */
  static async load(store: HookStore, key: string, fence: Fence | undefined, start: number): Promise<Cursor> {
    const stored = await store.get(key);
    const found = parsePlace(stored?.value);
    const cursor = new Cursor(store, key, fence, found ?? { seq: start, time: "" }, stored?.revision ?? 0);
    if (found === null) await cursor.write();
    return cursor;
  }

  get seq(): number {
    return this.place.seq;
  }

  /** How many records were passed that the store does not know of yet. */
  get unwritten(): number {
    return this.place.seq - this.written.seq;
  }

  /** The log ends before this place. */
  rewind(end: number): void {
    this.doneBefore = this.place.time;
    this.place = { seq: Math.max(0, end - lookBackRecords), time: this.place.time };
  }

  /** Whether a record, although it comes after this place, was done with in a log that was lost. */
  isOld(record: AuditRecord): boolean {
    return record.time <= this.doneBefore;
  }

  pass({ seq, time }: AuditRecord): void {
    this.place = { seq, time: time > this.place.time ? time : this.place.time };
  }

  /** @throws StoreError; also where somebody else has written it */
  async write(): Promise<void> {
    const { place } = this;
    const stored: StoredPlace = { version: 1, ...place };
    const revision = await this.store.put(this.key, stored, this.revision, this.fence === undefined ? {} : { fence: this.fence });
    if (revision === undefined) throw new Error(`the stored place '${this.key}' was written by somebody else: it is read again`);
    this.revision = revision;
    this.written = place;
  }
}

function parsePlace(value: unknown): Place | null {
  if (typeof value !== "object" || value === null) return null;
  const { version, seq, time } = value as Partial<Record<keyof StoredPlace, unknown>>;
  return version === 1 && Number.isSafeInteger(seq) && typeof time === "string" ? { seq: seq as number, time } : null;
}
