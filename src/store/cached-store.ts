/** A store that is a network away, and what was last read from it or written to it, on this machine's disk. */
import type { DiskCache } from "./disk-cache.ts";
import { StoreError } from "./store-error.ts";
import type { AppendOptions, AuditRecord, HeldLease, Store, StoredDocument, WriteOptions } from "./store.ts";

const nameOf = (key: string): string => `document/${key}`;

/**
 * Reads answer from the cache, marked `cached`, where the store cannot be reached. Writes never do: what is not in the
 * store is not written.
 */
export class CachedStore implements Store {
  private readonly inner: Store;
  private readonly cache: DiskCache;

  private readonly ended: () => void;

  /** @param ended is called when the store is closed */
  constructor(inner: Store, cache: DiskCache, ended: () => void = () => undefined) {
    this.inner = inner;
    this.cache = cache;
    this.ended = ended;
  }

  get reachable(): boolean {
    return this.inner.reachable;
  }

  async get(key: string): Promise<StoredDocument | undefined> {
    try {
      const found = await this.inner.get(key);
      if (found === undefined) this.cache.forget(nameOf(key));
      else this.cache.keep(nameOf(key), found.value, found.revision);
      return found;
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== "unavailable") throw error;
      const known = await this.cache.read(nameOf(key));
      // Nothing known is not the same as nothing there.
      if (known === undefined) throw error;
      return { ...known, cached: true };
    }
  }

  async put(key: string, value: unknown, expected: number, options?: WriteOptions): Promise<number | undefined> {
    const revision = await this.inner.put(key, value, expected, options);
    if (revision !== undefined) this.cache.keep(nameOf(key), value, revision);
    return revision;
  }

  async remove(key: string, expected: number, options?: Pick<WriteOptions, "fence">): Promise<boolean> {
    const removed = await this.inner.remove(key, expected, options);
    if (removed) this.cache.forget(nameOf(key));
    return removed;
  }

  keys = (prefix: string): Promise<string[]> => this.inner.keys(prefix);
  watch = (prefix: string, onHint: (key: string | undefined) => void): (() => void) => this.inner.watch(prefix, onHint);
  append = (record: object, options?: AppendOptions): Promise<void> => this.inner.append(record, options);
  audit = (seq: number, limit: number): Promise<AuditRecord[]> => this.inner.audit(seq, limit);
  auditEnd = (): Promise<number> => this.inner.auditEnd();
  lease = (name: string, holder: string, ttlMs: number): Promise<{ readonly epoch: number } | undefined> => this.inner.lease(name, holder, ttlMs);
  renew = (name: string, epoch: number, ttlMs: number): Promise<boolean> => this.inner.renew(name, epoch, ttlMs);
  release = (name: string, epoch: number): Promise<void> => this.inner.release(name, epoch);
  leaseOf = (name: string): Promise<HeldLease | undefined> => this.inner.leaseOf(name);
  publish = (channel: string, message: string): Promise<void> => this.inner.publish(channel, message);
  subscribe = (channel: string, onMessage: (message: string) => void, onGap?: () => void): (() => void) => this.inner.subscribe(channel, onMessage, onGap);
  setEphemeral = (group: string, name: string, value: unknown, ttlMs: number): Promise<void> => this.inner.setEphemeral(group, name, value, ttlMs);
  ephemeral = (group: string): Promise<ReadonlyMap<string, unknown>> => this.inner.ephemeral(group);
  onReachable = (listener: (reachable: boolean) => void): (() => void) => this.inner.onReachable(listener);

  async close(): Promise<void> {
    this.ended();
    await this.inner.close();
    await this.cache.close();
  }
}
