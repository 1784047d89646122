import { z } from "zod";
import { parseCohortSource, parseEndpoint, parseHost, parseMethod, parsePath, parsePointer } from "./notation.ts";
import { gateSchema, jwtSchema, policySchema } from "./gate-schema.ts";
import { pathSchema } from "./path-schema.ts";
import { rolloutSchema } from "./rollout-schema.ts";
import { duration, factor, flag, integer, name, scalar, share, text, token, weight } from "./scalars.ts";

const day = 86_400_000;

const match = z.strictObject({
  hosts: z
    .array(scalar({ json: { title: "host", type: "string", examples: ["*.example.com"] }, parse: parseHost }))
    .max(256)
    .describe("Host names without port; `*.example.com` matches any depth below. Empty: any host.")
    .prefault([]),
  path: pathSchema.prefault("/"),
  methods: z
    .array(scalar({ json: { title: "method", type: "string", examples: ["GET"] }, parse: parseMethod }))
    .max(32)
    .describe("Empty: any method.")
    .prefault([]),
  headers: z
    .array(
      z.strictObject({
        name: token.describe("Header name, in any case."),
        value: text({ charactersMax: 4_096 }).describe("The exact value. Left out: present with any value.").optional(),
      }),
    )
    .max(32)
    .describe("Headers that must all be present.")
    .prefault([]),
});

const cohort = z
  .union([
    z.literal("random"),
    z.strictObject({
      key: z
        .array(scalar({ json: { title: "source", type: "string", pattern: "^(header:.+|cookie:.+|jwt:.+|ip)$", examples: ["header:x-user"] }, parse: parseCohortSource }))
        .min(1)
        .max(8)
        .describe("Where the cohort key comes from, tried in order: `header:NAME`, `cookie:NAME`, `jwt:CLAIM` (of the bearer token, not verified), `ip`."),
      salt: text({ charactersMax: 128 }).describe("Mixed into the hash; changing it reshuffles everybody. Left out: the route's name.").optional(),
      sticky: z
        .strictObject({
          cookie: token.describe("Name of the cookie that carries the cohort key.").prefault("ebbgate-cohort"),
          maxAge: duration({ minMs: 1_000, maxMs: 365 * day }).describe("How long a browser keeps it.").prefault("30d"),
        })
        .describe("Give a cookie to clients that have none of the sources, so that they keep their variant. Left out: no cookie.")
        .optional(),
    }),
  ])
  .describe("How requests are split: by a key, so that one user keeps one variant, or `random`, each request on its own.");

const variant = z.strictObject({
  name: name.describe("Unique within the route."),
  baseline: flag.describe("Whether this is the version that is known to be good. Exactly one is; left out everywhere, it is the first.").optional(),
  endpoints: z
    .array(scalar({ json: { title: "endpoint", type: "string", pattern: "^(http://.+|unix:/.+)$", examples: ["http://127.0.0.1:3001"] }, parse: parseEndpoint }))
    .min(1)
    .max(256)
    .describe("Addresses of this version: `http://host:port` or `unix:/path`. Left out of a candidate: the baseline's, and the service is told which variant it is to be (`ebbgate-variant`, and `headers`).")
    .optional(),
  headers: z
    .record(z.string(), text({ charactersMax: 4_096 }))
    .describe("Headers set on the forwarded request; an inbound header of that name is replaced.")
    .prefault({}),
  weight: weight
    .describe("Percent of the buckets, in steps of 0.001. Only for a candidate that no rollout moves; left out: 0. The baseline takes what is left.")
    .optional(),
  revision: text({ charactersMax: 128 })
    .describe("What is deployed there (image digest, commit): a rolled-back revision is not run again. Left out: a hash of endpoints and headers.")
    .optional(),
});

const timeouts = z.strictObject({
  connect: duration().describe("Of a connection to the service.").prefault("2s"),
  firstByte: duration().describe("From the forwarded head to the first byte of the answer.").prefault("30s"),
  idle: duration().describe("Of a body without progress in either direction.").prefault("1m"),
  total: duration().describe("Of a whole exchange.").prefault(0),
  pending: duration().describe("Of waiting for a free connection to the service.").prefault("1s"),
  tunnelIdle: duration({ maxMs: 7 * day }).describe("Of an upgraded (WebSocket) connection without traffic.").prefault("1h"),
});

const health = z.strictObject({
  path: scalar({ json: { title: "path", type: "string", pattern: "^/", examples: ["/healthz"] }, parse: parsePath }).describe("What is asked; 2xx and 3xx are good answers."),
  interval: duration({ minMs: 100, maxMs: day }).describe("Between two questions, per endpoint.").prefault("5s"),
  timeout: duration({ minMs: 10, maxMs: 60_000 }).describe("Of one question.").prefault("1s"),
  unhealthyAfter: integer({ min: 1, max: 100 }).describe("Failures in a row after which an endpoint gets no traffic.").prefault(3),
  healthyAfter: integer({ min: 1, max: 100 }).describe("Good answers in a row after which it gets traffic again.").prefault(2),
});

