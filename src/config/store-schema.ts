import { z } from "zod";
import type { HostPort } from "./definition.ts";
import { parseHostPort } from "./notation.ts";
import { duration, integer, name, scalar, text } from "./scalars.ts";

const path = text({ title: "path", charactersMax: 4_096 });
const server = scalar<HostPort>({ json: { title: "host and port", type: "string", pattern: "^[^/@\\s]+:\\d{1,5}$", examples: ["redis.internal:6379"] }, parse: parseHostPort });
const secret = text({ title: "secret", charactersMax: 4_096, remedy: "Write ${NAME}, and put the secret into that environment variable" });
const user = text({ title: "user name", charactersMax: 256 });

const redis = z.strictObject({
  type: z.literal("redis"),
  address: server.describe("Host and port of a single Redis. This, or `sentinel`, or `cluster`.").optional(),
  sentinel: z
    .strictObject({
      addresses: z.array(server).min(1).max(64).describe("The Sentinels, port 26379 as a rule."),
      master: text({ title: "name", charactersMax: 256 }).describe("What the Sentinels call the Redis that they watch."),
      username: user.describe("The Sentinels' own user.").optional(),
      password: secret.describe("The Sentinels' own password, as `${NAME}`.").optional(),
    })
    .describe("A Redis that Sentinels watch: the master is asked for anew after each failover.")
    .optional(),
  cluster: z.array(server).min(1).max(64).describe("Nodes of a Redis Cluster; the others are found through them.").optional(),
  namespace: name.describe("Keys are below `ebbgate:{namespace}:`. Sidecars of the same namespace are a fleet.").prefault("default"),
  username: user.describe("ACL user. Left out: `default`.").optional(),
  password: secret.describe("As `${NAME}`, so that it stands in the environment and not in the file.").optional(),
  database: integer({ min: 0, max: 1_023 }).describe("Number of the database; a cluster has only 0.").prefault(0),
  tls: z
    .strictObject({
      ca: path.describe("PEM file of the authority that signed the server's certificate. Left out: the system's authorities.").optional(),
      certificate: path.describe("PEM file of our own certificate, where the server asks for one.").optional(),
      key: path.describe("PEM file of its private key.").optional(),
      serverName: text({ title: "host name", charactersMax: 253 }).describe("The name in the server's certificate, where it is not the host above.").optional(),
    })
    .describe("Present, even as `{}`: connections are TLS, and certificates are verified. Paths are relative to the configuration file.")
    .optional(),
  commandTimeout: duration({ minMs: 50, maxMs: 60_000 }).describe("What a command may take, its way there and back. No request ever waits for one.").prefault("1s"),
  replicas: integer({ min: 0, max: 16 })
    .describe("Replicas that should have a write before it counts as done. Left out: 1 with `sentinel`, else 0. Where there are fewer, it is warned and gone on.")
    .optional(),
  audit: z
    .strictObject({
      recordsMax: integer({ min: 100, max: 10_000_000 }).describe("Records kept in Redis. When there are more, the oldest move to files of one of the sidecars.").prefault(10_000),
      directory: path.describe("Where those files go. Left out: `audit` in the cache's directory.").optional(),
    })
    .describe("What becomes of old records of the audit log.")
    .prefault({}),
  cache: path.describe("Directory for the last good state of things, from which a restart without Redis serves. Left out: `.ebbgate` beside the configuration file.").optional(),
});

export const storeSchema = z
  .discriminatedUnion("type", [
    z.strictObject({
      type: z.literal("file"),
      directory: path.describe("Relative to the configuration file. Left out: `.ebbgate` beside it.").optional(),
    }),
    redis,
    z.strictObject({ type: z.literal("memory") }),
  ])
  .describe("Where rollout states and the audit log are kept: `file` survives a restart, `redis` is shared by several sidecars, `memory` ends with the process.");

export type StoreDocument = z.output<typeof storeSchema>;
