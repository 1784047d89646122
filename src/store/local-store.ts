/** The half of a store that ends with its process: hints, messages, leases and ephemera among users of one object. */
import type { Clock } from "../core/clock.ts";
import { checkBytes, checkKey, checkTtl, encodeValue, messageBytesMax } from "./checks.ts";
import { closedError, fencedError } from "./store-error.ts";
import type { Fence, HeldLease } from "./store.ts";

interface Lease {
  readonly holder: string;
  readonly epoch: number;
  readonly untilMs: number;
}

interface Listener {
  readonly channel: string;
  readonly onMessage: (message: string) => void;
}

interface Watcher {
  readonly prefix: string;
  readonly onHint: (key: string | undefined) => void;
}

export abstract class LocalStore {
  readonly reachable = true;
  protected readonly clock: Clock;
  protected closed = false;
  /** The last of each name, given back and run out ones too: their epoch is the fence. */
  private readonly leases = new Map<string, Lease>();
  private readonly watchers = new Set<Watcher>();
  private readonly listeners = new Set<Listener>();
  private readonly groups = new Map<string, Map<string, { readonly json: string; readonly untilMs: number }>>();

  protected constructor(clock: Clock) {
    this.clock = clock;
  }

  /** The next epoch of a lease, remembered for as long as the store's documents are. */
  protected abstract nextEpoch(name: string): Promise<number>;

  async lease(name: string, holder: string, ttlMs: number): Promise<{ readonly epoch: number } | undefined> {
    this.checkOpen(name);
    checkTtl(ttlMs);
    if (this.held(name) !== undefined) return undefined;
    // Taken before the epoch is durable, so that two who ask at once do not both get it.
    const untilMs = this.clock.monotonicMs() + ttlMs;
    this.leases.set(name, { holder, epoch: 0, untilMs });
    try {
      const epoch = await this.nextEpoch(name);
      this.leases.set(name, { holder, epoch, untilMs });
      return { epoch };
    } catch (error) {
      this.leases.delete(name);
      throw error;
    }
  }

  async renew(name: string, epoch: number, ttlMs: number): Promise<boolean> {
    this.checkOpen(name);
    checkTtl(ttlMs);
    const last = this.leases.get(name);
    if (last?.epoch !== epoch) return false;
    this.leases.set(name, { ...last, untilMs: this.clock.monotonicMs() + ttlMs });
    return true;
  }

  async release(name: string, epoch: number): Promise<void> {
    this.checkOpen(name);
    const last = this.leases.get(name);
    if (last?.epoch === epoch) this.leases.set(name, { ...last, untilMs: 0 });
  }

  async leaseOf(name: string): Promise<HeldLease | undefined> {
    this.checkOpen(name);
    const lease = this.held(name);
    return lease && { holder: lease.holder, epoch: lease.epoch, remainingMs: lease.untilMs - this.clock.monotonicMs() };
  }

  watch(prefix: string, onHint: (key: string | undefined) => void): () => void {
    if (this.closed) throw closedError();
    const watcher: Watcher = { prefix, onHint };
    this.watchers.add(watcher);
    queueMicrotask(() => this.watchers.has(watcher) && onHint(undefined));
    return () => void this.watchers.delete(watcher);
  }

  async publish(channel: string, message: string): Promise<void> {
    this.checkOpen(channel);
    checkBytes(message, messageBytesMax);
    for (const listener of this.listeners) if (listener.channel === channel) queueMicrotask(() => this.listeners.has(listener) && listener.onMessage(message));
  }

  subscribe(channel: string, onMessage: (message: string) => void, onGap?: () => void): () => void {
    this.checkOpen(channel);
    const listener: Listener = { channel, onMessage };
    this.listeners.add(listener);
    queueMicrotask(() => this.listeners.has(listener) && onGap?.());
    return () => void this.listeners.delete(listener);
  }

  async setEphemeral(group: string, name: string, value: unknown, ttlMs: number): Promise<void> {
    this.checkOpen(group);
    checkKey(name);
    checkTtl(ttlMs);
    const entries = this.groups.get(group) ?? new Map<string, { json: string; untilMs: number }>();
    this.groups.set(group, entries.set(name, { json: encodeValue(value, messageBytesMax), untilMs: this.clock.monotonicMs() + ttlMs }));
  }

  async ephemeral(group: string): Promise<ReadonlyMap<string, unknown>> {
    this.checkOpen(group);
    const now = this.clock.monotonicMs();
    const entries = this.groups.get(group);
    if (entries === undefined) return new Map();
    for (const [name, { untilMs }] of entries) if (untilMs <= now) entries.delete(name);
    return new Map([...entries].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, { json }]) => [name, JSON.parse(json) as unknown]));
  }

  onReachable(): () => void {
    return () => undefined;
  }

  protected hint(key: string): void {
    for (const watcher of this.watchers) if (key.startsWith(watcher.prefix)) queueMicrotask(() => this.watchers.has(watcher) && watcher.onHint(key));
  }

  /** @throws StoreError `fenced` */
  protected checkFence(fence: Fence | undefined): void {
    if (fence !== undefined && this.leases.get(fence.lease)?.epoch !== fence.epoch) throw fencedError(fence.lease, fence.epoch);
  }

  protected checkOpen(key?: string): void {
    if (this.closed) throw closedError();
    if (key !== undefined) checkKey(key);
  }

  protected endLocal(): void {
    this.closed = true;
    this.watchers.clear();
    this.listeners.clear();
  }

  private held(name: string): Lease | undefined {
    const lease = this.leases.get(name);
    return lease !== undefined && lease.untilMs > this.clock.monotonicMs() ? lease : undefined;
  }
}
