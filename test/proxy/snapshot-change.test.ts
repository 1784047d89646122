/** A thread is sent what has changed, and keeps what it has compiled of the rest: it decides as one that starts with that snapshot. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultProxyLimits } from "../../src/config/settings.ts";
import type { Snapshot } from "../../src/config/snapshot.ts";
import { seededRandom } from "../../src/core/random.ts";
import { makeForwarding } from "../../src/http1/forward-head.ts";
import { parseRequestHead } from "../../src/http1/request-head.ts";
import { newCohortBits } from "../../src/observe/cohort-set.ts";
import { Slab } from "../../src/observe/slab.ts";
import { begin } from "../../src/proxy/begin.ts";
import { ProxyContext } from "../../src/proxy/context.ts";
import { EndpointBook } from "../../src/proxy/endpoint-book.ts";
import type { Downstream } from "../../src/proxy/exchange.ts";
import { compileRuntime, RecorderBook } from "../../src/proxy/runtime.ts";
import { changed, changeOf } from "../../src/proxy/snapshot-change.ts";
import { gate, header, keys, rule } from "../split/gates.ts";
import { snapshotOf, type TestRoute } from "../support/proxy.ts";

const slab = new Slab(1);
const endpoints = (id: number): TestRoute["variants"] => ({ v1: { endpoints: [`http://127.0.0.1:${id}`] }, v2: { endpoints: ["http://127.0.0.1:9"] } });

/** A thread without sockets. */
class Thread {
  readonly context = new ProxyContext({ limits: defaultProxyLimits, viaName: "test", accessLog: null, random: seededRandom(1), page: slab.pages[0]!, thread: 0 });
  held: Snapshot | null = null;
  private readonly recorders = new RecorderBook(0);
  private readonly endpoints = new EndpointBook(this.context, () => {
    throw new Error("nothing is sent");
  });

  take(snapshot: Snapshot): void {
    const { runtime } = this.context;
    this.held = snapshot;
    this.context.runtime = compileRuntime(snapshot, slab.pages, this.recorders, this.endpoints, "here", runtime);
  }

  decide(text: string): string {
    const { context } = this;
    if (parseRequestHead(context.requestHead, text, defaultProxyLimits) !== null) throw new Error("the head is refused");
    const exchange = begin(context, {} as Downstream, context.requestHead, makeForwarding("192.0.2.7", "http", () => false, "test"), 0);
    if (typeof exchange === "string") return exchange;
    context.inFlight.remove(exchange);
    const { route, variant, reason, bucket } = exchange;
    return `${route.name} ${variant.name} ${variant.endpoints[0]!.address.id} ${reason} ${bucket}`;
  }
}

const weekday = (day: number): Parameters<typeof rule>[1] => [{ kind: "times", windows: [{ kind: "weekly", days: [day], fromMinute: 0, toMinute: 1_440, timezone: "UTC" }] }];
const condition = fc.constantFrom([header("x-a")], [header("x-b", { kind: "in", values: ["1"] })], [keys("u1")], [keys("u2", "u3")], [], ...[1, 2, 3, 4, 5, 6, 7].map(weekday));
const rules = fc.array(fc.record({ effect: fc.constantFrom("deny" as const, "allow" as const, "target" as const), when: condition }), { maxLength: 4 })
  .map((list) => list.map(({ effect, when }, i) => rule(effect, when, { name: `rule-${i}` })));
const route = fc.record({ name: fc.constantFrom("a", "b", "c", "d"), path: fc.constantFrom("/", "/a", "/a/b"), weight: fc.constantFrom(0, 30, 100), rules, closed: fc.constantFrom(null, null, "killed" as const), port: fc.constantFrom(1, 2) })
  .map(({ name, path, weight, rules: of, closed, port }): TestRoute => {
    const { v1, v2 } = endpoints(port);
    return { name, match: { hosts: [], path: { kind: "prefix", value: path }, methods: [], headers: [] }, variants: { v1: v1!, v2: { ...v2!, weight } }, gates: of.length === 0 ? [] : [gate(of, { name: `gate-${name}`, closed })] };
  });
const routes = fc.uniqueArray(route, { minLength: 1, maxLength: 4, selector: ({ name }) => name });
const request = fc.record({ path: fc.constantFrom("/", "/a", "/a/b/c"), user: fc.constantFrom("u1", "u2", "u7", "u8"), line: fc.constantFrom("", "x-a: 1\r\n", "x-b: 1\r\n", "x-b: 2\r\n") })
  .map(({ path, user, line }) => `GET ${path} HTTP/1.1\r\nHost: a\r\nx-user: ${user}\r\n${line}\r\n`);

