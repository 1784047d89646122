/**
 * An HTTP/1.1 connection from a client: parses requests one after the other, starts an exchange for each, and sends the
 * answers in the same order. Bytes that arrive ahead of their turn wait in the stash, which is bounded.
 */
import type net from "node:net";
import type { ErrorCode } from "../core/errors.ts";
import type { Forwarding } from "../http1/forward-head.ts";
import { HeadCollector } from "../http1/head-collector.ts";
import { parseRequestHead } from "../http1/request-head.ts";
import type { ResponseHead } from "../http1/response-head.ts";
import { threadCounters } from "../observe/layout.ts";
import { AnswerWriter } from "./answer-writer.ts";
import { begin } from "./begin.ts";
import { congested, takeOver, type SocketOwner } from "./byte-socket.ts";
import type { ProxyContext } from "./context.ts";
import { phase, type Downstream, type Exchange } from "./exchange.ts";
import { forward, forwardFlush, refuseClient } from "./forward.ts";
import { recordRefused } from "./record.ts";
import { clientGone } from "./relay.ts";
import { RequestBody } from "./request-body.ts";
import { tunnelBytes, tunnelFinished } from "./tunnel.ts";

export const connectionState = { idle: 0, head: 1, body: 2, answering: 3, tunnel: 4, lingering: 5, closed: 6 } as const;
export type ConnectionState = (typeof connectionState)[keyof typeof connectionState];
const s = connectionState;

/** Bytes that may wait for their turn before the socket is paused. */
const stashBytesMax = 65_536;
/** Bytes of an unwanted upload that are read and dropped, so that the answer before them arrives (RFC 9112 section 9.6). */
const lingerBytesMax = 4 * 1024 * 1024;
const headFailures = { line_ending: "invalid_line_ending", first_line_too_large: "target_too_long", too_large: "head_too_large" } as const;
/** Refusals after which the request's end is known, so that the connection can go on. */
const keepsFraming: ReadonlySet<ErrorCode> = new Set(["no_route", "loop_detected", "no_configuration"]);

export class DownstreamConnection implements Downstream, SocketOwner {
  readonly clientIp: string;
  state: ConnectionState = s.idle;
  /** Coarse time since which the connection has been in its state without progress. */
  sinceMs: number;
  halfClosedAtMs = 0;
  /** Requests answered so far. */
  served = 0;
  readonly socket: net.Socket;
  private readonly context: ProxyContext;
  private readonly forwarding: Forwarding;
  private readonly writer: AnswerWriter;
  private readonly heads: HeadCollector;
  private exchange: Exchange | null = null;
  private readonly requestBody = new RequestBody();
  private stash: Buffer | null = null;
  private processing = false;
  private bodyPaused = false;
  private lingered = 0;

  constructor(context: ProxyContext, accepted: net.Socket, clientIp: string, forwarding: Forwarding) {
    this.context = context;
    this.clientIp = clientIp;
    this.forwarding = forwarding;
    this.sinceMs = context.nowMs;
    this.socket = takeOver(accepted, this);
    this.writer = new AnswerWriter(this.socket);
    this.heads = new HeadCollector(context.limits.headBytesMax, true);
    context.connections.add(this);
    context.count(threadCounters.connectionsActive, 1);
  }

  /** Whether bytes of a further request are here already. */
  get hasWaiting(): boolean {
    return this.stash !== null;
  }

  // ---- reading

  onBytes(buffer: Buffer, length: number): void {
    this.context.turn();
    if (this.state === s.tunnel) {
      const exchange = this.exchange!;
      if (exchange.upstream !== null) tunnelBytes(exchange, exchange.upstream, buffer, 0, length, false);
    } else if (this.state === s.lingering) {
      this.lingered += length;
      // Not destroyed yet: a reset could overtake the answer on its way into the client.
      if (this.lingered > lingerBytesMax) this.socket.pause();
    } else if (this.stash !== null) this.keep(Buffer.concat([this.stash, buffer.subarray(0, length)]));
    else if (this.state !== s.closed) this.run(buffer, length);
  }

