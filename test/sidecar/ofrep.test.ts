/** OpenFeature against a running sidecar: with the official SDKs and providers, and against what the proxy really does. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { OFREPProvider } from "@openfeature/ofrep-provider";
import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";
import { OpenFeature as ServerFeature } from "@openfeature/server-sdk";
import { OpenFeature as WebFeature, ProviderEvents } from "@openfeature/web-sdk";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { Pool } from "undici";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bucketOf } from "../../src/split/bucket.ts";
import { Workplace, type SidecarProcess } from "../support/sidecar.ts";

const servers: Server[] = [];
const place = new Workplace();
const places = [place];
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
  for (const one of places) one.clear();
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

it("the same holds with a gate's rules before the weight, for what the context says of the request: 10,000 keys", async () => {
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { extractable: true });
  const tokens = await Promise.all(["free", "pro", "team"].map((plan) => new SignJWT({ plan, groups: plan === "team" ? ["a", "beta"] : ["b"] }).setProtectedHeader({ alg: "EdDSA" }).setExpirationTime("1h").sign(privateKey)));
  const gated = new Workplace();
  places.push(gated);
  const gate = (name: string, variant: string, rules: readonly object[]): object => ({ name, route: "shop", variant, owner: "us", description: "d", ticket: "T-1", created: "2026-11-27", sunset: "2027-11-27", criteria: "c", rules });
  const document = {
    listeners: [{ address: "127.0.0.1:0" }], admin: { address: "127.0.0.1:0" }, identity: { region: "eu-west" },
    dynamic: {
      jwt: { keys: [await exportJWK(publicKey)] },
      routes: [routes(20)[0]],
      gates: [
        gate("new-cart", "v2", [
          { name: "bots", effect: "deny", when: { headers: [{ name: "user-agent", contains: "böt" }] } },
          { name: "known", effect: "allow", when: { keys: ["user-1", "user-17é"] } },
          { name: "beta", effect: "target", share: "40%", when: { cookies: [{ name: "beta", in: ["on", "yes"] }] } },
          { name: "groups", effect: "target", when: { claims: [{ name: "groups", value: "beta" }] } },
          { name: "carts", effect: "deny", when: { paths: ["/shop/cart"], regions: ["eu-west"] }, unless: { query: [{ name: "force", value: "1 & 2" }] } },
        ]),
        gate("new-search", "v3", [{ name: "pro", effect: "target", share: "50%", when: { claims: [{ name: "plan", prefix: "pro" }] } }, { name: "posts", effect: "deny", when: { methods: ["POST"] } }]),
      ],
    },
  };
  gated.writeText(JSON.stringify(document));
  const running = await gated.start();
  const [proxy, admin] = [new Pool(running.proxy, { connections: 8 }), new Pool(running.admin, { connections: 8 })];
  const wire = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
  const differing: string[] = [];
  const reasons: Record<string, number> = {};
  await each(Array.from({ length: 10_000 }, (_, i) => i), 16, async (i) => {
    // Every mixture of attributes comes up; each divisor is another one.
    const key = `user-${i}${i % 7 === 3 ? "é" : ""}`;
    const headers = { "user-agent": i % 11 === 0 ? "some böt" : "browser" };
    const cookies = i % 5 === 0 ? { beta: ["on", "yes", "off"][i % 3]! } : undefined;
    const token = i % 4 === 1 ? tokens[i % 3]! : undefined;
    const method = i % 9 === 4 ? "POST" : "GET";
    const path = ["/shop", "/shop/cart", "/shop/x/../cart"][i % 3]!;
    const query = i % 6 === 1 ? { force: "1 & 2", other: "é" } : undefined;
    const target = path + (query === undefined ? "" : `?${new URLSearchParams(query).toString()}`);
    const served = await proxy.request({ method, path: target, headers: { "x-user": wire(key), "user-agent": wire(headers["user-agent"]), ...(cookies && { cookie: `a=b; beta=${cookies.beta}` }), ...(token !== undefined && { authorization: `Bearer ${token}` }) } });
    // What the token says, as an application knows it; or the token itself.
    const plan = ["free", "pro", "team"][i % 3]!;
    const claims = token === undefined || i % 8 === 1 ? {} : { plan, groups: plan === "team" ? ["a", "beta"] : ["b"] };
    const request = { method, path, headers: { ...headers, ...(token !== undefined && i % 8 === 1 && { Authorization: `Bearer ${token}` }) }, ...(cookies && { cookies }), ...(query && { query }) };
    const asked = await admin.request({ method: "POST", path: "/ofrep/v1/evaluate/flags", headers: { "content-type": "application/json" }, body: JSON.stringify({ context: { targetingKey: key, ...claims, request } }) });
    const variant = await served.body.text();
    const { flags } = (await asked.body.json()) as { flags: { key: string; value: string | boolean; metadata: { routingReason: string } }[] };
    const values = Object.fromEntries(flags.map((flag) => [flag.key, flag.value]));
    const { routingReason } = flags[0]!.metadata;
    reasons[routingReason] = (reasons[routingReason] ?? 0) + 1;
    if (values["shop"] !== variant || values["new-cart"] !== (variant === "v2") || values["new-search"] !== (variant === "v3")) differing.push(`${i}: ${variant}, ${JSON.stringify(flags)}`);
  });
  expect(differing).toEqual([]);
  expect(Object.keys(reasons).toSorted()).toEqual(["allowed", "denied", "targeted", "weighted"]);
  expect(Math.min(reasons["targeted"]!, reasons["denied"]!, reasons["weighted"]!)).toBeGreaterThan(800);

  await ServerFeature.setProviderAndWait("gated", new OFREPProvider({ baseUrl: running.admin }));
  const client = ServerFeature.getClient("gated");
  expect(await client.getBooleanDetails("new-cart", false, { targetingKey: "user-1" })).toMatchObject({ value: true, variant: "v2", reason: "TARGETING_MATCH", flagMetadata: { route: "shop", gate: "new-cart", rule: "known", routingReason: "allowed" } });
  expect(await client.getBooleanDetails("new-cart", true, { targetingKey: "user-1", request: { headers: { "User-Agent": "a böt" } } })).toMatchObject({ value: false, reason: "DISABLED", flagMetadata: { rule: "bots" } });
  // A gate's deny rule says nothing of another gate.
  expect(await client.getBooleanDetails("new-search", true, { targetingKey: "user-2", request: { headers: { "User-Agent": "a böt" } } })).toMatchObject({ reason: "SPLIT", flagMetadata: { routingReason: "denied", gate: "new-cart" } });
  expect(await client.getBooleanDetails("new-cart", false, { targetingKey: "user-0", groups: ["beta"] })).toMatchObject({ value: true, flagMetadata: { rule: "groups" } });
  await Promise.all([proxy.close(), admin.close()]);
  await running.stop();
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
