/** One proxy before one service, as most tests need it; everything that a test starts ends with its file. */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, expect, vi } from "vitest";
import { counters, threadCounters } from "../../src/observe/layout.ts";
import { startProxy, type TestProxy, type TestProxyOptions, type TestRoute } from "./proxy.ts";
import { startUpstream, type Answer, type RawUpstream, type UpstreamOptions } from "./raw-upstream.ts";

// What hangs should say so soon: nothing here takes longer than a second or two.
vi.setConfig({ testTimeout: 20_000 });

export interface Stage {
  readonly proxy: TestProxy;
  readonly port: number;
  readonly upstream: RawUpstream;
}

type RouteParts = Partial<Omit<TestRoute, "variants">>;

const pollMs = 5;

/** Waits for something that no event tells. Fails after `withinMs`. */
export async function eventually(holds: () => boolean, what: string, withinMs = 4_000): Promise<void> {
  const deadlineMs = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > deadlineMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await delay(pollMs);
  }
}

/** Nothing is under way any more: no exchange, no tunnel, no client connection. */
export async function expectAtRest(proxy: TestProxy): Promise<void> {
  const gauges = (): Record<string, number> => {
    proxy.slab.refresh();
    const all: Record<string, number> = { connections: proxy.own().counter(threadCounters.connectionsActive) };
    for (let slot = 1; proxy.slab.reader(slot) !== undefined; slot++) {
      all[`inFlight of slot ${slot}`] = proxy.slab.reader(slot).counter(counters.inFlight);
      all[`tunnels of slot ${slot}`] = proxy.slab.reader(slot).counter(counters.tunnels);
    }
    return all;
  };
  const raised = (): [string, number][] => Object.entries(gauges()).filter(([, value]) => value !== 0);
  await eventually(() => raised().length === 0, "every gauge at 0").catch(() => {});
  expect(raised(), "gauges that should be 0 when nothing is under way").toEqual([]);
}

/** A proxy that is checked to be at rest when its file ends, and stopped. */
export async function proxyFor(routes: readonly TestRoute[], options: TestProxyOptions = {}): Promise<TestProxy> {
  const proxy = await startProxy(routes, options);
  afterAll(async () => {
    await expectAtRest(proxy);
    await proxy.stop();
  });
  return proxy;
}

/** A service that ends with its file. */
export async function upstreamFor(answer?: Answer, options?: UpstreamOptions): Promise<RawUpstream> {
  const upstream = await startUpstream(answer, options);
  afterAll(() => upstream.stop());
  return upstream;
}

export async function stage(answer?: Answer, route: RouteParts = {}, options: TestProxyOptions & UpstreamOptions = {}): Promise<Stage> {
  const upstream = await upstreamFor(answer, options);
  const proxy = await proxyFor([{ name: "shop", ...route, variants: { stable: { endpoints: [upstream.id] } } }], options);
  return { proxy, port: proxy.port, upstream };
}
