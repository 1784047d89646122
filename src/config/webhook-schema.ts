import { z } from "zod";
import { Secret } from "../core/secret.ts";
import { parsePeer } from "./notation.ts";
import { duration, name, Refusal, scalar, text } from "./scalars.ts";
import { notifiedSeverities, webhookFormats } from "./webhook-settings.ts";

const day = 86_400_000;

const inFile = z.strictObject({ file: text({ title: "path", charactersMax: 4_096 }).describe("A file that holds it, and nothing else. Relative to the configuration file; read anew for every call, so that a change needs no restart.") });

/** The text itself, as a rule `${NAME}`; or the file that holds it. */
function secret(title: string, wellFormed: (written: string) => Refusal | null) {
  const remedy = `Write \${NAME}, and put the ${title} into that environment variable; or {file: /path}`;
  return z.union([
    scalar<Secret>({
      json: { title, type: "string", minLength: 1, maxLength: 4_096 },
      parse(written) {
        if (typeof written !== "string" || written === "") return new Refusal(`must be a ${title}`, remedy);
        return wellFormed(written) ?? new Secret(written);
      },
    }),
    inFile,
  ]);
}

/** A URL that can be called. @returns what is wrong with it, without saying it */
export function urlRefusal(written: string): Refusal | null {
  const url = URL.parse(written);
  const remedy = "Write https://host/path";
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) return new Refusal("is not an http or https URL", remedy);
  if (url.username !== "" || url.password !== "") return new Refusal("carries credentials", "Write the URL without user and password, and give bearer");
  return url.hash === "" ? null : new Refusal("has a fragment, which is never sent", remedy);
}

/** Standard Webhooks: `whsec_` and the base64 of 24 to 64 bytes. */
export function signingKeyRefusal(written: string): Refusal | null {
  const [, encoded] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(written) ?? [];
  const bytes = encoded === undefined ? 0 : Buffer.from(encoded, "base64").length;
  return bytes >= 24 && bytes <= 64 ? null : new Refusal("is not a signing secret", "Make one with: echo whsec_$(openssl rand -base64 32); write ${NAME}, and put it into that environment variable");
}

/** What may stand in a header. */
export const tokenRefusal = (written: string): Refusal | null =>
  /^[!-~]{8,4096}$/.test(written) ? null : new Refusal("is not a token", "Write 8 or more visible characters without spaces, as ${NAME}");

const target = z.strictObject({
  name: name.describe("What playbooks, external gates, logs and metrics call it; also where its place in the audit log is kept."),
  url: secret("URL", urlRefusal).describe("Where to. With `format: pagerduty` it may be left out. Redirects are not followed.").optional(),
  format: z.enum(webhookFormats).describe("`cloudevents`: CloudEvents 1.0, structured JSON. `slack`: an incoming webhook's message. `pagerduty`: Events API v2.").default("cloudevents"),
  secret: secret("signing secret", signingKeyRefusal)
    .describe("Signs every call after Standard Webhooks (HMAC-SHA256 in `webhook-signature`): `whsec_` and base64. With `format: cloudevents` it is required.")
    .optional(),
  bearer: secret("token", tokenRefusal).describe("Sent as `authorization: Bearer ...`.").optional(),
  routingKey: secret("routing key", tokenRefusal).describe("PagerDuty's integration key.").optional(),
  timeout: duration({ minMs: 100, maxMs: 60_000 }).describe("What one attempt may take, answer included.").prefault("10s"),
  giveUpAfter: duration({ maxMs: 7 * day }).describe("How long a call is tried again, with growing pauses. Then it is kept as a dead letter; a playbook's step has failed.").prefault("1h"),
  askEvery: duration({ minMs: 1_000, maxMs: day }).describe("As an external gate: how often it is asked again while a step waits for it.").prefault("30s"),
  notify: z
    .strictObject({
      from: z.enum(notifiedSeverities).describe("The least severe event that it gets: `info` is every transition, `warn` what goes wrong, `page` what a person has to see now.").default("info"),
      routes: z.array(name).min(1).max(256).describe("Only events of these routes. Left out: of all.").optional(),
    })
    .describe("Present, even as `{}`: it is told of every decision, playbook outcome and change of the configuration.")
    .optional(),
});

export const webhookSchema = z.strictObject({
  source: text({ title: "URI reference", charactersMax: 256, pattern: "^[!-~]+$", remedy: "Write a path or URI without spaces, as /ebbgate/production" })
    .describe("CloudEvents' `source`. With an event's id it is unique, so give each fleet its own.")
    .prefault("/ebbgate"),
  allow: z
    .array(scalar({ json: { title: "address or block", type: "string", examples: ["10.0.0.0/8"] }, parse: parsePeer }))
    .max(256)
    .describe("Addresses and blocks that may be called, beside public ones. Names are resolved first. Link-local and metadata addresses, and this sidecar's own ports, never are.")
    .prefault([]),
  targets: z.array(target).max(64).describe("Whom to call.").prefault([]),
});

export type WebhookDocument = z.output<typeof webhookSchema>;
