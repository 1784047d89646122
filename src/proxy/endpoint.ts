import type { EndpointAddress } from "../config/snapshot.ts";
import type { ProxyContext } from "./context.ts";
import type { Exchange } from "./exchange.ts";
import type { RuntimeVariant } from "./runtime.ts";
import type { UpstreamConnection } from "./upstream.ts";

/** So many failures in a row to connect or to answer at all take an endpoint out for a while. */
const failuresToEject = 5;
const ejectionMs = 1_000;
const ejectionMsMax = 30_000;

/** Makes a connection; handed in, so that endpoints and connections need not know each other's making. */
export type OpenConnection = (endpoint: Endpoint) => UpstreamConnection;

/** One address of a variant, on one thread: its connections, its load, its health. */
export class Endpoint {
  readonly address: EndpointAddress;
  /** Which endpoint of this thread it is, from 0: the judge tells a variant's endpoints apart by it. */
  readonly ordinal: number;
  readonly context: ProxyContext;
  connectionsMax = 0;
  pendingMax = 0;
  /** What active health checks say; passive ejection is apart. */
  healthy = true;
  inFlight = 0;
  /** Connections, idle ones included. */
  open = 0;
  retired = false;
  /** LIFO: the connection used last is the least likely to be stale, and a small set stays warm. */
  private readonly idle: UpstreamConnection[] = [];
  private readonly waiting: Exchange[] = [];
  private failures = 0;
  private ejections = 0;
  private ejectedUntilMs = 0;
  private readonly openConnection: OpenConnection;

  constructor(context: ProxyContext, address: EndpointAddress, ordinal: number, openConnection: OpenConnection) {
    this.openConnection = openConnection;
    this.context = context;
    this.address = address;
    this.ordinal = ordinal;
  }

  /** Fit to be chosen. */
  get available(): boolean {
    return this.healthy && this.ejectedUntilMs <= this.context.nowMs;
  }

  /**
   * @param fresh never a reused connection: the retry of a stale one
   * @returns a connection, or null when all are busy and no more may be opened
   */
  acquire(fresh: boolean): UpstreamConnection | null {
    if (!fresh) {
      const connection = this.idle.pop();
      if (connection !== undefined) return connection;
    }
    if (this.open >= this.connectionsMax && !(fresh && this.dropIdle())) return null;
    this.open++;
    return this.openConnection(this);
  }

  /** Lets an exchange wait for a connection. @returns false when too many wait already */
  enqueue(exchange: Exchange): boolean {
    if (this.waiting.length >= this.pendingMax) return false;
    this.waiting.push(exchange);
    return true;
  }

  leaveQueue(exchange: Exchange): void {
    const at = this.waiting.indexOf(exchange);
    if (at >= 0) this.waiting.splice(at, 1);
  }

  /** A connection finished its exchange and can carry another. */
  release(connection: UpstreamConnection): void {
    const next = this.waiting.shift();
    if (next !== undefined) return this.grant(next, connection);
    if (this.retired || this.context.draining || this.idle.length >= this.context.limits.upstreamIdlePerEndpointMax) return connection.close();
    this.idle.push(connection);
  }

  /** A connection is gone. */
  closed(connection: UpstreamConnection): void {
    this.open--;
    const at = this.idle.lastIndexOf(connection);
    if (at >= 0) this.idle.splice(at, 1);
    if (this.waiting.length === 0 || this.open >= this.connectionsMax) return;
    const next = this.waiting.shift()!;
    this.open++;
    this.grant(next, this.openConnection(this));
  }

  answered(): void {
    this.failures = 0;
    this.ejections = 0;
  }

  failed(): void {
    if (++this.failures < failuresToEject) return;
    this.failures = 0;
    this.ejectedUntilMs = this.context.nowMs + Math.min(ejectionMsMax, ejectionMs * 2 ** this.ejections);
    this.ejections = Math.min(this.ejections + 1, 10);
  }

  /** Closes connections that have been idle for as long as they may; the oldest lie at the bottom. */
  sweep(nowMs: number): void {
    while (this.idle.length > 0 && nowMs - this.idle[0]!.idleSinceMs > this.idle[0]!.idleMsMax) this.idle.shift()!.close();
  }

  retire(): void {
    this.retired = true;
    for (const connection of this.idle.splice(0)) connection.close();
  }

  private dropIdle(): boolean {
    const connection = this.idle.shift();
    connection?.close();
    return connection !== undefined;
  }

  private grant(exchange: Exchange, connection: UpstreamConnection): void {
    this.context.granted(exchange, connection);
  }
}

/**
 * Two random endpoints, the one with fewer exchanges in flight (Mitzenmacher, "The power of two choices", 2001).
 * Unavailable ones are passed over. Where none is available, a candidate has none, and its safe requests fall back; the
 * baseline uses any, because a wrong guess about its health must not take the service down.
 */
export function chooseEndpoint(variant: RuntimeVariant, random: () => number): Endpoint | null {
  const { endpoints } = variant;
  const count = endpoints.length;
  if (count === 1) {
    const only = endpoints[0]!;
    return only.available || variant.index === 0 ? only : null;
  }
  if (count === 0) return null;
  const a = endpoints[Math.floor(random() * count)]!;
  let b = endpoints[Math.floor(random() * (count - 1))]!;
  if (b === a) b = endpoints[count - 1]!;
  if (a.available && b.available) return a.inFlight <= b.inFlight ? a : b;
  if (a.available) return a;
  if (b.available) return b;
  const start = Math.floor(random() * count);
  for (let i = 0; i < count; i++) {
    const endpoint = endpoints[(start + i) % count]!;
    if (endpoint.available) return endpoint;
  }
  return variant.index === 0 ? a : null;
}