  private run(buffer: Buffer, length: number): void {
    this.processing = true;
    let i = 0;
    while (i < length) {
      if (this.state <= s.head) {
        // A client that does not read its answers gets no further ones.
        if (congested(this.socket)) break;
        i = this.takeHead(buffer, i, length);
      } else if (this.state === s.body && !this.bodyPaused) i = this.takeBody(buffer, i, length);
      else break;
    }
    if (this.exchange !== null && this.exchange.hasBody && this.state !== s.tunnel) forwardFlush(this.exchange);
    this.processing = false;
    if (i < length && this.state < s.tunnel) this.keep(Buffer.from(buffer.subarray(i, length)));
  }

  private keep(bytes: Buffer): void {
    this.stash = bytes;
    if (bytes.length >= stashBytesMax) this.socket.pause();
  }

  /** Goes on with what waited, then with the socket. */
  private replay(): void {
    const { stash } = this;
    this.stash = null;
    if (stash !== null) this.run(stash, stash.length);
    if (!this.bodyPaused && (this.stash === null || (this.stash as Buffer).length < stashBytesMax)) this.socket.resume();
    // The client has finished: what is not whole by now never will be.
    if (this.halfClosedAtMs === 0 || this.stash !== null) return;
    if (this.state <= s.head) this.linger();
    else if (this.state === s.body && !this.bodyPaused) this.destroy();
  }

  private takeHead(buffer: Buffer, start: number, end: number): number {
    const { heads } = this;
    const { limits, requestHead } = this.context;
    const whole = heads.whole(buffer, start, end);
    if (whole !== null && parseRequestHead(requestHead, whole, limits) === null && requestHead.end <= whole.length) {
      const next = start + requestHead.end;
      this.startExchange();
      return next;
    }
    // What is not a good head that came as one is looked at once more: it may be a part, and if not, what is wrong is said exactly.
    const text = heads.take(buffer, start, end);
    if (text !== null) {
      const error = parseRequestHead(requestHead, text, limits);
      if (error === null) this.startExchange();
      else this.refuseHead(error, requestHead.method);
    } else if (heads.failure !== null) this.refuseHead(headFailures[heads.failure]);
    else if (this.state === s.idle) {
      this.state = s.head;
      this.sinceMs = this.context.nowMs;
    }
    return heads.next;
  }

  private startExchange(): void {
    const head = this.context.requestHead;
    this.writer.minor = head.minor;
    this.writer.closeAfter = head.close;
    const exchange = begin(this.context, this, head, this.forwarding, this.context.nowMs);
    if (typeof exchange === "string") return this.refuseHead(exchange, head.method);
    this.exchange = exchange;
    if (exchange.hasBody) this.requestBody.begin(exchange);
    this.state = exchange.hasBody ? s.body : s.answering;
    forward(exchange);
  }

  private takeBody(buffer: Buffer, start: number, end: number): number {
    const exchange = this.exchange!;
    const next = this.requestBody.take(exchange, buffer, start, end);
    if (this.requestBody.failure !== null) this.failBody(exchange, this.requestBody.failure);
    else if (exchange.requestDone) this.state = s.answering;
    return next;
  }

  /** The upstream must not take what it has for whole. */
  private failBody(exchange: Exchange, code: ErrorCode): void {
    if (exchange.phase === phase.relaying) {
      clientGone(exchange, code);
      this.reset();
    } else refuseClient(exchange, code);
  }

  /** @param method of the refused request, where it is known */
  private refuseHead(code: ErrorCode, method = ""): void {
    const head = this.context.requestHead;
    const known = keepsFraming.has(code);
    recordRefused(this.context, code, known ? head : null);
    this.writer.closeAfter = !known || head.close || head.bodyLength !== 0 || this.context.draining;
    this.writer.problem(code, method !== "HEAD", "");
    this.over();
  }

  // ---- answering: Downstream

  interim(head: ResponseHead): void {
    this.writer.interim(head);
  }

  head(head: ResponseHead): void {
    const exchange = this.exchange!;
    if (!exchange.requestDone || this.context.draining || (this.halfClosedAtMs > 0 && this.stash === null)) this.writer.closeAfter = true;
    this.writer.head(head, exchange.setCookie);
  }

