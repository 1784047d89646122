/**
 * A request's place in a trace: which context it came with, which one goes upstream, and the span that is told of it when
 * it is over. Spans leave in batches, and are dropped and counted where the control thread does not keep up.
 */
import type { TracingSettings } from "../config/settings.ts";
import type { Random } from "../core/random.ts";
import { kind } from "../http1/field-kinds.ts";
import type { Forwarding } from "../http1/forward-head.ts";
import type { RequestHead } from "../http1/request-head.ts";
import { flagRandom, flagSampled, isTracestate, parseTraceparent, type ParentContext } from "../trace/context.ts";
import { TraceIds } from "../trace/ids.ts";
import type { SpanRecord } from "../trace/span.ts";
import type { Exchange } from "./exchange.ts";

const traceparentField = 1 << kind.traceparent;
const contextFields = traceparentField | (1 << kind.tracestate);

/** Spans in one message, and those that a thread may have sent without having heard that they arrived. */
const batchMax = 128;
const unheardMax = 1_024;

/** Of one exchange. */
export class ExchangeTrace {
  readonly traceId: string;
  readonly spanId: string;
  /** "": the trace begins here. */
  readonly parentId: string;
  readonly flags: number;
  readonly traceState: string;
  readonly scheme: "http" | "https";
  readonly authority: string;
  readonly protocolVersion: string;
  /** Kinds of fields of the inbound head that do not go on. */
  readonly replaced: number;

  constructor(traceId: string, spanId: string, parentId: string, flags: number, traceState: string, replaced: number, scheme: "http" | "https", head: Pick<RequestHead, "authority" | "minor">) {
    this.traceId = traceId;
    this.spanId = spanId;
    this.parentId = parentId;
    this.flags = flags;
    this.traceState = traceState;
    this.replaced = replaced;
    this.scheme = scheme;
    this.authority = head.authority;
    this.protocolVersion = head.minor === 0 ? "1.0" : "1.1";
  }

  /** The field that goes upstream. */
  get line(): string {
    return `traceparent: 00-${this.traceId}-${this.spanId}-0${this.flags}\r\n`;
  }
}

/** The context of a head that has a `traceparent`; null where it is not one, or there are two. */
function parentOf(head: RequestHead): ParentContext | null {
  const values = head.all("traceparent");
  return values.length === 1 ? parseTraceparent(values[0]!) : null;
}

/** For the log of a request that is not traced here. @param head has a `traceparent` field */
export const inboundTraceId = (head: RequestHead): string => parentOf(head)?.traceId ?? "";

export class Tracer {
  private readonly settings: TracingSettings;
  private readonly random: Random;
  private readonly send: (spans: readonly SpanRecord[]) => void;
  private readonly dropped: (spans: number) => void;
  private readonly ids = new TraceIds();
  private batch: SpanRecord[] = [];
  private unheard = 0;

  constructor(options: { settings: TracingSettings; random: Random; send: (spans: readonly SpanRecord[]) => void; dropped: (spans: number) => void }) {
    this.settings = options.settings;
    this.random = options.random;
    this.send = options.send;
    this.dropped = options.dropped;
  }

  /** @param head scratch. @param candidate whether a candidate serves: those are sampled at a rate of their own */
  begin(head: RequestHead, { scheme, trusted }: Forwarding, candidate: boolean): ExchangeTrace {
    const parent = head.has(kind.traceparent) && (trusted || !this.settings.trustedOnly) ? parentOf(head) : null;
    if (parent === null) {
      const rate = candidate ? this.settings.sampleCandidates : this.settings.sample;
      const flags = rate > 0 && this.random() < rate ? flagRandom | flagSampled : flagRandom;
      return new ExchangeTrace(this.ids.trace(), this.ids.span(), "", flags, "", contextFields, scheme, head);
    }
    const members = head.has(kind.tracestate) ? head.all("tracestate") : [];
    const keeps = isTracestate(members);
    const flags = (parent.sampled ? flagSampled : 0) | (parent.random ? flagRandom : 0);
    return new ExchangeTrace(parent.traceId, this.ids.span(), parent.spanId, flags, keeps ? members.join(",") : "", keeps ? traceparentField : contextFields, scheme, head);
  }

  /** The exchange is over. Told of are those that are sampled, and failed ones where nobody before us has decided otherwise. */
  ended(exchange: Exchange): void {
    const { trace } = exchange;
    if (trace === null || !this.settings.exported) return;
    if ((trace.flags & flagSampled) === 0 && (trace.parentId !== "" || !hasFailed(exchange))) return;
    if (this.batch.length + this.unheard >= unheardMax) return this.dropped(1);
    this.batch.push(spanOf(exchange, trace));
    if (this.batch.length >= batchMax) this.flush();
  }

  /** The control thread has so many of them. */
  heard(spans: number): void {
    this.unheard -= spans;
  }

  /** Sends what has gathered: a few times a second, and at the end. */
  flush(): void {
    if (this.batch.length === 0) return;
    const { batch } = this;
    this.batch = [];
    this.unheard += batch.length;
    this.send(batch);
  }
}

const hasFailed = ({ error, status, fellBack }: Exchange): boolean => error !== "" || status >= 500 || fellBack;

function spanOf(exchange: Exchange, trace: ExchangeTrace): SpanRecord {
  const { traceId, spanId, parentId, flags, traceState, scheme, authority, protocolVersion } = trace;
  const { timeOrigin } = performance;
  const query = exchange.target.indexOf("?");
  return {
    traceId, spanId, parentId, flags, traceState, scheme, authority, protocolVersion,
    startMs: timeOrigin + exchange.startMs,
    endMs: timeOrigin + exchange.context.nowMs,
    firstByteMs: exchange.firstByteMs > 0 ? timeOrigin + exchange.firstByteMs : 0,
    method: exchange.method,
    path: query < 0 ? exchange.target : exchange.target.slice(0, query),
    status: exchange.status,
    error: exchange.error,
    route: exchange.route.name,
    variant: exchange.variant.name,
    servedBy: exchange.serving.name,
    bucket: exchange.bucket,
    reason: exchange.reason,
    retries: exchange.retries,
    requestBytes: exchange.requestBytes,
    responseBytes: exchange.responseBytes,
  };
}
