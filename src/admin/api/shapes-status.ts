/** What the whole sidecar looks like in the API. The compiler holds the shape against the type that is really sent. */
import { z } from "zod";
import type { FleetStatus } from "../../fleet/status.ts";
import type { TargetStatus } from "../../hooks/hooks.ts";
import type { MirrorCounts } from "../../proxy/mirrors.ts";
import { differenceKinds } from "../../proxy/compare-answers.ts";
import type { Readiness } from "../readiness.ts";
import type { Status, VariantStatus } from "../status.ts";
import { percent, rollout } from "./shapes-rollout.ts";

const count = z.int().min(0);
const counts = z.record(z.string(), count);
const millis = z.number().nullable();

const variant: z.ZodType<VariantStatus> = z
  .object({
    name: z.string(), baseline: z.boolean(), endpoints: z.array(z.string()), weight: percent, inFlight: count, tunnels: count,
    totals: z.object({ requests: count, failed: count, fallbacks: count, retries: count, errors: counts }).describe("Since the start."),
    recent: z
      .object({ seconds: z.number(), requestsPerSecond: z.number(), errorRate: z.number().min(0).max(1).nullable(), fallbacks: count, errors: counts, p50Ms: millis, p99Ms: millis })
      .describe("Over the last seconds."),
  })
  .meta({ id: "Variant" });

const mirror: z.ZodType<MirrorCounts> = z
  .object({
    variant: z.string(), compared: count, differing: count, differences: z.record(z.enum(differenceKinds), count), dropped: count,
    userP50Ms: millis, copyP50Ms: millis, userP99Ms: millis, copyP99Ms: millis,
    shown: z.array(z.object({ kind: z.enum(differenceKinds), at: z.string(), wallMs: z.number(), method: z.string(), path: z.string(), userStatus: z.int(), copyStatus: z.int() })),
  })
  .meta({ id: "Mirror", description: "What became of a route's copies." });

const fleet: z.ZodType<FleetStatus> = z
  .object({
    instance: z.string(), role: z.enum(["leader", "follower"]), epoch: count.nullable(), leader: z.string().nullable(), size: count,
    sidecars: z.array(z.object({ instance: z.string(), region: z.string().nullable(), silentMs: z.number(), behind: z.array(z.string()) })).nullable(),
    stragglers: z.array(z.string()), convergenceMs: z.array(z.number()), lowered: z.array(z.object({ route: z.string(), reason: z.string(), weight: percent })), acknowledged: counts,
  })
  .meta({ id: "Fleet", description: "What this sidecar knows of the others." });

export const readinessShape: z.ZodType<Readiness> = z.object({ ready: z.boolean(), reasons: z.array(z.string()) }).meta({ id: "Readiness" });

const text = z.object({ name: z.string(), value: z.string().nullable() });

export const targetStatus: z.ZodType<TargetStatus> = z
  .object({
    target: z.string(), notified: z.boolean().describe("Whether it is told of decisions."), behind: count.nullable().describe("Audit records that it was not told of yet; null where another sidecar tells it."),
    seq: count.nullable().describe("The last audit record that it is done with."), deadLetters: count.nullable(), taken: count, failed: count.describe("Attempts."), gaveUp: count, lastFailure: z.string().nullable(),
  })
  .meta({ id: "Target", description: "A target of webhooks, since this sidecar started." });

export const status: z.ZodType<Status> = z
  .object({
    version: z.string(), node: z.string(), instance: z.string(), region: z.string().nullable(), zone: z.string().nullable(), time: z.string(), uptimeSeconds: z.number(), ready: z.boolean(),
    notReady: z.array(z.string()), revision: count,
    configuration: z.object({ source: z.string(), loadedMs: z.number().nullable(), lastLoadOk: z.boolean(), refusals: count, lastRefusal: z.object({ wallMs: z.number(), detail: z.string() }).nullable() }),
    threads: z.array(z.object({ index: count, alive: z.boolean(), revision: count, listening: z.array(z.string()) })),
    connections: z.object({ downstream: count, upstream: count, accepted: count, refused: count }), refusals: counts,
    routes: z.array(
      z.object({
        name: z.string(),
        match: z.object({ hosts: z.array(z.string()), path: z.object({ kind: z.enum(["prefix", "exact"]), value: z.string() }), methods: z.array(z.string()), headers: z.array(text) }),
        variants: z.array(variant), mirror: mirror.nullable(),
      }),
    ),
    rollouts: z.array(rollout), fleet: fleet.nullable(),
    webhooks: z.array(targetStatus),
  })
  .meta({ id: "Status", description: "What runs and how it fares. Units are in the names." });
