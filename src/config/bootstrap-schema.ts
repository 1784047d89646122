import { parseAllowedEndpoint } from "./endpoint-checks.ts";
import { z } from "zod";
import type { LogLevel } from "../core/log.ts";
import { dynamicSchema } from "./dynamic-schema.ts";
import { parseAddress, parseFingerprint, parsePeer } from "./notation.ts";
import { flag, integer, name, personName, scalar, share, text } from "./scalars.ts";
import { storeSchema } from "./store-schema.ts";
import { tracingSchema } from "./tracing-schema.ts";
import { webhookSchema } from "./webhook-schema.ts";
import { adminRoles, defaultProxyLimits as defaults, type ProxyLimits } from "./settings.ts";

const path = text({ title: "path", charactersMax: 4_096, remedy: "Write a path; a relative one starts at this file" });
const address = scalar({ json: { title: "address", type: "string", pattern: ":\\d{1,5}$", examples: ["0.0.0.0:8080"] }, parse: parseAddress });

const listener = z.strictObject({
  name: name.describe("Unique; the label in logs and metrics.").prefault("http"),
  address: address.describe("IP address and port, as `0.0.0.0:8080` or `[::]:8080`. Port 0 takes a free one."),
  trustedPeers: z
    .array(scalar({ json: { title: "address or block", type: "string", examples: ["10.0.0.0/8"] }, parse: parsePeer }))
    .max(1_024)
    .describe("CIDR blocks or addresses whose X-Forwarded-*, Forwarded and ebbgate-* headers are believed. Empty: nobody's.")
    .prefault([]),
});

const clientRole = z.strictObject({
  fingerprint: scalar({ json: { title: "SHA-256 fingerprint", type: "string", pattern: "^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$" }, parse: parseFingerprint })
    .describe("Of the client's certificate: what `openssl x509 -noout -fingerprint -sha256` prints. This, or `subject`.")
    .optional(),
  subject: text({ title: "distinguished name", charactersMax: 512, pattern: "^[A-Za-z0-9.]+=", remedy: "Write what `openssl x509 -noout -subject -nameopt RFC2253` prints, as CN=alice,O=Shop" })
    .describe("The certificate's whole subject, as `CN=alice,O=Shop` (RFC 4514): any certificate of clientCa with it.")
    .optional(),
  name: personName.describe("What history and audit log call its owner."),
  role: z.enum(adminRoles).describe("What its owner may do."),
});

const adminTls = z.strictObject({
  certificate: path.describe("PEM file of the server's certificate, and of those between it and its authority. Read anew when it changes."),
  key: path.describe("PEM file of its private key."),
  clientCa: path.describe("PEM file of the authority that signs clients' certificates. With it a client may show one instead of a token.").optional(),
  clientRoles: z.array(clientRole).max(1_024).describe("Whose certificates they are, and what those may do. The first that fits counts; a certificate that none fits is nobody's.").prefault([]),
});

const admin = z.strictObject({
  address: address.describe("Where the admin API, the metrics and the probes listen.").prefault("127.0.0.1:9901"),
  allowRemoteWithoutTls: flag
    .describe("Take an address off loopback without TLS: only inside a network that you trust. Tokens then travel in the clear; without tokens everybody who reaches the address may read, and nobody may change anything.")
    .prefault(false),
  tokens: path
    .describe("File of the tokens that are admitted (`ebbgate token create`). With it nobody is without one; left out, whoever reaches a loopback address may do everything. Read anew when it changes.")
    .optional(),
  tls: adminTls.describe("HTTPS instead of HTTP. An address off loopback demands it, and tokens or client certificates with it.").optional(),
  hostNames: z
    .array(text({ title: "host name", charactersMax: 253, pattern: "^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$", remedy: "Write a host name without port, as ebbgate.internal" }))
    .max(64)
    .describe("Names under which the admin API may be asked, beside IP addresses and localhost: any other Host is refused, against DNS rebinding.")
    .prefault([]),
});

const count = (key: keyof ProxyLimits, min: number, max: number, description: string) => integer({ min, max }).describe(description).prefault(defaults[key]);

