/** What an exchange leaves behind: its cells in the slab and its line in the access log. */
import { errorTable, type ErrorCode } from "../core/errors.ts";
import { isDealt } from "../core/reasons.ts";
import type { Fields } from "../core/fields.ts";
import { kind } from "../http1/field-kinds.ts";
import type { RequestHead } from "../http1/request-head.ts";
import { bucketOf } from "../observe/histogram.ts";
import { counters } from "../observe/layout.ts";
import { dispatchSecond, type ProxyContext } from "./context.ts";
import { phase, type Exchange } from "./exchange.ts";
import { recordGoals, recordNumber } from "./goals.ts";
import { endMirror } from "./mirror-capture.ts";
import { inboundTraceId } from "./tracing.ts";

/** The split's choice goes upstream for the first time. Only randomly assigned requests may be compared by the judge. */
export function recordDispatched(exchange: Exchange): void {
  const judged = exchange.route.definition.judged && isDealt(exchange.reason);
  exchange.variant.recorder.dispatched(exchange, dispatchSecond(exchange.forwardMs), exchange.shard, judged);
  const { seen } = exchange.route;
  if (seen === null || !judged || exchange.client < 0) return;
  if (seen.add(exchange.client)) exchange.variant.recorder.cohortSeen(exchange);
  else exchange.returning = true;
}

/** Whether outcomes still belong to the variant that the split chose: after a fallback the baseline serves, unjudged. */
const isAssigned = (exchange: Exchange): boolean => !exchange.fellBack;

export function recordFirstByte(exchange: Exchange, status: number, head: Fields): void {
  exchange.status = status;
  exchange.firstByteMs = exchange.context.nowMs;
  if (exchange.route.goals !== null && exchange.row >= 0 && exchange.client >= 0 && isAssigned(exchange)) recordGoals(exchange, status, head);
  if (exchange.route.number !== null && status < 500 && isAssigned(exchange)) recordNumber(exchange, exchange.route.number, head);
  if (isAssigned(exchange)) exchange.variant.recorder.firstByte(exchange, (exchange.firstByteMs - exchange.forwardMs) * 1000, status);
  else exchange.serving.recorder.add(counters.fallbackAnswers, 1);
}

/** The upstream failed before its first byte. @param late whether the age says something about its latency */
export function recordFailed(exchange: Exchange, code: ErrorCode, late: boolean): void {
  exchange.error = code;
  if (isAssigned(exchange)) exchange.variant.recorder.failed(exchange, code, late ? bucketOf((exchange.context.nowMs - exchange.forwardMs) * 1000) : -1);
}

/** The upstream broke its answer after the first byte. */
export function recordFailedLater(exchange: Exchange, code: ErrorCode): void {
  exchange.error = code;
  if (isAssigned(exchange)) exchange.variant.recorder.failedLater(exchange, code);
}

/** The client left. Before the first byte its patience is a lower bound on the latency. */
export function recordClientClosed(exchange: Exchange, code: ErrorCode): void {
  exchange.error = code;
  exchange.context.countRefusal(code);
  if (exchange.forwardMs === 0) return;
  exchange.variant.recorder.add(counters.clientClosed, 1);
  recordWithdrawn(exchange);
}

/** The outcome will never be known: what is known is that it took longer than this. */
export function recordWithdrawn(exchange: Exchange): void {
  if (exchange.firstByteMs > 0 || !isAssigned(exchange)) return;
  exchange.variant.recorder.firstByte(exchange, (exchange.context.nowMs - exchange.forwardMs) * 1000, 0);
}

/** The exchange is over, however it ended: called once. */
export function recordEnded(exchange: Exchange, complete: boolean): void {
  const wasTunnel = exchange.phase === phase.tunnel;
  if (exchange.mirror !== null) endMirror(exchange, complete);
  exchange.phase = phase.done;
  exchange.context.inFlight.remove(exchange);
  const { nowMs } = exchange.context;
  if (exchange.forwardMs > 0) {
    const { recorder } = exchange.variant;
    recorder.ended();
    recorder.add(counters.requestBodyBytes, exchange.requestBytes);
    recorder.add(counters.responseBodyBytes, exchange.responseBytes);
    if (wasTunnel) recorder.add(counters.tunnels, -1);
    if (complete && !exchange.fellBack && !wasTunnel) recorder.finished((nowMs - exchange.forwardMs) * 1000);
  }
  const { tracer, accessLog: log } = exchange.context;
  if (tracer !== null) tracer.ended(exchange);
  if (log !== null && log.wants(exchange.error !== "")) writeAccessLine(exchange, nowMs);
}

function writeAccessLine(exchange: Exchange, nowMs: number): void {
  exchange.context.accessLog!.write({
    wallMs: performance.timeOrigin + exchange.startMs,
    traceId: exchange.traceId,
    spanId: exchange.trace?.spanId ?? "",
    route: exchange.route?.name ?? "",
    variant: exchange.serving?.name ?? "",
    reason: exchange.forwardMs > 0 ? exchange.reason : "",
    method: exchange.method,
    target: exchange.target,
    status: exchange.status,
    firstByteMs: exchange.firstByteMs > 0 ? exchange.firstByteMs - exchange.forwardMs : -1,
    totalMs: nowMs - exchange.startMs,
    requestBytes: exchange.requestBytes,
    responseBytes: exchange.responseBytes,
    error: exchange.error,
    retries: exchange.retries,
    fallback: exchange.fellBack,
  });
}

/** A request that never became an exchange. @param head null where it was not parsed, and so names nothing */
export function recordRefused(context: ProxyContext, code: ErrorCode, head: RequestHead | null): void {
  context.countRefusal(code);
  if (context.accessLog === null || !context.accessLog.wants(true)) return;
  context.accessLog.write({
    wallMs: Date.now(), traceId: head !== null && head.has(kind.traceparent) ? inboundTraceId(head) : "", spanId: "", route: "", variant: "", reason: "", method: head?.method ?? "", target: head?.target ?? "", status: errorTable[code].status,
    firstByteMs: -1, totalMs: 0, requestBytes: 0, responseBytes: 0, error: code, retries: 0, fallback: false,
  });
}
