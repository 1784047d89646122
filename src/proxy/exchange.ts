/**
 * One request on its way and its answer on the way back. The exchange knows no HTTP version: a downstream and an upstream
 * carry it, and the steps (route, cohort, variant, endpoint, forward, relay, record) act on it.
 */
import type { ErrorCode } from "../core/errors.ts";
import type { RoutingReason } from "../core/reasons.ts";
import type { ResponseHead } from "../http1/response-head.ts";
import type { Sample } from "../observe/recorder.ts";
import type { Baggage } from "../split/baggage.ts";
import type { ProxyContext } from "./context.ts";
import type { Endpoint } from "./endpoint.ts";
import type { MirrorCapture } from "./mirror-capture.ts";
import type { RuntimeRoute, RuntimeVariant } from "./runtime.ts";
import type { ExchangeTrace } from "./tracing.ts";

/** The client's side of an exchange. Bytes are valid during the call only. */
export interface Downstream {
  readonly clientIp: string;
  /** When the client finished sending while the exchange was under way (coarse clock), or 0. */
  readonly halfClosedAtMs: number;
  interim(head: ResponseHead): void;
  /** With the body, where `head.answerEnd` says that the text has it whole. */
  head(head: ResponseHead): void;
  body(buffer: Buffer, start: number, end: number): void;
  /** @param trailers whole lines, each with CR LF */
  end(trailers: string): void;
  /** Writes what was gathered. @returns false when the client is slow: `resumeResponse` follows */
  flush(): boolean;
  /** The proxy's own answer, instead of a head. */
  refuse(code: ErrorCode): void;
  /** Cuts the connection, so that nothing looks complete. */
  reset(): void;
  pauseBody(): void;
  resumeBody(): void;
  /** Relays a 101 and turns the connection into a byte tunnel. */
  upgrade(head: ResponseHead): void;
  tunnel(buffer: Buffer, start: number, end: number): boolean;
  tunnelEnd(): void;
  /** The upstream's socket is gone. @param clean whether it ended, rather than broke */
  tunnelClosed(clean: boolean): void;
}

/** The service's side of an exchange. */
export interface Upstream {
  /** Whether the connection had carried an exchange before. */
  readonly reused: boolean;
  readonly connected: boolean;
  head(text: string): void;
  body(buffer: Buffer, start: number, end: number): void;
  end(trailers: string): void;
  /** @returns false when the service is slow: `resumeRequest` follows */
  flush(): boolean;
  pauseBody(): void;
  resumeBody(): void;
  /** Leaves the exchange and closes the connection. */
  abandon(): void;
  tunnel(buffer: Buffer, start: number, end: number): boolean;
  tunnelEnd(): void;
}

/** Where an exchange stands; the sweep applies that phase's timeout. */
export const phase = { routed: 0, pending: 1, awaiting: 2, relaying: 3, tunnel: 4, done: 5 } as const;
export type ExchangePhase = (typeof phase)[keyof typeof phase];

export class Exchange implements Sample {
  readonly context: ProxyContext;
  readonly downstream: Downstream;
  upstream: Upstream | null = null;
  endpoint: Endpoint | null = null;
  phase: ExchangePhase = phase.routed;

  // the request
  readonly method: string;
  readonly target: string;
  readonly headRequest: boolean;
  readonly safe: boolean;
  readonly idempotent: boolean;
  readonly hasBody: boolean;
  /** In bytes, or `chunked`. */
  readonly bodyLength: number;
  /** The protocols of an upgrade request, in lower case, or "". */
  upgrade = "";
  /** The forwarded head, less what the variant adds. */
  commonHead = "";
  requestDone: boolean;
  requestBytes = 0;

  // the decision
  route!: RuntimeRoute;
  /** Assigned by the split. */
  variant!: RuntimeVariant;
  /** The one that serves: the baseline after a fallback. */
  serving!: RuntimeVariant;
  /** Who answers what the variant fails; null: the baseline. */
  resort: RuntimeVariant | null = null;
  bucket = 0;
  reason: RoutingReason = "default";
  /** What the request brought of it; null: nothing that matters. */
  baggage: Baggage | null = null;
  /** The lane that was joined, or "": then the serving variant's own. */
  lane = "";
  /** A Set-Cookie line for the response, with CR LF, or "". */
  setCookie = "";

  /** Of a page: what the client knows of its page's version, or "". Null: no page, or nobody asks. */
  page: string | null = null;

  // the answer
  status = 0;
  responseBytes = 0;
  interims = 0;
  responsePaused = false;
  requestPaused = false;
  retries = 0;
  fellBack = false;
  error: ErrorCode | "" = "";

  /** Null: tracing is not configured. */
  trace: ExchangeTrace | null = null;
  /** "": none is known. */
  traceId = "";
  /** Gathers the answer for a copy of the request; null: there is none to be. */
  mirror: MirrorCapture | null = null;

  // times in milliseconds of performance.now()
  readonly startMs: number;
  forwardMs = 0;
  firstByteMs = 0;
  /** When it began to wait for what its phase waits for; the sweep's coarse clock moves it on. */
  progressMs = 0;

  // the sample (see observe/recorder.ts)
  row = -1;
  second = 0;
  counted = 0;
  shard = 0;
  client = -1;
  /** The cohort was seen before, in this epoch. */
  returning = false;
  endpointShard = -1;

  // in-flight list
  previous: Exchange | null = null;
  next: Exchange | null = null;

  constructor(context: ProxyContext, downstream: Downstream, method: string, target: string, bodyLength: number, startMs: number) {
    this.context = context;
    this.downstream = downstream;
    this.method = method;
    this.target = target;
    this.bodyLength = bodyLength;
    this.hasBody = bodyLength !== 0;
    this.requestDone = bodyLength === 0;
    this.headRequest = method === "HEAD";
    this.safe = method === "GET" || this.headRequest || method === "OPTIONS";
    // RFC 9110 section 9.2.2
    this.idempotent = this.safe || method === "PUT" || method === "DELETE";
    this.startMs = startMs;
    this.progressMs = startMs;
  }
}