  body(buffer: Buffer, start: number, end: number): void {
    this.writer.body(buffer, start, end);
  }

  end(trailers: string): void {
    this.writer.end(trailers);
    this.writer.flush();
    this.over();
  }

  flush(): boolean {
    this.writer.flush();
    return !congested(this.socket);
  }

  refuse(code: ErrorCode): void {
    if (this.state === s.closed) return;
    const exchange = this.exchange!;
    this.writer.closeAfter ||= !exchange.requestDone || this.context.draining;
    this.writer.problem(code, !exchange.headRequest, exchange.setCookie);
    this.over();
  }

  reset(): void {
    this.exchange = null;
    this.state = s.closed;
    this.socket.resetAndDestroy();
  }

  pauseBody(): void {
    this.bodyPaused = true;
    this.socket.pause();
  }

  resumeBody(): void {
    this.bodyPaused = false;
    if (!this.processing) this.replay();
  }

  upgrade(head: ResponseHead): void {
    this.writer.upgrade(head);
    this.state = s.tunnel;
    const { stash } = this;
    this.stash = null;
    this.socket.resume();
    const exchange = this.exchange!;
    const upstream = exchange.upstream!;
    if (stash !== null) tunnelBytes(exchange, upstream, stash, 0, stash.length, false);
    // The client finished while it waited for the 101: its end comes behind its bytes.
    if (this.halfClosedAtMs > 0) tunnelFinished(exchange, upstream);
  }

  tunnel(buffer: Buffer, start: number, end: number): boolean {
    this.writer.raw(buffer, start, end);
    return !congested(this.socket);
  }

  tunnelEnd(): void {
    this.socket.end();
  }

  tunnelClosed(clean: boolean): void {
    this.exchange = null;
    if (clean) this.linger();
    else this.reset();
  }

  // ---- between exchanges

  /** The exchange's answer has been handed to the socket. */
  private over(): void {
    this.exchange = null;
    this.bodyPaused = false;
    this.served++;
    if (this.writer.closeAfter) return this.linger();
    this.state = s.idle;
    this.sinceMs = this.context.nowMs;
    if (!this.processing && (this.stash !== null || this.halfClosedAtMs > 0)) this.replay();
  }

  /** Closes without losing the answer: our side first, then what still arrives is read and dropped for a while. */
  linger(): void {
    this.state = s.lingering;
    this.sinceMs = this.context.nowMs;
    this.stash = null;
    this.socket.end();
    this.socket.resume();
  }

  /** The head took too long. */
  headTimeout(): void {
    this.refuseHead("head_timeout");
  }

  destroy(): void {
    this.socket.destroy();
  }

  onEnd(): void {
    this.context.turn();
    switch (this.state) {
      case s.answering:
        this.halfClosedAtMs = this.context.nowMs;
        break;
      case s.tunnel:
        if (this.exchange!.upstream !== null) tunnelFinished(this.exchange!, this.exchange!.upstream);
        break;
      case s.idle:
        if (this.stash !== null) this.halfClosedAtMs = this.context.nowMs;
        else this.socket.end();
        break;
      case s.head:
        // Not destroyed: an answer before this half of a request may still be on its way.
        this.linger();
        break;
      case s.lingering:
        break;
      default:
        this.destroy();
    }
  }

  onClosed(): void {
    this.context.turn();
    const { exchange } = this;
    this.exchange = null;
    this.stash = null;
    this.state = s.closed;
    this.context.connections.delete(this);
    this.context.count(threadCounters.connectionsActive, -1);
    if (exchange !== null) clientGone(exchange, "client_closed");
  }

  onDrain(): void {
    this.context.turn();
    const { exchange } = this;
    this.sinceMs = this.context.nowMs;
    if (exchange?.responsePaused === true) {
      exchange.responsePaused = false;
      exchange.progressMs = this.context.nowMs;
      exchange.upstream?.resumeBody();
    } else if (exchange === null && this.stash !== null && this.state === s.idle) this.replay();
  }
}
