/** `/api/v1/status`: what runs and how it fares, for people, the page and the command line. Units are in the names. */
import { refusalCodes, counters, threadCounters } from "../observe/layout.ts";
import { upstreamErrorCodes, type ErrorCode } from "../core/errors.ts";
import type { RouteSnapshot } from "../config/snapshot.ts";
import type { FleetStatus } from "../fleet/status.ts";
import type { TargetStatus } from "../hooks/hooks.ts";
import type { MirrorCounts } from "../proxy/mirrors.ts";
import type { RolloutStatus } from "../rollout/status.ts";
import type { AdminPorts, ConfigurationStatus, ThreadStatus } from "./ports.ts";
import { readiness } from "./readiness.ts";
import { seriesOfRoute, type Series } from "./series.ts";

export interface VariantStatus {
  readonly name: string;
  readonly baseline: boolean;
  readonly endpoints: readonly string[];
  /** Percent of the buckets. */
  readonly weight: number;
  readonly inFlight: number;
  readonly tunnels: number;
  /** Since the start. */
  readonly totals: {
    readonly requests: number;
    readonly failed: number;
    readonly fallbacks: number;
    readonly retries: number;
    /** By reason, only those that happened. */
    readonly errors: Readonly<Record<string, number>>;
  };
  /** Over the last seconds. */
  readonly recent: {
    readonly seconds: number;
    readonly requestsPerSecond: number;
    /** Failed over settled, 0 ... 1; null where nothing settled. */
    readonly errorRate: number | null;
    readonly fallbacks: number;
    readonly errors: Readonly<Record<string, number>>;
    /** First byte in milliseconds; null where nothing was answered. */
    readonly p50Ms: number | null;
    readonly p99Ms: number | null;
  };
}

export interface Status {
  readonly version: string;
  readonly node: string;
  readonly instance: string;
  readonly region: string | null;
  readonly zone: string | null;
  /** RFC 3339. */
  readonly time: string;
  readonly uptimeSeconds: number;
  readonly ready: boolean;
  readonly notReady: readonly string[];
  /** Posted to the proxy threads; 0 before the first. */
  readonly revision: number;
  readonly configuration: ConfigurationStatus;
  readonly threads: readonly ThreadStatus[];
  readonly connections: { readonly downstream: number; readonly upstream: number; readonly accepted: number; readonly refused: number };
  /** Requests that count against no variant, by reason, only those that happened. */
  readonly refusals: Readonly<Record<string, number>>;
  readonly routes: readonly { readonly name: string; readonly match: RouteSnapshot["match"]; readonly variants: readonly VariantStatus[]; readonly mirror: MirrorCounts | null }[];
  readonly rollouts: readonly RolloutStatus[];
  /** Null: this sidecar shares its store with no other. */
  readonly fleet: FleetStatus | null;
  /** Calls to others, by target. */
  readonly webhooks: readonly TargetStatus[];
}

/** Reasons that happened, with their counts. */
function tally(codes: readonly ErrorCode[], count: (code: ErrorCode) => number): Record<string, number> {
  return Object.fromEntries(codes.map((code) => [code, count(code)] as const).filter(([, times]) => times > 0));
}

const millis = (micros: number | null): number | null => (micros === null ? null : Math.round(micros) / 1000);
const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));

function variantStatus(ports: AdminPorts, series: Series, index: number, route: RouteSnapshot): VariantStatus {
  const { reader } = series;
  const window = ports.windows.of(series.slot);
  const [p50, p99] = window.firstByteQuantiles([0.5, 0.99]) as [number | null, number | null];
  return {
    name: series.variant,
    baseline: index === 0,
    endpoints: route.variants[index]!.endpoints.map((endpoint) => endpoint.id),
    weight: rounded(series.share * 100, 3),
    inFlight: reader.counter(counters.inFlight),
    tunnels: reader.counter(counters.tunnels),
    totals: {
      requests: reader.counter(counters.requests),
      failed: reader.counter(counters.failed),
      fallbacks: reader.counter(counters.fallbacks),
      retries: reader.counter(counters.retries),
      errors: tally(upstreamErrorCodes, (code) => reader.error(code)),
    },
    recent: {
      seconds: rounded(window.seconds, 1),
      requestsPerSecond: rounded(window.rate(counters.requests), 2),
      errorRate: window.errorRate(),
      fallbacks: window.count(counters.fallbacks),
      errors: tally(upstreamErrorCodes, (code) => window.error(code)),
      p50Ms: millis(p50),
      p99Ms: millis(p99),
    },
  };
}

export function statusOf(ports: AdminPorts): Status {
  const { identity } = ports;
  const posted = ports.posted();
  const { ready, reasons } = readiness(ports);
  const threads = ports.slab.reader(0);
  const wallMs = ports.clock.wallMs();
  return {
    version: identity.version,
    node: process.versions.node,
    instance: identity.instance,
    region: identity.region,
    zone: identity.zone,
    time: new Date(wallMs).toISOString(),
    uptimeSeconds: rounded(Math.max(0, wallMs - identity.startedMs) / 1000, 1),
    ready,
    notReady: reasons,
    revision: posted?.snapshot.revision ?? 0,
    configuration: ports.configuration(),
    threads: ports.threads(),
    connections: {
      downstream: threads.counter(threadCounters.connectionsActive),
      upstream: threads.counter(threadCounters.upstreamConnectionsActive),
      accepted: threads.counter(threadCounters.connectionsAccepted),
      refused: threads.counter(threadCounters.connectionsRefused),
    },
    refusals: tally(refusalCodes, (code) => threads.error(code)),
    routes: (posted?.snapshot.routes ?? []).map((route) => ({
      name: route.name,
      match: route.match,
      variants: seriesOfRoute(ports, route).map((series, index) => variantStatus(ports, series, index, route)),
      mirror: ports.mirrors(route.name),
    })),
    rollouts: ports.rollouts(),
    fleet: ports.fleet?.() ?? null,
    webhooks: ports.webhooks?.() ?? [],
  };
}
