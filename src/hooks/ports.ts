/** What calls to others need of the world. The composition root gives it. */
import type { WebhookSettings } from "../config/webhook-settings.ts";
import type { Clock } from "../core/clock.ts";
import type { Random } from "../core/random.ts";
import type { Fence, Store } from "../store/store.ts";
import type { OwnPort } from "./address-policy.ts";

export type HookStore = Pick<Store, "get" | "put" | "remove" | "keys" | "append" | "audit" | "auditEnd">;

export interface HookLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface HookPorts {
  readonly store: HookStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: HookLog;
  readonly settings: WebhookSettings;
  /** Ebbgate's own version. */
  readonly version: string;
  /** What is written under: nothing where this sidecar is alone; null where another one leads, which then calls. */
  fence(): Fence | undefined | null;
  own(): readonly OwnPort[];
  /** Absent: as `defaultPace`. */
  readonly pace?: Pace;
}

/** Milliseconds. */
export interface Pace {
  /** How often the audit log is asked whether it has grown. */
  readonly pollMs: number;
  readonly retryFirstMs: number;
  readonly retryMaxMs: number;
  /** At the end of the process: how long what waits may still be sent. */
  readonly closeMs: number;
}

export const defaultPace: Pace = { pollMs: 200, retryFirstMs: 1_000, retryMaxMs: 60_000, closeMs: 1_000 };
