/** One call until it is taken, refused, or its time is up: again and again, with growing pauses. */
import { setTimeout as sleep } from "node:timers/promises";
import type { WebhookTarget } from "../config/webhook-settings.ts";
import { jitteredMs } from "../core/backoff.ts";
import type { Caller, CallResult, Message } from "./caller.ts";
import type { HookPorts, Pace } from "./ports.ts";

export interface Delivered {
  readonly result: CallResult;
  readonly attempts: number;
}

export interface DeliveryPorts extends Pick<HookPorts, "clock" | "random"> {
  readonly caller: Caller;
  readonly pace: Pace;
  /** After each attempt. */
  attempted(target: string, result: CallResult): void;
}

/**
 * @param untilMs wall time; there is one attempt at least
 * @throws where `signal` ended it: then it is not known what became of the last attempt
 */
export async function deliver(ports: DeliveryPorts, target: WebhookTarget, make: () => Promise<Message>, untilMs: number, signal: AbortSignal): Promise<Delivered> {
  const { caller, clock, random, pace } = ports;
  for (let attempts = 1; ; attempts++) {
    const result = await caller.call(target, make, signal);
    if (result.outcome !== "taken") signal.throwIfAborted();
    ports.attempted(target.name, result);
    const pauseMs = Math.max(result.retryAfterMs ?? 0, jitteredMs(attempts, random, pace.retryFirstMs, pace.retryMaxMs));
    if (result.outcome !== "failed" || clock.wallMs() + pauseMs > untilMs) return { result, attempts };
    await sleep(pauseMs, undefined, { signal, ref: false });
  }
}
