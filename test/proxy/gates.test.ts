/** Gates on the request path: through real proxy threads, and against what is explained. */
import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { RouteSnapshot, Snapshot } from "../../src/config/snapshot.ts";
import { defaultProxyLimits } from "../../src/config/settings.ts";
import type { GateCondition, GateRule } from "../../src/core/gates.ts";
import { seededRandom } from "../../src/core/random.ts";
import { routingReasons } from "../../src/core/reasons.ts";
import { makeForwarding, type Forwarding } from "../../src/http1/forward-head.ts";
import { parseRequestHead, RequestHead } from "../../src/http1/request-head.ts";
import { counters } from "../../src/observe/layout.ts";
import { newCohortBits } from "../../src/observe/cohort-set.ts";
import { Slab } from "../../src/observe/slab.ts";
import { begin } from "../../src/proxy/begin.ts";
import { ProxyContext } from "../../src/proxy/context.ts";
import { EndpointBook } from "../../src/proxy/endpoint-book.ts";
import type { Downstream } from "../../src/proxy/exchange.ts";
import { Explainer } from "../../src/proxy/explain.ts";
import { compileRuntime, RecorderBook } from "../../src/proxy/runtime.ts";
import { initial, reweigh } from "../../src/split/allocation.ts";
import { gate, header, rule } from "../split/gates.ts";
import { snapshotOf, type TestProxy, type TestRoute } from "../support/proxy.ts";
import { RawClient } from "../support/raw-client.ts";
import { valueOf } from "../support/raw-messages.ts";
import { ok } from "../support/raw-upstream.ts";
import { proxyFor, upstreamFor } from "../support/stage.ts";

const echo = await upstreamFor((request) => ok(`${valueOf(request, "ebbgate-variant") ?? ""} ${valueOf(request, "x-feature") ?? ""}`));
const variants = { v1: { endpoints: [echo.id] }, v2: { endpoints: [echo.id], headers: [["x-feature", "on"]] as const, weight: 20 } };
const route = (parts: Partial<TestRoute> = {}): TestRoute => ({ name: "shop", judged: true, variants, ...parts });
const staff = rule("allow", [header("x-staff")]);

async function answers(proxy: TestProxy, requests: readonly string[]): Promise<string[]> {
  const client = await RawClient.connect(proxy.port);
  const bodies: string[] = [];
  for (const lines of requests) {
    client.send(`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`);
    bodies.push((await client.response()).body.trim());
  }
  client.destroy();
  return bodies;
}

const users = (lines: string, count = 60): string[] => Array.from({ length: count }, (_, i) => `x-user: u${i}\r\n${lines}`);
const shareOfV2 = (bodies: readonly string[]): number => bodies.filter((body) => body.startsWith("v2")).length / bodies.length;

