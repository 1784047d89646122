/** The store that several sidecars share. Redis never stands in a request's way: it is asked by the control thread only. */
import type { RedisSettings } from "../../config/definition.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import { type Random, systemRandom } from "../../core/random.ts";
import { encodeEntry } from "../audit-line.ts";
import { checkBytes, checkKey, checkTtl, documentBytesMax, encodeValue, messageBytesMax } from "../checks.ts";
import { closedError, fencedError, StoreError } from "../store-error.ts";
import type { AppendOptions, AuditRecord, Fence, HeldLease, Store, StoredDocument, StoreWarning, WriteOptions } from "../store.ts";
import { AuditStream, type Reply } from "./audit-stream.ts";
import { connectTimeoutMs, subscriberClient } from "./client.ts";
import { RedisConnection } from "./connection.ts";
import { RedisKeys } from "./keys.ts";
import { type Script, scripts } from "./scripts.ts";
import { Subscriber } from "./subscriber.ts";

/** How long the start waits for Redis before it goes on without it. */
export const openTimeoutMs = 3_000;

const missingReplicaWaitMs = 20;

export interface RedisStoreOptions {
  readonly settings: RedisSettings;
  readonly warn?: StoreWarning;
  readonly clock?: Clock;
  readonly random?: Random;
}

export class RedisStore implements Store {
  readonly connection: RedisConnection;
  readonly keyNames: RedisKeys;
  private readonly settings: RedisSettings;
  private readonly clock: Clock;
  private readonly warn: StoreWarning;
  private readonly subscriber: Subscriber;
  readonly stream: AuditStream;
  private readonly holders = new Map<string, string>();
  /** The highest epoch that was seen: one that Redis gives after it lost its data is higher still. */
  private epochSeen = 0;
  private closed = false;
  private missedReplicas = false;

  private constructor({ settings, warn = () => undefined, clock = systemClock, random = systemRandom }: RedisStoreOptions) {
    this.settings = settings;
    this.warn = warn;
    this.clock = clock;
    this.keyNames = new RedisKeys(settings.namespace);
    this.connection = new RedisConnection(settings, random, warn);
    this.stream = new AuditStream(this.connection, this.keyNames);
    const nodes = settings.servers.kind === "cluster" ? settings.servers.nodes : undefined;
    this.subscriber = new Subscriber({
      make: (attempt) => subscriberClient(settings, nodes?.[attempt % nodes.length]),
      random,
      commandTimeoutMs: settings.commandTimeoutMs,
      readyTimeoutMs: connectTimeoutMs + settings.commandTimeoutMs,
    });
    // Hints may have come through while nothing could be read: everything is read again.
    this.connection.onReachable((reachable) => reachable && this.subscriber.gap());
  }

  /** Resolves connected, or after `openTimeoutMs` without a connection, which then goes on being tried. @throws Error where a TLS file cannot be read */
  static async open(options: RedisStoreOptions): Promise<RedisStore> {
    const store = new RedisStore(options);
    await store.connection.settle(openTimeoutMs);
    return store;
  }

  get reachable(): boolean {
    return this.connection.reachable;
  }

  onReachable(listener: (reachable: boolean) => void): () => void {
    return this.connection.onReachable(listener);
  }

  async get(key: string): Promise<StoredDocument | undefined> {
    this.check(key);
    const [value, revision] = await this.connection.ask((client) => client.hmget(this.keyNames.document(key), "value", "revision"));
    return typeof value !== "string" ? undefined : { value: parsed(value, this.keyNames.document(key)), revision: Number(revision) };
  }

  async put(key: string, value: unknown, expected: number, { fence, id = "", audit = [] }: WriteOptions = {}): Promise<number | undefined> {
    this.check(key);
    const json = encodeValue(value, documentBytesMax);
    const entries = audit.map(encodeEntry);
    const { document, index, auditHead, audit: stream, auditIds, changed } = this.keyNames;
    const keys = [document(key), index, this.fenceKey(fence), auditHead, stream, auditIds];
    const run = (chain: readonly (string | number)[]) => this.runWrite(scripts.put, keys, [key, json, expected, id, fence?.epoch ?? "", changed, ...chain]);
    const reply = entries.length === 0 ? await run(["", "", 0]) : await this.stream.write(this.now, entries, run);
    return this.written(reply, fence) ? Number(reply[1]) : undefined;
  }

  async remove(key: string, expected: number, { fence }: Pick<WriteOptions, "fence"> = {}): Promise<boolean> {
    this.check(key);
    const { document, index, changed } = this.keyNames;
    return this.written(await this.runWrite(scripts.remove, [document(key), index, this.fenceKey(fence)], [key, expected, fence?.epoch ?? "", changed]), fence);
  }

  async keys(prefix: string): Promise<string[]> {
    this.check();
    return this.connection.ask((client) => client.zrangebylex(this.keyNames.index, prefix === "" ? "-" : `[${prefix}`, prefix === "" ? "+" : `[${prefix}\u007f`));
  }

  watch(prefix: string, onHint: (key: string | undefined) => void): () => void {
    this.check();
    return this.subscriber.add(this.keyNames.changed, (key) => key.startsWith(prefix) && onHint(key), () => onHint(undefined));
  }

