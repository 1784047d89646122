/** What the bootstrap document says about calls to others, compiled. Secrets are wrapped, so that printing it shows none. */
import type { Secret } from "../core/secret.ts";

/** `text`: from the document or its environment. `file`: an absolute path, read anew for every call. */
export type SecretSource = { readonly kind: "text"; readonly text: Secret } | { readonly kind: "file"; readonly path: string };

export const webhookFormats = ["cloudevents", "slack", "pagerduty"] as const;
export type WebhookFormat = (typeof webhookFormats)[number];

/** From the least to the most severe. */
export const notifiedSeverities = ["info", "warn", "page"] as const;

export interface WebhookTarget {
  readonly name: string;
  /** A secret, because some services put one into it. */
  readonly url: SecretSource;
  readonly format: WebhookFormat;
  /** Signs every call (Standard Webhooks); null: unsigned. */
  readonly secret: SecretSource | null;
  readonly bearer: SecretSource | null;
  /** Of PagerDuty; set exactly where the format is that. */
  readonly routingKey: SecretSource | null;
  /** Of one attempt, the whole answer included. */
  readonly timeoutMs: number;
  /** After which a call becomes a dead letter, or a failed step. */
  readonly giveUpAfterMs: number;
  /** As an external gate: how often it is asked while its question is open. */
  readonly askEveryMs: number;
  /** Which events it gets; null: none. */
  readonly notify: { readonly from: (typeof notifiedSeverities)[number]; /** Null: all. */ readonly routes: readonly string[] | null } | null;
}

export interface WebhookSettings {
  /** CloudEvents' `source`. */
  readonly source: string;
  /** Addresses and blocks that may be called, beside the public internet. */
  readonly allow: readonly string[];
  readonly targets: readonly WebhookTarget[];
}