const limits = z.strictObject({
  connectionsMax: count("connectionsMax", 1, 1_000_000, "Downstream connections, per proxy thread."),
  headBytesMax: count("headBytesMax", 1_024, 1_048_576, "Bytes of a request's or response's head."),
  headersMax: count("headersMax", 8, 1_000, "Header lines of a head."),
  targetBytesMax: count("targetBytesMax", 64, 65_536, "Bytes of a request target."),
  chunkLineBytesMax: count("chunkLineBytesMax", 16, 16_384, "Bytes of a chunk-size line, extensions included."),
  trailerBytesMax: count("trailerBytesMax", 0, 1_048_576, "Bytes of a trailer section."),
  interimResponsesMax: count("interimResponsesMax", 1, 1_000, "1xx responses that one exchange may forward."),
  headTimeoutMs: count("headTimeoutMs", 100, 600_000, "Milliseconds from the first byte of a head (or the accept) to its end."),
  keepAliveTimeoutMs: count("keepAliveTimeoutMs", 100, 86_400_000, "Milliseconds that a downstream connection may stay without a request."),
  upstreamKeepAliveMs: count("upstreamKeepAliveMs", 0, 86_400_000, "Milliseconds that an idle upstream connection is kept: less than the service's own idle timeout (Node's default is 5,000)."),
  upstreamIdlePerEndpointMax: count("upstreamIdlePerEndpointMax", 0, 65_535, "Idle connections kept to one endpoint, per proxy thread."),
  drainDelayMs: count("drainDelayMs", 0, 600_000, "Milliseconds after SIGTERM in which readiness fails but connections are still accepted."),
  drainTimeoutMs: count("drainTimeoutMs", 0, 3_600_000, "Milliseconds after the drain delay until what is still in flight is cut."),
} satisfies Record<keyof ProxyLimits, z.ZodType<number>>);

const identity = z.strictObject({
  instance: name.describe("This sidecar's own name. Left out: the machine's host name.").optional(),
  region: name.describe("Where it runs.").optional(),
  zone: name.describe("Where in the region it runs.").optional(),
});

/** Written out here, so that checking a document does not load the logger. */
const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const satisfies readonly LogLevel[];

const log = z.strictObject({
  level: z.enum(logLevels).describe("The least severe line that is written.").default("info"),
  access: z
    .strictObject({
      enabled: flag.describe("Write one line per request.").prefault(false),
      sample: share().describe("Share of the good requests that is logged; failed ones always are.").prefault("100%"),
    })
    .describe("The access log.")
    .prefault({}),
});

const fromStore = z.strictObject({ from: z.literal("store").describe("Read it from the store, and follow its changes there.") });

export const bootstrapSchema = z
  .strictObject({
    $schema: z.string().describe("Address of the JSON Schema, for editors only.").optional(),
    listeners: z.array(listener).min(1).max(64).describe("The addresses that accept downstream connections."),
    admin: admin.describe("The admin API.").prefault({}),
    threads: integer({ min: 1, max: 64 }).describe("Proxy threads: each listens on every listener.").prefault(1),
    store: storeSchema.prefault({ type: "file" }),
    identity: identity.describe("Who this sidecar is, in logs, events and the audit log.").prefault({}),
    log: log.describe("Logging, to stdout as JSON lines.").prefault({}),
    tracing: tracingSchema.optional(),
    limits: limits.describe("Bounds on what clients and services may use. Names carry the unit.").prefault({}),
    webhooks: webhookSchema.describe("Calls to others: notifications, and the targets that playbooks and external gates name.").prefault({}),
    endpoints: z
      .strictObject({
        allow: z
          .array(scalar({ json: { title: "address, block, host name or unix path", type: "string", examples: ["10.0.0.0/8", "*.svc.cluster.local", "unix:/run/shop/"] }, parse: parseAllowedEndpoint }))
          .max(256)
          .describe("What variants may name as endpoints: addresses and blocks, host names, `*.name` for all below a name, `unix:/path` (with a final slash: all below). Left out: anything. Link-local and metadata addresses never are, nor names that resolve to one.")
          .optional(),
      })
      .describe("Where the dynamic document may send users: whoever may publish one need not be able to reach all that this machine reaches.")
      .prefault({}),
    dynamic: z
      .union([text({ title: "path", charactersMax: 4_096, remedy: "Write the path of the dynamic document, or the document itself" }), fromStore, dynamicSchema])
      .describe("The dynamic document: its path (relative to this file), the document itself, or `{from: store}`: the one in Redis that a fleet shares."),
  })
  .meta({ title: "Ebbgate bootstrap document", description: "Read once, at the start; a change of anything but `dynamic` needs a restart." });

export type BootstrapDocument = z.output<typeof bootstrapSchema>;