describe("a thread that is sent changes", () => {
  it("holds the whole snapshot, and decides as a thread that starts with it", { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(fc.array(routes, { minLength: 2, maxLength: 6 }), fc.array(request, { minLength: 20, maxLength: 20 }), (documents, requests) => {
        const thread = new Thread();
        let sent: Snapshot | null = null;
        for (const [i, document] of documents.entries()) {
          const next = snapshotOf(i + 1, document, slab);
          thread.take(changed(structuredClone(changeOf(next, sent)), thread.held));
          sent = next;
          expect(thread.held).toEqual(next);
          const fresh = new Thread();
          fresh.take(next);
          for (const text of requests) expect(thread.decide(text)).toBe(fresh.decide(text));
        }
      }),
      { numRuns: 300 },
    );
  });

  it("is sent one route where one has changed, and compiles no other", () => {
    const documentOf = (weight: number): TestRoute[] => ["a", "b", "c"].map((name) => ({ name, variants: { ...endpoints(1), v2: { endpoints: ["http://127.0.0.1:9"], weight: name === "b" ? weight : 10 } }, gates: [gate([rule("allow", [keys("u1")])])] }));
    const [first, second] = [snapshotOf(1, documentOf(10), slab), snapshotOf(2, documentOf(20), slab)];
    const change = changeOf(second, first);
    expect(change.routes).toEqual([0, second.routes[1], 2]);
    const thread = new Thread();
    thread.take(first);
    const before = [...thread.context.runtime!.routes.values()];
    thread.take(changed(change, first));
    expect([...thread.context.runtime!.routes.values()].map((one) => before.includes(one))).toEqual([true, false, true]);
  });

  it("is sent shared memory that is another one, although it says the same", () => {
    const withSeen = (revision: number): Snapshot => snapshotOf(revision, [{ variants: endpoints(1), seen: newCohortBits() }], slab);
    const [first, second] = [withSeen(1), withSeen(2)];
    expect(changeOf(second, first).routes).toEqual([second.routes[0]]);
    expect(changeOf({ ...second, routes: first.routes.map((one) => ({ ...one })) }, first).routes).toEqual([0]);
  });

  it("keeps no rules of snapshots that are long gone, and decides the same when it lets go of them", () => {
    const documentOf = (version: number): TestRoute[] => ["a", "b"].map((name, i) => ({
      name, match: { hosts: [], path: { kind: "prefix", value: `/${name}` }, methods: [], headers: [] }, variants: endpoints(1),
      gates: [gate(Array.from({ length: 100 }, (_, n) => rule("allow", [header(i === 0 ? `x-${version}-${n}` : `x-${n}`)], { name: `rule-${n}` })))],
    }));
    const thread = new Thread();
    let most = 0;
    for (let version = 0; version < 50; version++) {
      thread.take(changed(changeOf(snapshotOf(version + 1, documentOf(version), slab), thread.held), thread.held));
      most = Math.max(most, thread.context.runtime!.shared.book.used);
      expect(thread.decide(`GET /a HTTP/1.1\r\nHost: a\r\nx-${version}-7: 1\r\n\r\n`)).toMatch(/^a v2 .* allowed/);
      expect(thread.decide(`GET /a HTTP/1.1\r\nHost: a\r\nx-${version + 1}-7: 1\r\n\r\n`)).toMatch(/^a v1 /);
      expect(thread.decide("GET /b HTTP/1.1\r\nHost: a\r\nx-99: 1\r\n\r\n")).toMatch(/^b v2 .* allowed/);
    }
    expect(most).toBeLessThan(2_000);
  });

  it("keeps no allocation of snapshots that are long gone", () => {
    const thread = new Thread();
    let most = 0;
    for (let version = 1; version < 3_000; version++) {
      thread.take(changed(changeOf(snapshotOf(version, [{ name: "a", variants: { ...endpoints(1), v2: { endpoints: ["http://127.0.0.1:9"], weight: version / 1_000 } } }], slab), thread.held), thread.held));
      most = Math.max(most, thread.context.runtime!.shared.allocations.size);
    }
    expect(most).toBeLessThan(1_100);
  });
});