const limits = z.strictObject({
  requestBodyBytesMax: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }).describe("Bytes of a request body; 0: unlimited.").prefault(0),
  connectionsPerEndpointMax: integer({ min: 1, max: 65_535 }).describe("Connections to one endpoint, per proxy thread.").prefault(1_024),
  pendingPerEndpointMax: integer({ min: 0, max: 1_000_000 }).describe("Requests waiting for a connection to one endpoint, per proxy thread.").prefault(1_024),
});

const mirror = z.strictObject({
  variant: name.describe("The variant that gets the copies; not the baseline."),
  share: share({ above: 0 }).describe("Of the safe requests (GET, HEAD, OPTIONS) that the baseline serves.").prefault("10%"),
  timeout: duration({ minMs: 10, maxMs: 600_000 }).describe("Of one copy.").prefault("10s"),
  compareBodies: flag.describe("Whether bodies are compared, beside the status and the media type.").prefault(true),
  bodyBytesMax: integer({ min: 0, max: 16_777_216 }).describe("Larger bodies are not compared.").prefault(262_144),
  ignore: z
    .array(scalar({ json: { title: "JSON pointer", type: "string", pattern: "^/", examples: ["/items/*/updatedAt"] }, parse: parsePointer }))
    .max(64)
    .describe("JSON Pointers (RFC 6901) of what may differ; `*` stands for any member or element.")
    .prefault([]),
  slower: z
    .strictObject({
      times: factor({ min: 1, max: 1_000, remedy: "Write a factor from 1 to 1000" }).describe("A copy that takes more than so many times as long as the user's answer differs ..."),
      floor: duration({ minMs: 1, maxMs: 60_000 }).describe("... if it also takes at least this much longer.").prefault("50ms"),
    })
    .describe("Left out: times are shown, and never a difference.")
    .optional(),
  logBodies: flag.describe("Whether differences that are shown hold the beginnings of both bodies. They may be personal data.").prefault(false),
  concurrencyMax: integer({ min: 1, max: 256 }).describe("Copies under way at once; what does not fit is not copied.").prefault(16),
});

const lane = z
  .union([
    z.enum(["start", "join"]),
    z.strictObject({ join: z.record(z.string(), name).describe("The variant for each lane, by the name of the variant that started it. A lane that is not here is kept, and not followed.") }),
  ])
  .describe("The variant travels on in `ebbgate-variant` and `baggage`. `start`: under this route's variant, whatever came in. `join`: a trusted peer's lane is kept, and followed to the variant of the same name, or the one given here, while that has any weight.");

const assets = z.strictObject({
  paths: z.array(pathSchema).max(64).describe("What is an asset, beside requests that the browser itself names so (`Sec-Fetch-Dest: script`, `style`, `image`, `font`, ...).").prefault([]),
  cookie: token.describe("Tells the version of the last page. Left out: `ebbgate-page-` and the route's name. Give two routes the same where one serves the other's assets.").optional(),
});

export const routeSchema = z.strictObject({
  name: name.describe("Unique; the label in metrics and the name of the route's rollout."),
  match: match.describe("Every part that is present must match. The first route in the document that matches serves.").prefault({}),
  cohort: cohort.prefault("random"),
  variants: z.array(variant).min(1).max(16).describe("The versions behind the route."),
  fallback: flag.describe("Answer a safe request that a candidate fails before the first byte from the baseline.").prefault(true),
  timeouts: timeouts.describe("`0` switches one off.").prefault({}),
  limits: limits.describe("Bounds on what the route may use.").prefault({}),
  health: health.describe("Ask every endpoint of the route whether it is well. Left out: endpoints are judged by their traffic alone.").optional(),
  lane: lane.prefault("start"),
  assets: assets.describe("Scripts, styles and other assets come from the version that their page came from, also when the weights have moved since. Left out: they are requests like any other.").optional(),
  mirror: mirror.describe("Copies a share of the baseline's safe requests to a variant, compares the answers, and lets no user wait for it. Left out: nothing is copied.").optional(),
  rollout: rolloutSchema.describe("Moves a candidate's weight step by step, and back when it breaches a limit.").optional(),
});

export const dynamicSchema = z
  .strictObject({
    $schema: z.string().describe("Address of the JSON Schema, for editors only.").optional(),
    revision: integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
      .describe("Of a document in Redis: one with a lower revision than what runs is refused as stale. `ebbgate apply` sets it; in a file it means nothing.")
      .optional(),
    routes: z.array(routeSchema).min(1).max(1_000).describe("Tried in this order; the first match serves."),
    gates: z.array(gateSchema).max(1_000).describe("Who is given a candidate, or kept from it, whatever its weight is; and who answers for it. Of a route they are asked in this order.").prefault([]),
    gatePolicy: policySchema.describe("What is asked of every gate.").prefault({}),
    jwt: jwtSchema.describe("Whose tokens are believed where a gate asks for claims: the bearer token of the request. Left out: no gate may ask.").optional(),
  })
  .meta({ title: "Ebbgate dynamic document", description: "Routes, their variants and rollouts. Watched: a change is live without a restart." });

export type DynamicDocument = z.output<typeof dynamicSchema>;
export type RouteDocument = z.output<typeof routeSchema>;
export type VariantDocument = z.output<typeof variant>;
