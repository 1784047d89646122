import { type Clock, systemClock } from "../core/clock.ts";
import { auditLine } from "./audit-line.ts";
import { type AuditRecord, auditRecordBytesMax, checkKey, documentBytesMax, encodeValue, type Store, type StoredDocument, StoreError } from "./store.ts";

/**
 * A store that ends with the process: for tests, and for sidecars that need not remember. Its methods are async so that
 * a bad key rejects, as in every store, and does not throw.
 */
export class MemoryStore implements Store {
  private readonly documents = new Map<string, { readonly json: string; readonly revision: number }>();
  /** The last revision of every key, removed ones too: a revision is never used twice. */
  private readonly revisions = new Map<string, number>();
  private readonly records: AuditRecord[] = [];
  private readonly clock: Clock;
  private closed = false;

  constructor(clock: Clock = systemClock) {
    this.clock = clock;
  }

  async get(key: string): Promise<StoredDocument | undefined> {
    this.check(key);
    const found = this.documents.get(key);
    return found && { value: JSON.parse(found.json) as unknown, revision: found.revision };
  }

  async put(key: string, value: unknown, expected: number): Promise<number | undefined> {
    this.check(key);
    const json = encodeValue(value, documentBytesMax);
    if ((this.documents.get(key)?.revision ?? 0) !== expected) return undefined;
    const revision = (this.revisions.get(key) ?? 0) + 1;
    this.documents.set(key, { json, revision });
    this.revisions.set(key, revision);
    return revision;
  }

  async remove(key: string, expected: number): Promise<boolean> {
    this.check(key);
    return this.documents.get(key)?.revision === expected && this.documents.delete(key);
  }

  async keys(prefix: string): Promise<string[]> {
    this.check();
    return [...this.documents.keys()].filter((key) => key.startsWith(prefix)).toSorted();
  }

  async append(record: object): Promise<void> {
    this.check();
    const json = encodeValue(record, auditRecordBytesMax);
    this.records.push(auditLine(this.records.at(-1), new Date(this.clock.wallMs()).toISOString(), json).record);
    if (this.records.length > memoryAuditRecordsMax) this.records.shift();
  }

  async audit(seq: number, limit: number): Promise<AuditRecord[]> {
    this.check();
    return this.records.filter((one) => one.seq >= seq).slice(0, limit);
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  private check(key?: string): void {
    if (this.closed) throw new StoreError("closed", "the store is closed");
    if (key !== undefined) checkKey(key);
  }
}

/** The oldest records go first: memory is not where an audit log is kept. */
export const memoryAuditRecordsMax = 10_000;
