import type { AccessLog } from "../core/access-log.ts";
import type { ErrorCode } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import type { ProxyLimits } from "../config/settings.ts";
import { RequestHead } from "../http1/request-head.ts";
import { ResponseHead } from "../http1/response-head.ts";
import { errorWord, offsets, slotOffset, slotWords, threadCounters } from "../observe/layout.ts";
import { GateOutcome } from "../split/gate.ts";
import { GateQuestion } from "../split/gate-question.ts";
import type { DownstreamConnection } from "./connection.ts";
import type { Exchange } from "./exchange.ts";
import { InFlight } from "./in-flight.ts";
import type { MirrorSample } from "./mirror-capture.ts";
import type { Runtime } from "./runtime.ts";
import type { Tracer } from "./tracing.ts";
import type { UpstreamConnection } from "./upstream.ts";

/** What all connections and exchanges of one proxy thread share. One object, made once, passed down. */
export class ProxyContext {
  readonly limits: ProxyLimits;
  readonly viaName: string;
  readonly accessLog: AccessLog | null;
  readonly random: Random;
  /** The compiled snapshot in force; null until the first one arrives. Captured once per request. */
  runtime: Runtime | null = null;
  readonly inFlight = new InFlight();
  readonly connections = new Set<DownstreamConnection>();
  draining = false;
  /** An upstream connection came free for an exchange that waited; set where the steps are put together. */
  granted: (exchange: Exchange, connection: UpstreamConnection) => void = () => {};
  /** Hands a request and its answer to whoever sends copies; null: nobody does. */
  mirror: ((sample: MirrorSample) => void) | null = null;
  /** Of them, those that are not done with. */
  mirrorsWaiting = 0;
  /** Null: tracing is not configured, and trace contexts pass as they are. */
  tracer: Tracer | null = null;
  /** performance.now() of the event that is being handled: read once for each, by `turn`. */
  nowMs = performance.now();
  /** Scratch heads: parsed, used and left within one call. */
  readonly requestHead: RequestHead;
  readonly responseHead: ResponseHead;
  /** Scratch of what a route's gates are asked, and what they answer. */
  readonly question = new GateQuestion();
  readonly outcome = new GateOutcome();
  private readonly words: Uint32Array;

  constructor(options: { limits: ProxyLimits; viaName: string; accessLog: AccessLog | null; random: Random; page: SharedArrayBuffer; thread: number }) {
    this.limits = options.limits;
    this.viaName = options.viaName;
    this.accessLog = options.accessLog;
    this.random = options.random;
    this.requestHead = new RequestHead(options.limits.headersMax);
    this.responseHead = new ResponseHead(options.limits.headersMax);
    this.words = new Uint32Array(options.page, slotOffset(0, options.thread) * 4, slotWords);
  }

  /** Every event of a socket, and the sweep, begins with it. */
  turn(): void {
    this.nowMs = performance.now();
  }

  /** A cell of `threadCounters`. */
  count(counter: number, amount: number): void {
    this.words[offsets.counters + counter]! += amount;
  }

  countMirrorDropped(): void {
    this.count(threadCounters.mirrorsDropped, 1);
  }

  /** A request that no variant is to blame for. */
  countRefusal(code: ErrorCode): void {
    this.words[errorWord(code)]!++;
  }
}

/** The origin of this thread's `performance.now()`: with it, all threads name the same second. */
const originMs = performance.timeOrigin;
export const dispatchSecond = (nowMs: number): number => Math.floor((originMs + nowMs) / 1000);
