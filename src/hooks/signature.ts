import { createHmac } from "node:crypto";

/**
 * The headers that sign a call, after Standard Webhooks (https://github.com/standard-webhooks/standard-webhooks, symmetric, version 1): HMAC-SHA256 over
 * `id.timestamp.body`. The timestamp is the attempt's, so that a recorded call cannot be played again later.
 *
 * @param key as `whsec_` and base64 @param id the same for every attempt, and after a restart
 */
export function signatureHeaders(key: string, id: string, body: string, wallMs: number): Record<string, string> {
  const timestamp = String(Math.floor(wallMs / 1000));
  const bytes = Buffer.from(key.slice("whsec_".length), "base64");
  const signature = createHmac("sha256", bytes).update(`${id}.${timestamp}.${body}`).digest("base64");
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${signature}` };
}
