import { resolve } from "node:path";
import { BlockList, isIP } from "node:net";
import { addBlock, addressRefusal } from "../core/addresses.ts";
import { Secret } from "../core/secret.ts";
import type { ConfigPath, Finding } from "./problem.ts";
import type { WebhookDocument } from "./webhook-schema.ts";
import type { SecretSource, WebhookSettings } from "./webhook-settings.ts";

/** https://developer.pagerduty.com/docs/events-api-v2/trigger-events/ */
const pagerdutyUrl = "https://events.pagerduty.com/v2/enqueue";

/** @param base what relative paths start from */
export function compileWebhooks({ source, allow, targets }: WebhookDocument, base: string): WebhookSettings {
  const from = (written: Secret | { readonly file: string }): SecretSource => (written instanceof Secret ? { kind: "text", text: written } : { kind: "file", path: resolve(base, written.file) });
  const maybe = (written: Secret | { readonly file: string } | undefined): SecretSource | null => (written === undefined ? null : from(written));
  return {
    source,
    allow,
    targets: targets.map(({ name, url, format, secret, bearer, routingKey, timeout, giveUpAfter, askEvery, notify }) => ({
      name, url: from(url ?? new Secret(pagerdutyUrl)), format, secret: maybe(secret), bearer: maybe(bearer), routingKey: maybe(routingKey),
      timeoutMs: timeout, giveUpAfterMs: giveUpAfter, askEveryMs: askEvery,
      notify: notify === undefined ? null : { from: notify.from, routes: notify.routes ?? null },
    })),
  };
}

/** What is wrong with `webhooks` whose parts are well-formed. */
export function webhookFindings({ allow, targets }: WebhookDocument): Finding[] {
  const findings: Finding[] = [];
  const allowed = new BlockList();
  for (const block of allow) addBlock(allowed, block);
  for (const [index, { name, url, format, secret, routingKey }] of targets.entries()) {
    const find = (path: ConfigPath, message: string, remedy: string): void => void findings.push({ path: ["webhooks", "targets", index, ...path], message, remedy });
    if (targets.slice(0, index).some((other) => other.name === name)) find(["name"], "is the name of an earlier target", "Give each target its own name");
    if (url === undefined && format !== "pagerduty") find([], "has no url", "Write url: ${NAME}");
    if (secret === undefined && format === "cloudevents") find([], "has no secret to sign with", "Write secret: ${NAME}");
    if (format === "pagerduty" && routingKey === undefined) find([], "has no routingKey", "Write routingKey: ${NAME}");
    if (format !== "pagerduty" && routingKey !== undefined) find(["routingKey"], `stands beside format: ${format}`, "Remove it, or write format: pagerduty");
    const host = url instanceof Secret ? (URL.parse(url.reveal())?.hostname.replace(/^\[|\]$/g, "") ?? "") : "";
    const refusal = isIP(host) === 0 ? null : addressRefusal(host, allowed);
    if (refusal !== null) find(["url"], refusal, refusal.includes("never") ? "Name another address" : `Add ${host} to webhooks.allow`);
  }
  return findings;
}