  async append(record: object, { fence, id }: AppendOptions = {}): Promise<void> {
    this.check();
    const entry = encodeEntry({ record, ...(id === undefined ? {} : { id }) });
    const { auditHead, audit, auditIds } = this.keyNames;
    const keys = [this.fenceKey(fence), auditHead, audit, auditIds];
    this.written(await this.stream.write(this.now, [entry], (chain) => this.runWrite(scripts.append, keys, [fence?.epoch ?? "", ...chain])), fence);
  }

  async audit(seq: number, limit: number): Promise<AuditRecord[]> {
    this.check();
    return this.stream.read(seq, limit);
  }

  async auditEnd(): Promise<number> {
    this.check();
    return Number((await this.connection.ask((client) => client.hget(this.keyNames.auditHead, "seq"))) ?? 0);
  }

  async lease(name: string, holder: string, ttlMs: number): Promise<{ readonly epoch: number } | undefined> {
    this.check(name);
    checkTtl(ttlMs);
    const answer = await this.connection.run(scripts.lease, [this.keyNames.lease(name), this.keyNames.epoch(name)], [holder, ttlMs, this.epochSeen]);
    if (answer === null) return undefined;
    this.holders.set(name, holder);
    this.epochSeen = Math.max(this.epochSeen, Number(answer));
    return { epoch: Number(answer) };
  }

  async renew(name: string, epoch: number, ttlMs: number): Promise<boolean> {
    this.check(name);
    checkTtl(ttlMs);
    return (await this.connection.run(scripts.renew, [this.keyNames.lease(name), this.keyNames.epoch(name)], [epoch, this.holders.get(name) ?? "", ttlMs])) === 1;
  }

  async release(name: string, epoch: number): Promise<void> {
    this.check(name);
    await this.connection.run(scripts.release, [this.keyNames.lease(name)], [epoch]);
  }

  async leaseOf(name: string): Promise<HeldLease | undefined> {
    this.check(name);
    const key = this.keyNames.lease(name);
    const [held, remainingMs] = await this.connection.ask((client) => Promise.all([client.get(key), client.pttl(key)]));
    const [, epoch, holder] = /^(\d+) (.*)$/s.exec(held ?? "") ?? [];
    if (epoch === undefined || holder === undefined) return undefined;
    this.epochSeen = Math.max(this.epochSeen, Number(epoch));
    return { holder, epoch: Number(epoch), remainingMs };
  }

  async publish(channel: string, message: string): Promise<void> {
    this.check(channel);
    checkBytes(message, messageBytesMax);
    await this.connection.ask((client) => client.publish(this.keyNames.channel(channel), message));
  }

  subscribe(channel: string, onMessage: (message: string) => void, onGap: () => void = () => undefined): () => void {
    this.check(channel);
    return this.listen(this.keyNames.channel(channel), onMessage, onGap);
  }

  /** To a channel by its whole name. */
  listen(channel: string, onMessage: (message: string) => void, onGap: () => void): () => void {
    return this.subscriber.add(channel, onMessage, onGap);
  }

  async setEphemeral(group: string, name: string, value: unknown, ttlMs: number): Promise<void> {
    this.check(group);
    this.check(name);
    checkTtl(ttlMs);
    await this.connection.run(scripts.setEphemeral, this.keyNames.ephemera(group), [name, encodeValue(value, messageBytesMax), ttlMs]);
  }

  async ephemeral(group: string): Promise<ReadonlyMap<string, unknown>> {
    this.check(group);
    const flat = (await this.connection.run(scripts.ephemeral, this.keyNames.ephemera(group), [])) as string[];
    const entries = flat.flatMap((name, index): [string, unknown][] => (index % 2 === 0 ? [[name, parsed(flat[index + 1]!, group)]] : []));
    return new Map(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  async close(): Promise<void> {
    this.closed = true;
    this.subscriber.close();
    await this.connection.close();
  }

  private readonly now = (): string => new Date(this.clock.wallMs()).toISOString();

  private fenceKey(fence: Fence | undefined): string {
    if (fence !== undefined) checkKey(fence.lease);
    return this.keyNames.epoch(fence?.lease ?? "none");
  }

  /** Runs a script that writes, and sees to it that replicas have what it wrote. */
  async runWrite(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<Reply> {
    const reply = (await this.connection.run(script, keys, args)) as Reply;
    if (reply[0] === "written") await this.replicated();
    return reply;
  }

  /** A write that a failover would lose is not confirmed before a replica has it, where there is one. */
  private async replicated(): Promise<void> {
    const { replicas, servers, commandTimeoutMs } = this.settings;
    if (replicas === 0 || servers.kind === "cluster") return;
    // One that is there answers in a moment. One that was missing is not waited for again with every write.
    const timeoutMs = this.missedReplicas ? missingReplicaWaitMs : Math.ceil(commandTimeoutMs / 2);
    const have = await this.connection.ask((client) => client.wait(replicas, timeoutMs));
    if (have < replicas && !this.missedReplicas) this.warn(`Redis: only ${have} of ${replicas} replicas have what was written: a failover now may lose it`);
    this.missedReplicas = have < replicas;
  }

  /** @throws StoreError `fenced` */
  private written(reply: Reply, fence: Fence | undefined): boolean {
    if (reply[0] === "fenced") throw fencedError(fence?.lease ?? "", fence?.epoch ?? 0);
    return reply[0] === "written";
  }

  private check(key?: string): void {
    if (this.closed) throw closedError();
    if (key !== undefined) checkKey(key);
  }
}

function parsed(json: string, where: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    throw new StoreError("corrupt", `${where} in Redis is not JSON: somebody wrote it by hand; restore it, or delete it to start afresh`);
  }
}
