/** An HTTP/1.1 connection to an endpoint: sends one exchange at a time, parses and checks what comes back. */
import type net from "node:net";
import type { ErrorCode } from "../core/errors.ts";
import { ChunkedDecoder } from "../http1/chunked.ts";
import { chunked, untilClose } from "../http1/framing.ts";
import { HeadCollector } from "../http1/head-collector.ts";
import { announcedIdleMs, parseResponseHead } from "../http1/response-head.ts";
import { threadCounters } from "../observe/layout.ts";
import { BodyWriter } from "./body-writer.ts";
import { connect, congested, type SocketOwner } from "./byte-socket.ts";
import type { Endpoint } from "./endpoint.ts";
import { phase, type Exchange, type Upstream } from "./exchange.ts";
import { upstreamFailed } from "./forward.ts";
import { relayBody, relayEnd, relayHead, relayInterim, relayUpgrade } from "./relay.ts";
import { tunnelBytes, tunnelClosed, tunnelFinished } from "./tunnel.ts";

const state = { idle: 0, head: 1, body: 2, tunnel: 3, closed: 4 } as const;
type State = (typeof state)[keyof typeof state];

export class UpstreamConnection implements Upstream, SocketOwner {
  readonly endpoint: Endpoint;
  idleSinceMs = 0;
  /** How long it may stay idle: always less than the service's own idle timeout, as far as that is known. */
  idleMsMax: number;
  reused = false;
  connected = false;
  private exchange: Exchange | null = null;
  private state: State = state.idle;
  private readonly socket: net.Socket;
  private readonly writer: BodyWriter;
  private readonly heads: HeadCollector;
  private decoder: ChunkedDecoder | null = null;
  /** Bytes of the body still to come, or `untilClose`. */
  private remaining = 0;
  private closeAfter = false;
  private anyByte = false;

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
    const { context } = endpoint;
    this.idleMsMax = context.limits.upstreamKeepAliveMs;
    context.count(threadCounters.upstreamConnectionsOpened, 1);
    context.count(threadCounters.upstreamConnectionsActive, 1);
    this.socket = connect(endpoint.address, this);
    this.writer = new BodyWriter(this.socket);
    this.heads = new HeadCollector(context.limits.headBytesMax, false);
    this.socket.once("connect", () => {
      this.connected = true;
      if (this.exchange !== null) this.exchange.progressMs = performance.now();
    });
  }

  /** The exchange that the next bytes belong to. */
  attach(exchange: Exchange): void {
    this.exchange = exchange;
    this.state = state.head;
    this.anyByte = false;
    exchange.upstream = this;
  }

  head(text: string): void {
    this.writer.text(text);
  }

  body(buffer: Buffer, start: number, end: number): void {
    this.writer.body(buffer, start, end);
  }

  end(trailers: string): void {
    this.writer.end(trailers);
  }

  /** Announces how the request body is framed. */
  frame(bodyChunked: boolean): void {
    this.writer.chunked = bodyChunked;
  }

  flush(): boolean {
    this.writer.flush();
    return !congested(this.socket);
  }

  pauseBody(): void {
    this.socket.pause();
  }

  resumeBody(): void {
    this.socket.resume();
  }

  abandon(): void {
    this.exchange = null;
    this.close();
  }

  close(): void {
    this.state = state.closed;
    this.socket.destroy();
  }

  tunnel(buffer: Buffer, start: number, end: number): boolean {
    this.writer.raw(buffer, start, end);
    return !congested(this.socket);
  }

  tunnelEnd(): void {
    this.socket.end();
  }

  onBytes(buffer: Buffer, length: number): void {
    this.endpoint.context.turn();
    const exchange = this.exchange;
    if (exchange === null) {
      // Bytes that nobody asked for: whatever follows could be taken for the next answer. Never reused.
      this.close();
      return;
    }
    this.anyByte = true;
    // Before the final head only the first-byte timeout counts, so that interim responses cannot hold it off.
    if (exchange.phase === phase.relaying) exchange.progressMs = exchange.context.nowMs;
    if (this.state === state.tunnel) return tunnelBytes(exchange, exchange.downstream, buffer, 0, length, true);
    const used = this.take(exchange, buffer, 0, length);
    if (this.exchange !== exchange) {
      // The answer ended inside this read, or the exchange left. More bytes than the answer has make the connection unfit.
      return;
    }
    if (used >= 0) this.afterRead(exchange);
  }

  private afterRead(exchange: Exchange): void {
    if (exchange.phase !== phase.relaying || exchange.downstream.flush()) return;
    exchange.responsePaused = true;
    this.socket.pause();
  }

  /** @returns -1 where the exchange has left this connection */
  private take(exchange: Exchange, buffer: Buffer, start: number, end: number): number {
    let i = start;
    while (i < end) {
      if (this.state === state.head) i = this.takeHead(exchange, buffer, i, end);
      else if (this.state === state.body) i = this.takeBody(exchange, buffer, i, end);
      else return -1;
      if (i < 0) return -1;
    }
    return i;
  }

  private takeHead(exchange: Exchange, buffer: Buffer, start: number, end: number): number {
    const { heads } = this;
    const { responseHead } = exchange.context;
    const whole = heads.whole(buffer, start, end);
    const inPlace = whole !== null && parseResponseHead(responseHead, whole, exchange.headRequest) && responseHead.end <= whole.length;
    let next = start + responseHead.end;
    if (!inPlace) {
      const text = heads.take(buffer, start, end);
      next = heads.next;
      if (text === null) return heads.failure === null ? next : this.fail("malformed_response");
      if (!parseResponseHead(responseHead, text, exchange.headRequest)) return this.fail("malformed_response");
    }
    if (responseHead.status === 101) return this.takeUpgrade(exchange, buffer, next, end);
    if (responseHead.status < 200) {
      relayInterim(exchange, responseHead);
      return this.exchange === exchange ? next : -1;
    }
    this.closeAfter = responseHead.close;
    if (!this.reused) this.heed(announcedIdleMs(responseHead));
    this.remaining = responseHead.bodyLength;
    this.decoder = this.remaining === chunked ? new ChunkedDecoder(exchange.context.limits, false) : null;
    this.state = state.body;
    this.endpoint.answered();
    const last = next + this.remaining;
    // A small body that came with its head is text already, and leaves with it.
    const withBody = inPlace && this.remaining > 0 && last === end && last - start === whole.length;
    if (withBody) responseHead.answerEnd = last - start;
    relayHead(exchange, responseHead);
    if (this.exchange !== exchange) return -1;
    return withBody || this.remaining === 0 ? this.finish(exchange, "", last, end) : next;
  }

  /** The service's own word on its idle timeout; it comes on the first answer already. */
  private heed(announcedMs: number): void {
    // A second less, or half: what is on its way when the service's time is up would be lost.
    this.idleMsMax = Math.min(this.idleMsMax, Math.max(announcedMs - 1_000, announcedMs / 2));
    if (this.idleMsMax <= 0) this.closeAfter = true;
  }

  private takeBody(exchange: Exchange, buffer: Buffer, start: number, end: number): number {
    if (this.decoder !== null) return this.takeChunks(exchange, this.decoder, buffer, start, end);
    if (this.remaining === untilClose) {
      relayBody(exchange, buffer, start, end);
      return end;
    }
    const stop = Math.min(end, start + this.remaining);
    this.remaining -= stop - start;
    relayBody(exchange, buffer, start, stop);
    return this.remaining === 0 ? this.finish(exchange, "", stop, end) : stop;
  }

  private takeChunks(exchange: Exchange, decoder: ChunkedDecoder, buffer: Buffer, start: number, end: number): number {
    const next = decoder.push(buffer, start, end);
    if (decoder.failed) return this.fail("malformed_response");
    if (decoder.payloadEnd > decoder.payloadStart) relayBody(exchange, buffer, decoder.payloadStart, decoder.payloadEnd);
    return decoder.done ? this.finish(exchange, decoder.trailers, next, end) : next;
  }

  private takeUpgrade(exchange: Exchange, buffer: Buffer, next: number, end: number): number {
    const { responseHead } = exchange.context;
    // A protocol that was not asked for, or no upgrade at all: no tunnel (RFC 9110 section 7.8).
    const offered = exchange.upgrade.split(",").map((protocol) => protocol.trim());
    if (exchange.upgrade === "" || responseHead.upgrade === "" || !offered.includes(responseHead.upgrade)) return this.fail("malformed_response");
    this.state = state.tunnel;
    this.endpoint.answered();
    relayUpgrade(exchange, responseHead);
    if (this.exchange === exchange && next < end) tunnelBytes(exchange, exchange.downstream, buffer, next, end, true);
    return -1;
  }

  /** The answer is whole. The connection goes back first, so that the client's next request finds it. */
  private finish(exchange: Exchange, trailers: string, next: number, end: number): number {
    this.exchange = null;
    this.decoder = null;
    exchange.upstream = null;
    const reusable = !this.closeAfter && exchange.requestDone && next === end;
    if (reusable) {
      this.state = state.idle;
      this.reused = true;
      this.idleSinceMs = exchange.context.nowMs;
      this.endpoint.release(this);
    } else this.close();
    relayEnd(exchange, trailers);
    return -1;
  }

  private fail(code: ErrorCode): number {
    const { exchange } = this;
    this.exchange = null;
    this.close();
    if (exchange !== null) upstreamFailed(exchange, code, false);
    return -1;
  }

  onEnd(): void {
    this.endpoint.context.turn();
    const { exchange } = this;
    if (exchange === null) return this.close();
    if (this.state === state.tunnel) return tunnelFinished(exchange, exchange.downstream);
    if (this.state === state.body && this.remaining === untilClose) {
      this.closeAfter = true;
      this.finish(exchange, "", 0, 0);
      return;
    }
    this.lost();
  }

  onClosed(error: Error | null): void {
    this.endpoint.context.turn();
    this.endpoint.context.count(threadCounters.upstreamConnectionsActive, -1);
    this.endpoint.closed(this);
    if (this.exchange === null) return;
    if (this.state !== state.tunnel) return this.lost();
    const { exchange } = this;
    this.exchange = null;
    tunnelClosed(exchange, error === null);
  }

  /** The connection broke or ended under an exchange. */
  private lost(): void {
    const exchange = this.exchange!;
    const answering = this.state === state.body;
    this.exchange = null;
    this.close();
    if (!this.connected) upstreamFailed(exchange, "connect_failed", false);
    else if (answering) upstreamFailed(exchange, "truncated", false);
    else upstreamFailed(exchange, "reset", this.reused && !this.anyByte);
  }

  onDrain(): void {
    this.endpoint.context.turn();
    const { exchange } = this;
    if (exchange === null || !exchange.requestPaused) return;
    exchange.requestPaused = false;
    exchange.progressMs = exchange.context.nowMs;
    exchange.downstream.resumeBody();
  }
}
