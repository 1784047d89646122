import { type Clock, systemClock } from "../core/clock.ts";
import { auditLines, chainStart, encodeEntry, type EncodedEntry } from "./audit-line.ts";
import { auditIdsMax, documentBytesMax, encodeValue } from "./checks.ts";
import { LocalStore } from "./local-store.ts";
import { RecentIds } from "./recent-ids.ts";
import type { AppendOptions, AuditRecord, Store, StoredDocument, WriteOptions } from "./store.ts";

/**
 * A store that ends with the process: for tests, and for sidecars that need not remember. Its methods are async so that
 * a bad key rejects, as in every store, and does not throw.
 */
export class MemoryStore extends LocalStore implements Store {
  private readonly documents = new Map<string, { readonly json: string; readonly revision: number; readonly id: string | undefined }>();
  /** The last revision of every key, removed ones too: a revision is never used twice. */
  private readonly revisions = new Map<string, number>();
  private readonly epochs = new Map<string, number>();
  private readonly records: AuditRecord[] = [];
  private readonly ids = new RecentIds(auditIdsMax);

  constructor(clock: Clock = systemClock) {
    super(clock);
  }

  async get(key: string): Promise<StoredDocument | undefined> {
    this.checkOpen(key);
    const found = this.documents.get(key);
    return found && { value: JSON.parse(found.json) as unknown, revision: found.revision };
  }

  async put(key: string, value: unknown, expected: number, { fence, id, audit = [] }: WriteOptions = {}): Promise<number | undefined> {
    this.checkOpen(key);
    const json = encodeValue(value, documentBytesMax);
    const entries = audit.map(encodeEntry);
    const current = this.documents.get(key);
    if (id !== undefined && current?.id === id) return current.revision;
    this.checkFence(fence);
    if ((current?.revision ?? 0) !== expected) return undefined;
    const revision = (this.revisions.get(key) ?? 0) + 1;
    this.documents.set(key, { json, revision, id });
    this.revisions.set(key, revision);
    this.record(entries);
    this.hint(key);
    return revision;
  }

  async remove(key: string, expected: number, { fence }: Pick<WriteOptions, "fence"> = {}): Promise<boolean> {
    this.checkOpen(key);
    this.checkFence(fence);
    const removed = this.documents.get(key)?.revision === expected && this.documents.delete(key);
    if (removed) this.hint(key);
    return removed;
  }

  async keys(prefix: string): Promise<string[]> {
    this.checkOpen();
    return [...this.documents.keys()].filter((key) => key.startsWith(prefix)).toSorted();
  }

  async append(record: object, { fence, id }: AppendOptions = {}): Promise<void> {
    this.checkOpen();
    const entry = encodeEntry({ record, ...(id === undefined ? {} : { id }) });
    this.checkFence(fence);
    this.record([entry]);
  }

  async audit(seq: number, limit: number): Promise<AuditRecord[]> {
    this.checkOpen();
    return this.records.filter((one) => one.seq >= seq).slice(0, limit);
  }

  async auditEnd(): Promise<number> {
    this.checkOpen();
    return this.records.at(-1)?.seq ?? 0;
  }

  close(): Promise<void> {
    this.endLocal();
    return Promise.resolve();
  }

  protected nextEpoch(name: string): Promise<number> {
    const epoch = (this.epochs.get(name) ?? 0) + 1;
    this.epochs.set(name, epoch);
    return Promise.resolve(epoch);
  }

  private record(entries: readonly EncodedEntry[]): void {
    const fresh = entries.filter(({ id }) => !this.ids.has(id));
    for (const { record } of auditLines(this.records.at(-1) ?? chainStart, new Date(this.clock.wallMs()).toISOString(), fresh)) {
      this.records.push(record);
      this.ids.add(record.id);
      if (this.records.length > memoryAuditRecordsMax) this.records.shift();
    }
  }
}

/** The oldest records go first: memory is not where an audit log is kept. */
export const memoryAuditRecordsMax = 10_000;
