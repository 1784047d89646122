/** An upgraded connection: bytes in both directions, with backpressure, each half closing on its own. */
import type { Exchange } from "./exchange.ts";
import { leaveEndpoint } from "./forward.ts";
import { recordEnded } from "./record.ts";

interface TunnelSide {
  tunnel(buffer: Buffer, start: number, end: number): boolean;
  tunnelEnd(): void;
}

/** @param fromUpstream which side the bytes come from, and so which one to pause */
export function tunnelBytes(exchange: Exchange, to: TunnelSide, buffer: Buffer, start: number, end: number, fromUpstream: boolean): void {
  exchange.progressMs = exchange.context.nowMs;
  if (fromUpstream) exchange.responseBytes += end - start;
  else exchange.requestBytes += end - start;
  if (to.tunnel(buffer, start, end)) return;
  if (fromUpstream) {
    exchange.responsePaused = true;
    exchange.upstream?.pauseBody();
  } else {
    exchange.requestPaused = true;
    exchange.downstream.pauseBody();
  }
}

/** One side has finished sending: the other is told, and may go on. */
export function tunnelFinished(exchange: Exchange, other: TunnelSide): void {
  exchange.progressMs = exchange.context.nowMs;
  other.tunnelEnd();
}

/** The upstream's socket is gone. How an upgraded connection ends says nothing about the variant. */
export function tunnelClosed(exchange: Exchange, clean: boolean): void {
  leaveEndpoint(exchange, null, false);
  recordEnded(exchange, true);
  exchange.downstream.tunnelClosed(clean);
}
