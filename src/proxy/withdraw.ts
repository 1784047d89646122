/**
 * What a rollback does for users who wait already: a candidate that hangs has lost its weight long before their requests
 * time out, so the safe ones are answered by the baseline at once.
 */
import type { Snapshot } from "../config/snapshot.ts";
import type { ProxyContext } from "./context.ts";
import { phase, type Exchange } from "./exchange.ts";
import { canFallBack, withdraw } from "./forward.ts";
import { hasUsers, isClosed } from "./runtime.ts";

/** Younger exchanges are left: their answers are on the way, and an operator's own lowering should repeat little. */
const waitedMsMin = 250;

export function withdrawWaiting(context: ProxyContext, snapshot: Snapshot): void {
  context.turn();
  for (let exchange = context.inFlight.head; exchange !== null; ) {
    const { next } = exchange;
    if (isStranded(exchange, context.nowMs, snapshot)) withdraw(exchange);
    exchange = next;
  }
}

function isStranded(exchange: Exchange, nowMs: number, snapshot: Snapshot): boolean {
  if (exchange.phase !== phase.awaiting && exchange.phase !== phase.pending) return false;
  if (nowMs - exchange.forwardMs < waitedMsMin || !canFallBack(exchange)) return false;
  const route = snapshot.routes.find((one) => one.name === exchange.route.name);
  if (route === undefined) return false;
  const index = route.variants.findIndex(({ name }) => name === exchange.variant.name);
  // Whom a rule gave the variant needs no weight.
  return exchange.reason === "allowed" || exchange.reason === "targeted" ? isClosed(route.gates, index) : !hasUsers(route, index);
}