describe("on the path", () => {
  it("an allowed user gets the candidate with its headers, a denied one never, and everybody else as the weight says", async () => {
    const proxy = await proxyFor([route({ gates: [gate([staff, rule("deny", [header("x-bot")])])] })]);
    expect(shareOfV2(await answers(proxy, users("x-staff: 1\r\n")))).toBe(1);
    expect((await answers(proxy, ["x-user: u1\r\nx-staff: 1\r\n"]))[0]).toBe("v2 on");
    expect(shareOfV2(await answers(proxy, users("x-bot: 1\r\n")))).toBe(0);
    const others = shareOfV2(await answers(proxy, users("")));
    expect(others).toBeGreaterThan(0);
    expect(others).toBeLessThan(1);
  });

  it("a killed gate sends nobody to the candidate, and revived it sends the same users as before", async () => {
    const open = route({ gates: [gate([staff])] });
    const proxy = await proxyFor([open]);
    const before = await answers(proxy, users(""));
    await proxy.publish([route({ gates: [gate([staff], { closed: "killed" })] })]);
    expect(shareOfV2([...(await answers(proxy, users(""))), ...(await answers(proxy, users("x-staff: 1\r\n")))])).toBe(0);
    await proxy.publish([open]);
    expect(await answers(proxy, users(""))).toEqual(before);
  });

  it("only those whom no rule matched are held against each other by the judge", async () => {
    const proxy = await proxyFor([route({ seen: newCohortBits(), gates: [gate([staff, rule("deny", [header("x-bot")])])] })]);
    await answers(proxy, [...users("x-staff: 1\r\n"), ...users("x-bot: 1\r\n"), ...users("")]);
    proxy.slab.refresh();
    const [v1, v2] = ["v1", "v2"].map((variant) => proxy.reader("shop", variant));
    expect(v1!.counter(counters.requests) + v2!.counter(counters.requests)).toBe(180);
    // Each user was there three times, and is part of the comparison for the one request that the weight decided.
    expect(v1!.counter(counters.cohorts) + v2!.counter(counters.cohorts)).toBe(60);
  });

  it("a rule asks for the sidecar's own region", async () => {
    const region: GateCondition = { kind: "regions", values: ["eu-west"] };
    const gates = [gate([rule("target", [region])])];
    const [here, elsewhere] = [await proxyFor([route({ gates })], { region: "eu-west" }), await proxyFor([route({ gates: [gate([rule("deny", [], { unless: [region] })])] })], { region: "us-east" })];
    expect(shareOfV2(await answers(here, users("")))).toBe(1);
    expect(shareOfV2(await answers(elsewhere, users("")))).toBe(0);
  });
});


// ---- explaining and routing

