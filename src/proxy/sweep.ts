/**
 * One coarse timer per thread enforces every timeout and tells the judge of exchanges that are already late: no timer is
 * made, moved or cancelled on the request path. Exchanges are walked oldest first.
 */
import { connectionState, type DownstreamConnection } from "./connection.ts";
import type { ProxyContext } from "./context.ts";
import type { EndpointBook } from "./endpoint-book.ts";
import { phase, type Exchange } from "./exchange.ts";
import { refuseClient, upstreamFailed } from "./forward.ts";
import { clientGone } from "./relay.ts";

export const sweepIntervalMs = 100;
/** A client that has finished sending may have gone for good: it gets this long without progress. */
const halfCloseGraceMs = 2_000;
/** How long a closing connection may take to see our end, and how long if it still reads. */
const lingerMs = 2_000;
const lingerUnsentMs = 30_000;

export function sweep(context: ProxyContext, endpoints: EndpointBook): void {
  context.turn();
  const { nowMs } = context;
  for (let exchange = context.inFlight.head; exchange !== null; ) {
    const { next } = exchange;
    sweepExchange(exchange, nowMs);
    exchange = next;
  }
  for (const connection of context.connections) sweepConnection(context, connection, nowMs);
  for (const endpoint of endpoints.all()) endpoint.sweep(nowMs);
}

/** @param limitMs 0: no limit */
const passed = (nowMs: number, sinceMs: number, limitMs: number): boolean => limitMs > 0 && nowMs - sinceMs >= limitMs;

function sweepExchange(exchange: Exchange, nowMs: number): void {
  const { timeouts } = exchange.route.definition;
  const { upstream, progressMs } = exchange;
  if (exchange.firstByteMs === 0 && !exchange.fellBack) exchange.variant.recorder.aged(exchange, (nowMs - exchange.forwardMs) * 1000);
  const { halfClosedAtMs } = exchange.downstream;
  if (halfClosedAtMs > 0 && exchange.phase !== phase.tunnel && passed(nowMs, Math.max(halfClosedAtMs, progressMs), halfCloseGraceMs)) return cut(exchange);
  if (exchange.phase !== phase.tunnel && passed(nowMs, exchange.startMs, timeouts.totalMs)) return fail(exchange, "total_timeout");
  switch (exchange.phase) {
    case phase.pending:
      if (passed(nowMs, progressMs, timeouts.pendingMs)) fail(exchange, "pool_full");
      return;
    case phase.awaiting:
      if (!upstream!.connected) {
        if (passed(nowMs, progressMs, timeouts.connectMs)) fail(exchange, "connect_timeout");
      } else if (exchange.requestDone) {
        if (passed(nowMs, progressMs, timeouts.firstByteMs)) fail(exchange, "first_byte_timeout");
      } else if (passed(nowMs, progressMs, timeouts.idleMs)) {
        if (exchange.requestPaused) fail(exchange, "body_timeout");
        else refuseClient(exchange, "request_timeout");
      }
      return;
    case phase.relaying:
      if (!passed(nowMs, progressMs, timeouts.idleMs)) return;
      if (exchange.responsePaused) cut(exchange, "slow_reader");
      else fail(exchange, "body_timeout");
      return;
    case phase.tunnel:
      if (passed(nowMs, progressMs, timeouts.tunnelIdleMs)) cut(exchange);
      return;
    default:
  }
}

function fail(exchange: Exchange, code: "total_timeout" | "pool_full" | "connect_timeout" | "first_byte_timeout" | "body_timeout"): void {
  const { upstream } = exchange;
  // The connection must have let go before the exchange moves on: it may carry a fallback the next moment.
  exchange.upstream = null;
  upstream?.abandon();
  upstreamFailed(exchange, code, false);
}

function cut(exchange: Exchange, code: "slow_reader" | "client_closed" = "client_closed"): void {
  clientGone(exchange, code);
  exchange.downstream.reset();
}

function sweepConnection(context: ProxyContext, connection: DownstreamConnection, nowMs: number): void {
  const { limits } = context;
  const { sinceMs } = connection;
  switch (connection.state) {
    case connectionState.idle:
      if (passed(nowMs, sinceMs, connection.served === 0 ? limits.headTimeoutMs : limits.keepAliveTimeoutMs)) connection.linger();
      return;
    case connectionState.head:
      if (passed(nowMs, sinceMs, limits.headTimeoutMs)) connection.headTimeout();
      return;
    case connectionState.lingering:
      if (passed(nowMs, sinceMs, connection.socket.writableLength > 0 ? lingerUnsentMs : lingerMs)) connection.destroy();
      return;
    default:
  }
}
