/** Passes an answer on to the client as it arrives. */
import type { ErrorCode } from "../core/errors.ts";
import type { ResponseHead } from "../http1/response-head.ts";
import { counters } from "../observe/layout.ts";
import { phase, type Exchange } from "./exchange.ts";
import { canFallBack, fallBack, leaveEndpoint } from "./forward.ts";
import { tellPage } from "./page.ts";
import { recordClientClosed, recordEnded, recordFirstByte } from "./record.ts";

/** RFC 9110 section 15.2. Past their limit interim responses are dropped, so that they stall nothing. */
export function relayInterim(exchange: Exchange, head: ResponseHead): void {
  if (++exchange.interims > exchange.context.limits.interimResponsesMax) return;
  exchange.downstream.interim(head);
  exchange.downstream.flush();
}

/** The final head. Gateway errors of a candidate are answered by the baseline where the request is safe. */
export function relayHead(exchange: Exchange, head: ResponseHead): void {
  recordFirstByte(exchange, head.status, head);
  if (head.status >= 502 && head.status <= 504 && canFallBack(exchange)) {
    exchange.upstream!.abandon();
    leaveEndpoint(exchange, null, false);
    exchange.firstByteMs = 0;
    exchange.status = 0;
    return fallBack(exchange);
  }
  exchange.phase = phase.relaying;
  exchange.responseBytes = head.answerEnd - head.end;
  if (exchange.mirror !== null) exchange.mirror.head(head);
  if (exchange.page !== null) tellPage(exchange);
  exchange.downstream.head(head);
}

/** A non-empty piece of the body. */
export function relayBody(exchange: Exchange, buffer: Buffer, start: number, end: number): void {
  exchange.responseBytes += end - start;
  if (exchange.mirror !== null) exchange.mirror.body(buffer, start, end);
  exchange.downstream.body(buffer, start, end);
}

/** The answer is whole; its connection is free already. */
export function relayEnd(exchange: Exchange, trailers: string): void {
  leaveEndpoint(exchange, null, false);
  recordEnded(exchange, true);
  exchange.downstream.end(trailers);
}

/** 101: from here on bytes pass untouched. */
export function relayUpgrade(exchange: Exchange, head: ResponseHead): void {
  recordFirstByte(exchange, head.status, head);
  exchange.phase = phase.tunnel;
  exchange.variant.recorder.add(counters.tunnels, 1);
  exchange.downstream.upgrade(head);
}

/** The client went away, or must go: the upstream's work ends at once. */
export function clientGone(exchange: Exchange, code: ErrorCode): void {
  const { upstream } = exchange;
  if (exchange.phase === phase.tunnel) exchange.error = "";
  else recordClientClosed(exchange, code);
  leaveEndpoint(exchange, null, false);
  recordEnded(exchange, false);
  upstream?.abandon();
}
