/** OpenFeature against a running sidecar: with the official SDKs and providers, and against what the proxy really does. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { OFREPProvider } from "@openfeature/ofrep-provider";
import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";
import { OpenFeature as ServerFeature } from "@openfeature/server-sdk";
import { OpenFeature as WebFeature, ProviderEvents } from "@openfeature/web-sdk";
import { Pool } from "undici";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bucketOf } from "../../src/split/bucket.ts";
import { Workplace, type SidecarProcess } from "../support/sidecar.ts";

const servers: Server[] = [];
const place = new Workplace();
let sidecar: SidecarProcess;
let services: string[];

async function service(name: string): Promise<string> {
  const server = createServer((_request, response) => response.end(name));
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const routes = (v2: number, v3 = 30): object[] => [
  {
    name: "shop", match: { path: "/shop" }, cohort: { key: ["header:x-user"], salt: "größe" },
    variants: ["v1", "v2", "v3"].map((name, i) => ({ name, endpoints: [services[i]], ...(i > 0 && { weight: i === 1 ? v2 : v3 }) })),
  },
  { name: "pricing", match: { path: "/pricing" }, cohort: { key: ["header:x-user"] }, variants: [{ name: "all", endpoints: [services[0]] }] },
  { name: "assets", match: { path: "/assets" }, variants: [{ name: "all", endpoints: [services[0]] }] },
];

beforeAll(async () => {
  services = await Promise.all(["v1", "v2", "v3"].map(service));
  place.write(routes(20.001));
  sidecar = await place.start();
});
afterAll(async () => {
  await ServerFeature.close();
  await WebFeature.close();
  place.clear();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

/** Runs so many at once. */
async function each<T>(items: readonly T[], atOnce: number, run: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (next < items.length) await run(items[next++]!);
  }));
}

it("the answer for a targeting key is the decision that the proxy makes for that cohort key: 10,000 keys", async () => {
  const letters = ["a", "7", "-", "@", "é", "ß", "用", "😀", ":", "=", ";", ","];
  const keys = Array.from({ length: 10_000 }, (_, i) => `user-${i}${i % 3 === 0 ? "" : letters[i % letters.length]!.repeat(1 + (i % 5))}`);
  const [proxy, admin] = [new Pool(sidecar.proxy, { connections: 8 }), new Pool(sidecar.admin, { connections: 8 })];
  const differing: string[] = [];
  const counts: Record<string, number> = {};
  await each(keys, 16, async (key) => {
    // A header carries the key's UTF-8 bytes.
    const served = await proxy.request({ method: "GET", path: "/shop", headers: { "x-user": Buffer.from(key, "utf8").toString("latin1") } });
    const asked = await admin.request({ method: "POST", path: "/ofrep/v1/evaluate/flags/shop", headers: { "content-type": "application/json" }, body: JSON.stringify({ context: { targetingKey: key } }) });
    const variant = await served.body.text();
    const answer = (await asked.body.json()) as { value: string; variant: string; metadata: { bucket: number } };
    if (answer.value !== variant || answer.variant !== variant || answer.metadata.bucket !== bucketOf("größe", key)) differing.push(`${key}: ${variant}, ${JSON.stringify(answer)}`);
    counts[variant] = (counts[variant] ?? 0) + 1;
  });
  await Promise.all([proxy.close(), admin.close()]);
  expect(differing).toEqual([]);
  expect(Object.keys(counts).toSorted()).toEqual(["v1", "v2", "v3"]);
  for (const variant of ["v2", "v3"]) expect(counts[variant]).toBeGreaterThan(1_500);
}, 120_000);

it("OpenFeature's server SDK reads a route as a text flag, with variant, reason and metadata", async () => {
  await ServerFeature.setProviderAndWait(new OFREPProvider({ baseUrl: sidecar.admin }));
  const client = ServerFeature.getClient();
  const targetingKey = Array.from({ length: 100 }, (_, i) => `user-${i}`).find((key) => bucketOf("größe", key) < 20_001)!;
  expect(await client.getStringDetails("shop", "none", { targetingKey, plan: "premium", nested: { list: [1] } })).toMatchObject({
    value: "v2", variant: "v2", reason: "SPLIT", flagMetadata: { route: "shop", bucket: bucketOf("größe", targetingKey), routingReason: "weighted" },
  });
  expect(await client.getStringDetails("pricing", "none", { targetingKey })).toMatchObject({ value: "all", reason: "STATIC" });
  // What goes wrong is the default, with the code that says why.
  expect(await client.getStringDetails("shop", "none", {})).toMatchObject({ value: "none", reason: "ERROR", errorCode: "TARGETING_KEY_MISSING" });
  expect(await client.getStringDetails("nothing", "none", { targetingKey })).toMatchObject({ value: "none", errorCode: "FLAG_NOT_FOUND" });
  expect(await client.getStringDetails("assets", "none", { targetingKey })).toMatchObject({ value: "none", errorCode: "FLAG_NOT_FOUND" });
  expect(await client.getNumberDetails("shop", 7, { targetingKey })).toMatchObject({ value: 7, errorCode: "TYPE_MISMATCH" });
});

it("OpenFeature's web SDK reads all flags at once, sees a change by polling, and nothing is sent anew while nothing changes", async () => {
  const statuses: number[] = [];
  const user = Array.from({ length: 100 }, (_, i) => `user-${i}`).find((key) => bucketOf("größe", key) < 20_001)!;
  await WebFeature.setContext({ targetingKey: user });
  await WebFeature.setProviderAndWait(new OFREPWebProvider({
    baseUrl: sidecar.admin, pollInterval: 50, cacheMode: "disabled",
    fetchImplementation: async (...asked: Parameters<typeof fetch>) => {
      const response = await fetch(...asked);
      statuses.push(response.status);
      return response;
    },
  }));
  const client = WebFeature.getClient();
  expect(client.getStringDetails("shop", "none")).toMatchObject({ value: "v2", variant: "v2", reason: "SPLIT" });
  expect(client.getStringValue("pricing", "none")).toBe("all");
  expect(client.getStringValue("assets", "none")).toBe("none");
  await expect.poll(() => statuses.filter((status) => status === 304).length, { timeout: 20_000 }).toBeGreaterThan(2);
  expect(statuses.filter((status) => status === 200)).toHaveLength(1);
  const changed = new Promise((resolve) => client.addHandler(ProviderEvents.ConfigurationChanged, (event) => resolve(event?.flagsChanged)));
  place.write(routes(0));
  expect(await changed).toEqual(["shop"]);
  expect(client.getStringValue("shop", "none")).not.toBe("v2");
  await WebFeature.setContext({ targetingKey: "another" });
  expect(client.getStringDetails("shop", "none").flagMetadata["bucket"]).toBe(bucketOf("größe", "another"));
}, 60_000);
