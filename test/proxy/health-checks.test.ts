import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { HealthChecks } from "../../src/proxy/health-checks.ts";
import { address, startProxy } from "../support/proxy.ts";

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

/** A service whose health can be switched; `/` always answers its name. */
async function service(name: string): Promise<{ url: string; healthy: boolean; asked: number }> {
  const state = { url: "", healthy: true, asked: 0 };
  const server = createServer((request, response) => {
    if (request.url === "/healthz") {
      state.asked++;
      response.statusCode = state.healthy ? 204 : 503;
    }
    response.end(request.url === "/healthz" ? undefined : name);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stops.push(() => {
    server.closeAllConnections();
    server.close();
  });
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return state;
}

const settings = { path: "/healthz", intervalMs: 20, timeoutMs: 1_000, unhealthyAfter: 3, healthyAfter: 2 };

/** Checks the endpoints; `change()` resolves with the next change. */
function watch(urls: readonly string[]): { checks: HealthChecks; change: () => Promise<readonly [string, boolean]> } {
  const changes: (readonly [string, boolean])[] = [];
  let wake: () => void = () => {};
  const checks = new HealthChecks({
    random: () => 0.5,
    onChange: (endpoint, healthy) => {
      changes.push([endpoint, healthy]);
      wake();
    },
  });
  stops.push(() => checks.close());
  checks.follow([{ health: settings, variants: [{ endpoints: urls.map(address) }] }]);
  const change = async (): Promise<readonly [string, boolean]> => {
    while (changes.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return changes.shift()!;
  };
  return { checks, change };
}

it("takes an endpoint out after three failures in a row, and back after two good answers", async () => {
  const one = await service("one");
  one.healthy = false;
  const { change } = watch([one.url]);
  expect(await change()).toEqual([one.url, false]);
  expect(one.asked).toBe(3);
  one.healthy = true;
  expect(await change()).toEqual([one.url, true]);
  expect(one.asked).toBe(5);
});

it("calls an endpoint unhealthy that nobody listens on, and healthy when its route is no longer checked", async () => {
  const { checks, change } = watch(["http://127.0.0.1:9"]);
  expect(await change()).toEqual(["http://127.0.0.1:9", false]);
  checks.follow([]);
  expect(await change()).toEqual(["http://127.0.0.1:9", true]);
});

it("sends no request to an unhealthy endpoint while a healthy one is there, and asks the baseline's own when none is", async () => {
  const [one, two] = [await service("one"), await service("two")];
  const proxy = await startProxy([{ variants: { v1: { endpoints: [one.url, two.url] } } }]);
  stops.push(() => proxy.stop());
  const answers = async (): Promise<Set<string>> => new Set(await Promise.all(Array.from({ length: 40 }, async () => (await fetch(`http://127.0.0.1:${proxy.port}/`)).text())));
  expect(await answers()).toEqual(new Set(["one", "two"]));
  proxy.threads.sendHealth(one.url, false);
  // Messages to a thread keep their order: the acknowledgement comes after the health was taken in.
  await proxy.publish([{ variants: { v1: { endpoints: [one.url, two.url] } } }]);
  expect(await answers()).toEqual(new Set(["two"]));
  proxy.threads.sendHealth(two.url, false);
  await proxy.publish([{ variants: { v1: { endpoints: [one.url, two.url] } } }]);
  expect((await answers()).size).toBeGreaterThan(0);
});