const texts = ["a", "b", "pro", "u1", "Zoë"];
const name = fc.constantFrom("x-a", "x-b", "x-user");
const value = fc.constantFrom(...texts);
const textTest = fc.oneof(
  fc.constant({ kind: "present" } as const),
  fc.record({ kind: fc.constant("in" as const), values: fc.array(value, { minLength: 1, maxLength: 2 }) }),
  fc.record({ kind: fc.constantFrom("prefix" as const, "suffix" as const, "contains" as const), value }),
);
const paths = fc.constantFrom("/", "/shop", "/shop/cart", "/admin", "/sho");
const condition: fc.Arbitrary<GateCondition> = fc.oneof(
  fc.record({ kind: fc.constant("attribute" as const), source: fc.constantFrom("header" as const, "cookie" as const, "query" as const, "claim" as const), name, test: textTest }),
  fc.record({ kind: fc.constant("keys" as const), values: fc.array(fc.constantFrom("u1", "u2", "Zoë"), { minLength: 1, maxLength: 2 }) }),
  fc.record({ kind: fc.constant("paths" as const), values: fc.array(fc.record({ kind: fc.constantFrom("prefix" as const, "exact" as const), value: paths }), { minLength: 1, maxLength: 2 }) }),
  fc.record({ kind: fc.constant("methods" as const), values: fc.constantFrom(["GET"], ["POST", "PUT"]) }),
  fc.record({ kind: fc.constant("regions" as const), values: fc.constantFrom(["here"], ["there"]) }),
  fc.constantFrom(
    { kind: "times", windows: [{ kind: "dates", from: "2026-11-20T00:00", to: "2026-12-04T12:00", timezone: "Asia/Tokyo" }] } as const,
    { kind: "times", windows: [{ kind: "weekly", days: [1, 2, 3, 4, 5], fromMinute: 540, toMinute: 1_020, timezone: "Europe/Berlin" }, { kind: "weekly", days: [6], fromMinute: 1_320, toMinute: 120, timezone: "UTC" }] } as const,
  ),
);
const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const jwt = { keys: [{ ...publicKey.export({ format: "jwk" }) }], issuer: null, audience: null, clockToleranceMs: 0 };
function tokenOf(claims: object, by: KeyObject = privateKey): string {
  const signed = [{ alg: "EdDSA" }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${signed}.${sign(null, Buffer.from(signed), by).toString("base64url")}`;
}
const startMs = Date.UTC(2026, 10, 27);
const tokens = [
  tokenOf({ "x-a": "a", "x-user": ["b", "pro"] }), tokenOf({ "x-b": "pro", "x-a": "Zoë" }), tokenOf({ "x-a": "a", exp: startMs / 1000 + 300_000 }), tokenOf({ "x-a": "a" }, generateKeyPairSync("ed25519").privateKey), "none",
];
const gateRule = (index: number): fc.Arbitrary<GateRule> =>
  fc.record({
    name: fc.constant(`rule-${index}`), effect: fc.constantFrom("deny" as const, "allow" as const, "target" as const), when: fc.array(condition, { maxLength: 2 }),
    unless: fc.array(condition, { maxLength: 2 }), share: fc.constantFrom(100_000, 100_000, 50_000, 1_000),
  });
const gates = fc.tuple(...[1, 2].map((variant) =>
  fc.record({ name: fc.constant(`gate-${variant}`), variant: fc.constant(variant), closed: fc.constantFrom(null, null, null, "killed" as const), rules: fc.tuple(gateRule(1), gateRule(2), gateRule(3)) })));
const cohortKey: fc.Arbitrary<RouteSnapshot["cohort"]> = fc.constantFrom(
  { mode: "key", sources: [{ kind: "header", name: "x-user" }], salt: "s", sticky: null } as const,
  { mode: "key", sources: [{ kind: "cookie", name: "x-a" }, { kind: "ip" }], salt: "s", sticky: null } as const,
  { mode: "random", sources: [], salt: "s", sticky: null } as const,
);
const lanes = fc.constantFrom<RouteSnapshot["lane"]>(null, { join: null }, { join: [["a", "v2"]] });
const assets = fc.constantFrom<RouteSnapshot["assets"]>(null, { paths: [{ kind: "prefix", value: "/shop" }], cookie: "page" });
const snapshot: fc.Arbitrary<readonly TestRoute[]> = fc.array(
  fc.record({ gates, cohort: cohortKey, path: paths, weights: fc.constantFrom([0, 10, 20], [0, 50, 50], [0, 0, 100], [0, 0, 0]), lane: lanes, assets }).map(({ gates: of, cohort, path, weights, lane, assets: pages }): TestRoute => ({
    gates: of, cohort, lane, assets: pages, match: { hosts: [], path: { kind: "prefix", value: path }, methods: [], headers: [] }, allocation: reweigh(initial(), weights),
    variants: Object.fromEntries(["v1", "v2", "v3"].map((one) => [one, { endpoints: ["http://127.0.0.1:9"] }])),
  })),
  { minLength: 1, maxLength: 3 },
);
const wire = (text: string): string => Buffer.from(text).toString("latin1");
const follows = fc.constantFrom<[string, string]>(["baggage", "a=1,ebbgate-variant=v2"], ["baggage", "ebbgate-variant=a"], ["ebbgate-variant", "v3"], ["sec-fetch-dest", "script"], ["connection", "baggage"]);
const request = fc
  .record({
    method: fc.constantFrom("GET", "POST", "PUT"), path: fc.constantFrom("/", "/shop", "/shop/cart", "/shopping", "/sh%6fp", "/admin/../shop", "/other"), query: fc.constantFrom("", "?x-a=a", "?x-b=Zo%C3%AB&x-a=b", "?x-user"),
    lines: fc.array(fc.oneof(fc.tuple(name, value), fc.tuple(fc.constant("cookie"), fc.constantFrom("x-a=a; x-b=pro", "x-a=u1", "page=v1.x", "page=v2.x; x-a=u2", "page=v9.x")), fc.tuple(fc.constant("authorization"), fc.constantFrom(...tokens.map((token) => `Bearer ${token}`))), follows), { maxLength: 4 }),
  })
  .map(({ method, path, query, lines }) => `${method} ${path}${query} HTTP/1.1\r\nHost: a\r\ncontent-length: 0\r\n${lines.map(([of, says]) => `${of}: ${wire(says)}\r\n`).join("")}\r\n`);

const noDownstream = {} as Downstream;
const forwardings = [true, false].map((trusted) => makeForwarding("192.0.2.7", "http", () => trusted, "test"));

/** What the proxy thread's own steps make of a request, without a socket. */
function routed(context: ProxyContext, head: RequestHead, forwarding: Forwarding): readonly [route: string, variant: string, reason: string, bucket: number] | string {
  const exchange = begin(context, noDownstream, head, forwarding, 0);
  if (typeof exchange === "string") return exchange;
  context.inFlight.remove(exchange);
  return [exchange.route.name, exchange.variant.name, exchange.reason, exchange.bucket];
}

it("explaining and routing never disagree: 100,000 random requests", { timeout: 300_000 }, () => {
  let asked = 0;
  const reasons = new Set<string>();
  const parts = new Set<string>();
  const slab = new Slab(1);
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  fc.assert(
    fc.property(snapshot, fc.array(request, { minLength: 100, maxLength: 100 }), fc.integer(), fc.integer({ min: 0, max: 14 * 1_440 }), (routes, heads, seed, minute) => {
      const random = seededRandom(seed);
      // The draw of a request without a key is the first of the two that it makes: bucket, then shard.
      let first: number | null = null;
      const draw = (): number => {
        const drawn = random();
        first ??= drawn;
        return drawn;
      };
      const context = new ProxyContext({ limits: defaultProxyLimits, viaName: "test", accessLog: null, random: draw, page: slab.pages[0]!, thread: 0 });
      const posted: Snapshot = { ...snapshotOf(1, routes, slab), jwt };
      context.runtime = compileRuntime(posted, slab.pages, new RecorderBook(0), new EndpointBook(context, () => { throw new Error("nothing is sent"); }), "here");
      const explainer = new Explainer(posted, "here");
      for (const text of heads) {
        const { requestHead: head } = context;
        expect(parseRequestHead(head, text, defaultProxyLimits)).toBeNull();
        first = null;
        vi.setSystemTime(startMs + (minute + (asked % 3)) * 60_000);
        const forwarding = forwardings[asked % 2]!;
        const result = routed(context, head, forwarding);
        const told = explainer.request(head, { clientIp: "192.0.2.7", trusted: forwarding.trusted, nowMs: Date.now(), ...(first === null ? {} : { draw: first }) });
        if (typeof result === "string" || told === null) expect([result, told]).toEqual(["no_route", null]);
        else {
          const [inRoute, variant, reason, bucket] = result;
          reasons.add(reason);
          expect([told.route, told.variant, told.reason]).toEqual([inRoute, variant, reason]);
          if (told.bucket !== null) expect(told.bucket).toBe(bucket);
          const last = told.gates.find((one) => one.gate === told.gate)?.rules.at(-1);
          if (reason === "allowed" || reason === "targeted" || reason === "denied") expect([last?.rule, last?.miss]).toEqual([told.rule, null]);
          const decided = posted.routes.find((one) => one.name === inRoute)!.gates.find((one) => one.name === told.gate)?.rules.find((one) => one.name === told.rule);
          for (const one of decided?.when ?? []) parts.add(one.kind === "attribute" ? one.source : one.kind);
          if (decided !== undefined && decided.share < 100_000) parts.add("share");
        }
        asked++;
      }
    }),
    { numRuns: 1_000 },
  );
  expect(asked).toBe(100_000);
  expect([...reasons].toSorted()).toEqual([...routingReasons].toSorted());
  expect([...parts].toSorted()).toEqual(["claim", "cookie", "header", "keys", "methods", "paths", "query", "regions", "share", "times"]);
});
