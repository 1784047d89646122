/** Hooks on a store of their own, with receivers that tests make. */
import type { WebhookSettings, WebhookTarget } from "../../src/config/webhook-settings.ts";
import { systemClock } from "../../src/core/clock.ts";
import { Secret } from "../../src/core/secret.ts";
import { Hooks } from "../../src/hooks/hooks.ts";
import type { HookPorts, HookStore } from "../../src/hooks/ports.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import { signingKey, type Receiver } from "../support/receiver.ts";

const text = (written: string) => ({ kind: "text", text: new Secret(written) }) as const;

export function target(name: string, receiver: Pick<Receiver, "url">, changes: Partial<WebhookTarget> = {}): WebhookTarget {
  return {
    name, url: text(receiver.url), format: "cloudevents", secret: text(signingKey), bearer: null, routingKey: null,
    timeoutMs: 5_000, giveUpAfterMs: 60_000, askEveryMs: 1_000, notify: { from: "info", routes: null }, ...changes,
  };
}

export const settingsOf = (targets: readonly WebhookTarget[], allow: readonly string[] = ["127.0.0.0/8"]): WebhookSettings => ({ source: "/ebbgate/test", allow, targets });

export interface Made {
  readonly hooks: Hooks;
  readonly store: HookStore;
  /** What was logged, as text. */
  readonly lines: string[];
}

const running: Hooks[] = [];

export async function hooksWith(settings: WebhookSettings, changes: Partial<HookPorts> = {}, routes: Parameters<Hooks["start"]>[0] = []): Promise<Made> {
  const lines: string[] = [];
  const say = (fields: object, message: string): void => void lines.push(`${message} ${JSON.stringify(fields, (_, value: unknown) => (value instanceof Error ? `${value.name}: ${value.message}` : value))}`);
  const store = changes.store ?? new MemoryStore();
  const hooks = new Hooks({
    store, clock: systemClock, random: Math.random, log: { info: say, warn: say, error: say }, settings, version: "test", fence: () => undefined, own: () => [],
    pace: { pollMs: 10, retryFirstMs: 10, retryMaxMs: 50, closeMs: 200 }, ...changes,
  });
  running.push(hooks);
  await hooks.start(routes);
  return { hooks, store, lines };
}

export async function endAll(): Promise<void> {
  await Promise.all(running.splice(0).map((hooks) => hooks.close()));
}

export type Found<T> = T | undefined | null | false;

/** Waits until something of the world is so. */
export async function until<T>(find: () => Found<T> | Promise<Found<T>>): Promise<T> {
  for (;;) {
    const found = await find();
    if (found !== undefined && found !== null && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Waits until every target that is notified is done with all that was recorded. */
export async function toldAll({ hooks, store }: Pick<Made, "hooks" | "store">): Promise<void> {
  const end = await store.auditEnd();
  await until(() => hooks.status().every(({ seq, behind }) => seq === end && behind === 0));
}
