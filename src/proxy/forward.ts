/** Sends an exchange upstream, and decides what follows when that fails: again on a fresh connection, the baseline, or an error. */
import { bucketCount } from "../core/buckets.ts";
import { errorTable, type ErrorCode } from "../core/errors.ts";
import { chunked } from "../http1/framing.ts";
import { counters, endpointShards } from "../observe/layout.ts";
import { chooseEndpoint } from "./endpoint.ts";
import { phase, type Exchange } from "./exchange.ts";
import { laneLine } from "./lane.ts";
import { recordDispatched, recordEnded, recordFailed, recordFailedLater, recordWithdrawn } from "./record.ts";
import type { UpstreamConnection } from "./upstream.ts";

/** Failures that say that an endpoint, rather than one answer of it, is unfit. */
const tellsHealth: ReadonlySet<ErrorCode> = new Set(["connect_failed", "connect_timeout", "first_byte_timeout", "reset"]);

/** The first way upstream, once the variant is chosen. */
export function forward(exchange: Exchange): void {
  // The request's own start: what lies between is a few microseconds of ours, and a reading of the clock costs as much.
  exchange.forwardMs = exchange.startMs;
  recordDispatched(exchange);
  dispatch(exchange, false);
}

function dispatch(exchange: Exchange, fresh: boolean): void {
  const { context } = exchange;
  exchange.progressMs = context.nowMs;
  const endpoint = chooseEndpoint(exchange.serving, context.random);
  if (endpoint === null) return upstreamFailed(exchange, "no_endpoint", false);
  exchange.endpoint = endpoint;
  exchange.endpointShard = endpoint.ordinal & (endpointShards - 1);
  endpoint.inFlight++;
  const connection = endpoint.acquire(fresh);
  if (connection !== null) return send(exchange, connection);
  exchange.phase = phase.pending;
  if (!endpoint.enqueue(exchange)) return upstreamFailed(exchange, "pool_full", false);
  if (exchange.hasBody) pauseRequest(exchange);
}

/** A connection came free for an exchange that waited for one. */
export function granted(exchange: Exchange, connection: UpstreamConnection): void {
  send(exchange, connection);
  connection.flush();
  if (!exchange.requestPaused) return;
  exchange.requestPaused = false;
  exchange.downstream.resumeBody();
}

function send(exchange: Exchange, connection: UpstreamConnection): void {
  exchange.phase = phase.awaiting;
  exchange.progressMs = exchange.context.nowMs;
  connection.attach(exchange);
  connection.frame(exchange.bodyLength === chunked);
  connection.head(exchange.commonHead + laneLine(exchange, exchange.serving) + exchange.serving.headLines + bucketAndEnd(exchange.bucket));
  // A body follows in the same turn where it came with the head, and then shares the write.
  if (!exchange.hasBody) connection.flush();
}

/** A bucket as text, and the end of the head: from two tables, since making a number's text costs more than all else here. */
function bucketAndEnd(bucket: number): string {
  const low = bucket % 1_000;
  return bucket < 1_000 ? `${bucket}\r\n\r\n` : thousands[(bucket - low) / 1_000]! + lowDigitsAndEnd[low]!;
}
const thousands = Array.from({ length: bucketCount / 1_000 }, (_, i) => String(i));
const lowDigitsAndEnd = Array.from({ length: 1_000 }, (_, i) => `${String(i).padStart(3, "0")}\r\n\r\n`);

export function forwardBody(exchange: Exchange, buffer: Buffer, start: number, end: number): void {
  exchange.requestBytes += end - start;
  exchange.progressMs = exchange.context.nowMs;
  exchange.upstream?.body(buffer, start, end);
}

export function forwardEnd(exchange: Exchange, trailers: string): void {
  exchange.requestDone = true;
  exchange.progressMs = exchange.context.nowMs;
  exchange.upstream?.end(trailers);
}

/** The end of a turn in which a request arrived. */
export function forwardFlush(exchange: Exchange): void {
  if (exchange.upstream === null || exchange.upstream.flush() || exchange.requestDone) return;
  pauseRequest(exchange);
}

function pauseRequest(exchange: Exchange): void {
  exchange.requestPaused = true;
  exchange.downstream.pauseBody();
}

/**
 * The upstream failed the exchange; its connection has let go of it already.
 * @param stale a reused connection closed before any byte came back: no fault of the service's
 */
export function upstreamFailed(exchange: Exchange, code: ErrorCode, stale: boolean): void {
  const answering = exchange.phase === phase.relaying || exchange.phase === phase.tunnel;
  leaveEndpoint(exchange, code, stale);
  if (answering) {
    recordFailedLater(exchange, code);
    recordEnded(exchange, false);
    exchange.downstream.reset();
  } else if (stale && exchange.retries === 0 && exchange.idempotent && !exchange.hasBody) {
    exchange.retries++;
    exchange.variant.recorder.add(counters.retries, 1);
    dispatch(exchange, true);
  } else {
    recordFailed(exchange, code, errorTable[code].status === 504);
    if (errorTable[code].retry === "fallback" && canFallBack(exchange)) fallBack(exchange);
    else refuse(exchange, code);
  }
}

/** The proxy answers by itself. */
export function refuse(exchange: Exchange, code: ErrorCode): void {
  exchange.error = code;
  exchange.status = errorTable[code].status;
  if (errorTable[code].source !== "upstream") exchange.context.countRefusal(code);
  recordEnded(exchange, false);
  exchange.downstream.refuse(code);
}

/** The client's own fault, found after its request went upstream: the upstream must not take what it has for whole. */
export function refuseClient(exchange: Exchange, code: ErrorCode): void {
  const { upstream } = exchange;
  recordWithdrawn(exchange);
  leaveEndpoint(exchange, null, false);
  upstream?.abandon();
  refuse(exchange, code);
}

/** Safe, without a body, not answered yet, and failed by a variant that is nobody's last resort: then the user need not see the failure. */
export function canFallBack(exchange: Exchange): boolean {
  return exchange.safe && !exchange.hasBody && (exchange.variant.index !== 0 || exchange.resort !== null) && !exchange.fellBack && exchange.route.definition.fallback;
}

/** The baseline answers what the candidate failed. The failure stays the candidate's. */
export function fallBack(exchange: Exchange): void {
  exchange.variant.recorder.add(counters.fallbacks, 1);
  exchange.fellBack = true;
  exchange.serving = exchange.resort ?? exchange.route.variants[0]!;
  dispatch(exchange, false);
}

/** The variant lost its users while this exchange waits for its first byte: the baseline answers now, not after a timeout. */
export function withdraw(exchange: Exchange): void {
  const { upstream } = exchange;
  recordWithdrawn(exchange);
  leaveEndpoint(exchange, null, false);
  upstream?.abandon();
  fallBack(exchange);
}

/** The exchange lets go of its endpoint, whose health the outcome tells. */
export function leaveEndpoint(exchange: Exchange, code: ErrorCode | null, stale: boolean): void {
  const { endpoint } = exchange;
  if (endpoint === null) return;
  exchange.endpoint = null;
  exchange.upstream = null;
  endpoint.inFlight--;
  if (exchange.phase === phase.pending) endpoint.leaveQueue(exchange);
  else if (code !== null && !stale && tellsHealth.has(code)) endpoint.failed();
}
