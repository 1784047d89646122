/**
 * The orderly end of a proxy thread. During the drain delay everything goes on, but answers say `Connection: close`, so
 * that clients move to other instances of their own accord. Then listeners close, idle connections end, and what is in
 * flight finishes or is cut at the deadline.
 */
import { setTimeout as delay } from "node:timers/promises";
import { connectionState } from "./connection.ts";
import type { ProxyContext } from "./context.ts";
import type { Listener } from "./listener.ts";

const pollMs = 5;

/** @returns exchanges that were cut */
export async function drain(context: ProxyContext, listeners: readonly Listener[]): Promise<number> {
  const { drainDelayMs, drainTimeoutMs } = context.limits;
  context.draining = true;
  if (drainDelayMs > 0) await delay(drainDelayMs);
  // One turn of the event loop accepts what the kernel has already completed.
  await delay(0);
  for (const listener of listeners) listener.close();
  const deadlineMs = performance.now() + drainTimeoutMs;
  for (;;) {
    let busy = 0;
    for (const connection of context.connections) {
      if (connection.state === connectionState.idle && !connection.hasWaiting) connection.linger();
      if (connection.state !== connectionState.lingering || connection.socket.writableLength > 0) busy++;
    }
    if (busy === 0) break;
    if (performance.now() >= deadlineMs) break;
    await delay(pollMs);
  }
  const cut = context.inFlight.size;
  // A lingering connection has its whole answer; its kernel delivers it after us.
  for (const connection of context.connections) connection.destroy();
  return cut;
}
