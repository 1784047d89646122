/** A real proxy for tests: one proxy thread on a free loopback port, the slab beside it, and nothing of the control plane. */
import { bucketCount } from "../../src/core/buckets.ts";
import type { EndpointAddress, RouteSnapshot, Snapshot } from "../../src/config/snapshot.ts";
import { defaultProxyLimits, type ProxyLimits, type TracingSettings } from "../../src/config/settings.ts";
import type { SlotReader } from "../../src/observe/reader.ts";
import { Slab } from "../../src/observe/slab.ts";
import { ProxyThreads, type ThreadsOptions } from "../../src/proxy/threads.ts";

export interface TestVariant {
  readonly endpoints: readonly string[];
  readonly headers?: readonly (readonly [string, string])[];
  /** Percent; the first variant takes what is left. */
  readonly weight?: number;
}

export type TestRoute = Partial<Omit<RouteSnapshot, "variants" | "timeouts" | "limits">> & {
  readonly variants: Readonly<Record<string, TestVariant>>;
  readonly timeouts?: Partial<RouteSnapshot["timeouts"]>;
  readonly limits?: Partial<RouteSnapshot["limits"]>;
};

export interface TestProxy {
  readonly port: number;
  readonly threads: ProxyThreads;
  readonly slab: Slab;
  /** Publishes a new snapshot and resolves when it is acknowledged. */
  publish(routes: readonly TestRoute[]): Promise<void>;
  reader(route: string, variant: string): SlotReader;
  /** The threads' own slot. */
  own(): SlotReader;
  stop(): Promise<number>;
}

export interface TestProxyOptions {
  readonly limits?: Partial<ProxyLimits>;
  readonly threads?: number;
  readonly trustedPeers?: readonly string[];
  readonly viaName?: string;
  readonly region?: string;
  readonly onMirror?: ThreadsOptions["onMirror"];
  readonly tracing?: TracingSettings;
  readonly onSpans?: ThreadsOptions["onSpans"];
}

/** `http://127.0.0.1:port`, `unix:/path` */
export function address(id: string): EndpointAddress {
  if (id.startsWith("unix:")) return { id, kind: "unix", path: id.slice(5) };
  const url = new URL(id);
  return { id, kind: "tcp", host: url.hostname, port: Number(url.port) };
}

export async function startProxy(routes: readonly TestRoute[], options: TestProxyOptions = {}): Promise<TestProxy> {
  const threadCount = options.threads ?? 1;
  const slab = new Slab(threadCount);
  let acknowledge: () => void = () => {};
  let revision = 0;
  const threads = new ProxyThreads({
    threads: threadCount,
    settings: {
      listeners: [{ name: "main", host: "127.0.0.1", port: 0, trustedPeers: options.trustedPeers ?? [] }],
      limits: { ...defaultProxyLimits, drainTimeoutMs: 2_000, ...options.limits },
      accessLog: { enabled: false, sample: 0 },
      tracing: options.tracing ?? null,
      viaName: options.viaName ?? "ebbgate-test",
      region: options.region ?? null,
    },
    pages: () => slab.pages,
    onAcknowledged: () => {
      if (threads.acknowledged.every((known) => known === revision)) acknowledge();
    },
    ...(options.onMirror === undefined ? {} : { onMirror: options.onMirror }),
    ...(options.onSpans === undefined ? {} : { onSpans: options.onSpans }),
    onFault: (_thread, detail) => {
      throw new Error(`a fault in the proxy thread: ${detail}`);
    },
    onLost: (_thread, error) => {
      throw error;
    },
  });
  const [listener] = await threads.start();
  const publish = async (next: readonly TestRoute[]): Promise<void> => {
    revision++;
    const done = new Promise<void>((resolve) => {
      acknowledge = resolve;
    });
    threads.publish(snapshotOf(revision, next, slab));
    await done;
  };
  await publish(routes);
  return {
    port: listener!.port,
    threads,
    slab,
    publish,
    reader: (route, variant) => slab.reader(slab.slotOf(route, variant)),
    own: () => slab.reader(0),
    stop: () => threads.drain(),
  };
}

export function snapshotOf(revision: number, routes: readonly TestRoute[], slab: Slab): Snapshot {
  return { revision, routes: routes.map((route, i) => routeOf(route, i, slab)) };
}

function routeOf(route: TestRoute, index: number, slab: Slab): RouteSnapshot {
  const name = route.name ?? `route-${index}`;
  const variants = Object.entries(route.variants);
  let from = 0;
  const ranges = variants.slice(1).flatMap(([, variant], i) => {
    const to = from + Math.round(((variant.weight ?? 0) / 100) * bucketCount);
    const range = { from, to, variant: i + 1, order: i + 1 };
    from = to;
    return range.to > range.from ? [range] : [];
  });
  return {
    name,
    match: route.match ?? { hosts: [], path: { kind: "prefix", value: "/" }, methods: [], headers: [] },
    cohort: route.cohort ?? { mode: "key", sources: [{ kind: "header", name: "x-user" }], salt: name, sticky: null },
    variants: variants.map(([variant, { endpoints, headers }]) => ({
      name: variant,
      endpoints: endpoints.map(address),
      headers: headers ?? [],
      slot: slab.slotOf(name, variant),
    })),
    allocation: route.allocation ?? [...ranges, ...(from < bucketCount ? [{ from, to: bucketCount, variant: 0, order: 0 }] : [])],
    fallback: route.fallback ?? true,
    judged: route.judged ?? false,
    epoch: route.epoch ?? 1,
    seen: route.seen ?? null,
    goals: route.goals ?? [],
    number: route.number ?? null,
    health: route.health ?? null,
    lane: route.lane ?? null,
    assets: route.assets ?? null,
    mirror: route.mirror ?? null,
    gates: route.gates ?? [],
    timeouts: { connectMs: 2_000, firstByteMs: 10_000, idleMs: 10_000, totalMs: 0, pendingMs: 1_000, tunnelIdleMs: 60_000, ...route.timeouts },
    limits: { requestBodyBytesMax: 0, connectionsPerEndpointMax: 1_024, pendingPerEndpointMax: 1_024, ...route.limits },
  };
}
