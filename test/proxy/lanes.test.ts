/** Lanes over real sockets: what travels on, who is believed, and what outranks a lane. */
import { describe, expect, it } from "vitest";
import type { LaneSettings } from "../../src/config/snapshot.ts";
import { newCohortBits } from "../../src/observe/cohort-set.ts";
import { counters } from "../../src/observe/layout.ts";
import { ask } from "../support/raw-client.ts";
import { valueOf, valuesOf, type RawMessage } from "../support/raw-messages.ts";
import type { TestProxy, TestRoute } from "../support/proxy.ts";
import { ok } from "../support/raw-upstream.ts";
import { proxyFor, upstreamFor } from "../support/stage.ts";

const service = await upstreamFor();
const down = await upstreamFor(() => "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
const trusted = { trustedPeers: ["127.0.0.0/8"] };
const byName: LaneSettings = { join: null };
const route = (weight: number, parts: Partial<TestRoute> = {}): TestRoute => ({ name: "shop", variants: { v1: { endpoints: [service.id] }, v2: { endpoints: [service.id], weight } }, ...parts });

/** What the service gets for these field lines. */
async function sent(proxy: TestProxy, lines = ""): Promise<RawMessage> {
  expect((await ask(proxy.port, `GET / HTTP/1.1\r\nHost: a\r\nx-user: u\r\n${lines}\r\n`)).status).toBe(200);
  return service.requests.at(-1)!;
}
const variantOf = (request: RawMessage): string | undefined => valueOf(request, "ebbgate-variant");

const started = await proxyFor([route(100)]);
const startedTrusting = await proxyFor([route(100)], trusted);
const joined = await proxyFor([route(1, { lane: byName })], trusted);
const mapped = await proxyFor([route(1, { lane: { join: [["new-cart", "v2"]] } })], trusted);
const mistrusting = await proxyFor([route(1, { lane: byName })]);
const closed = await proxyFor([route(0, { lane: byName })], trusted);
const full = await proxyFor([route(100, { lane: byName })], trusted);
const single = await proxyFor([{ name: "shop", variants: { only: { endpoints: [service.id] } } }], trusted);
const passing = await proxyFor([{ name: "shop", lane: byName, variants: { only: { endpoints: [service.id] } } }], trusted);

describe("a lane that starts", () => {
  it("has the name of the variant that serves, in a header and in baggage", async () => {
    const request = await sent(started);
    expect([valuesOf(request, "ebbgate-variant"), valuesOf(request, "baggage")]).toEqual([["v2"], ["ebbgate-variant=v2"]]);
  });

  it("leaves the services' baggage as it is, in one line", async () => {
    const request = await sent(started, "Baggage: user=1;p , x\r\nx-one: 1\r\nbaggage: b=%C3%A9\r\n");
    expect(valuesOf(request, "baggage")).toEqual(["user=1;p , x,b=%C3%A9,ebbgate-variant=v2"]);
    expect(valuesOf(request, "x-one")).toEqual(["1"]);
  });

  it.each([["an untrusted", started], ["a trusted", startedTrusting]])("takes no lane from %s peer", async (_who, proxy) => {
    const request = await sent(proxy, "baggage: ebbgate-variant=v1,a=1\r\nebbgate-variant: v1\r\n");
    expect([variantOf(request), valuesOf(request, "baggage")]).toEqual(["v2", ["a=1,ebbgate-variant=v2"]]);
  });

  it("is no lane where the route has one variant: nothing is written, and what came in is taken out", async () => {
    expect(valuesOf(await sent(single), "baggage")).toEqual([]);
    expect(valuesOf(await sent(single, "baggage: a=1,ebbgate-variant=v9\r\n"), "baggage")).toEqual(["a=1"]);
    expect(valuesOf(await sent(single, "baggage: ebbgate-variant=v9\r\n"), "baggage")).toEqual([]);
  });

  it("is the baseline's where the baseline answers in the candidate's place", async () => {
    const proxy = await proxyFor([{ ...route(0), variants: { v1: { endpoints: [service.id] }, v2: { endpoints: [down.id], weight: 100 } } }]);
    const request = await sent(proxy, "baggage: a=1\r\n");
    expect([variantOf(request), valuesOf(request, "baggage")]).toEqual(["v1", ["a=1,ebbgate-variant=v1"]]);
    expect(valuesOf(down.requests.at(-1)!, "baggage")).toEqual(["a=1,ebbgate-variant=v2"]);
  });

  it("is not taken out by a client that names it in Connection, who takes out its own baggage only", async () => {
    expect(valuesOf(await sent(started, "Connection: baggage\r\nbaggage: a=1\r\n"), "baggage")).toEqual(["ebbgate-variant=v2"]);
  });

  it("leaves a service's own answer its baggage", async () => {
    const answering = await upstreamFor(() => ok("ok", "baggage: a=1\r\n"));
    const proxy = await proxyFor([{ name: "shop", variants: { only: { endpoints: [answering.id] } } }]);
    expect(valuesOf(await ask(proxy.port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "baggage")).toEqual(["a=1"]);
  });
});

describe("a lane that is joined", () => {
  it.each([["the baggage", "baggage: a=1,ebbgate-variant=v2\r\n"], ["the header alone", "ebbgate-variant: v2\r\n"], ["the baggage before the header", "ebbgate-variant: v1\r\nbaggage: ebbgate-variant=v2\r\n"]])("is followed by %s, whatever the bucket says", async (_what, lines) => {
    expect(variantOf(await sent(joined, lines))).toBe("v2");
  });

  it("is the baseline's lane too: a baseline calls a baseline", async () => {
    const most = await proxyFor([route(99.999, { lane: byName })], trusted);
    expect([variantOf(await sent(most)), variantOf(await sent(most, "baggage: ebbgate-variant=v1\r\n"))]).toEqual(["v2", "v1"]);
  });

  it("is followed by its given name, and by no other", async () => {
    expect(variantOf(await sent(mapped, "baggage: ebbgate-variant=new-cart\r\n"))).toBe("v2");
    expect(variantOf(await sent(mapped, "baggage: ebbgate-variant=v2\r\n"))).toBe("v1");
  });

  it("goes on under its own name, also where this route has no variant for it", async () => {
    expect(valuesOf(await sent(mapped, "baggage: ebbgate-variant=new-cart,a=1\r\n"), "baggage")).toEqual(["a=1,ebbgate-variant=new-cart"]);
    const unknown = await sent(joined, "baggage: ebbgate-variant=new-cart\r\n");
    expect([variantOf(unknown), valuesOf(unknown, "baggage")]).toEqual(["v1", ["ebbgate-variant=new-cart"]]);
    const past = await sent(passing, "baggage: ebbgate-variant=v2\r\n");
    expect([variantOf(past), valuesOf(past, "baggage")]).toEqual(["only", ["ebbgate-variant=v2"]]);
  });

  it("starts here for a request that brings none", async () => {
    expect(valuesOf(await sent(joined, "baggage: a=1\r\n"), "baggage")).toEqual(["a=1,ebbgate-variant=v1"]);
    expect(valuesOf(await sent(joined, "ebbgate-variant: no such name\r\n"), "baggage")).toEqual(["ebbgate-variant=v1"]);
    expect(valuesOf(await sent(passing), "baggage")).toEqual([]);
  });

  it("is not believed from an untrusted peer", async () => {
    const request = await sent(mistrusting, "baggage: a=1,ebbgate-variant=v2\r\nebbgate-variant: v2\r\n");
    expect([variantOf(request), valuesOf(request, "baggage")]).toEqual(["v1", ["a=1,ebbgate-variant=v1"]]);
  });

  it("never leads to a variant of weight 0: 0% is no request, and 100% is every request", async () => {
    expect(variantOf(await sent(closed, "baggage: ebbgate-variant=v2\r\n"))).toBe("v1");
    expect(variantOf(await sent(full, "baggage: ebbgate-variant=v1\r\n"))).toBe("v2");
  });

  it("stops being followed with the revision that takes the weight away", async () => {
    const proxy = await proxyFor([route(1, { lane: byName })], trusted);
    expect(variantOf(await sent(proxy, "ebbgate-variant: v2\r\n"))).toBe("v2");
    await proxy.publish([route(0, { lane: byName })]);
    expect(variantOf(await sent(proxy, "ebbgate-variant: v2\r\n"))).toBe("v1");
  });

  it("falls back to the baseline like any other request, and stays the lane that it was", async () => {
    const proxy = await proxyFor([{ ...route(1, { lane: byName }), variants: { v1: { endpoints: [service.id] }, v2: { endpoints: [down.id], weight: 1 } } }], trusted);
    const request = await sent(proxy, "baggage: ebbgate-variant=v2\r\n");
    expect([variantOf(request), valuesOf(request, "baggage")]).toEqual(["v1", ["ebbgate-variant=v2"]]);
  });

  it("is no sample of this route's users: the judge does not see it, the totals do", async () => {
    const proxy = await proxyFor([route(50, { lane: byName, judged: true, seen: newCohortBits() })], trusted);
    for (let i = 0; i < 6; i++) await sent(proxy, "ebbgate-variant: v2\r\n");
    await sent(proxy);
    proxy.slab.refresh();
    const [v1, v2] = [proxy.reader("shop", "v1"), proxy.reader("shop", "v2")];
    expect(v1.counter(counters.cohorts) + v2.counter(counters.cohorts)).toBe(1);
    expect(v1.counter(counters.requests) + v2.counter(counters.requests)).toBe(7);
    const now = Math.floor((performance.timeOrigin + performance.now()) / 1000);
    let judged = 0;
    for (let second = now - 30; second <= now + 1; second++) judged += (v1.stratum(second)?.n ?? 0) + (v2.stratum(second)?.n ?? 0);
    expect(judged).toBe(1);
  });
});

it("a copy of a request is in the lane of the variant that gets it", async () => {
  const heads: string[] = [];
  const proxy = await proxyFor([route(0, { mirror: { variant: "v2", share: 1, timeoutMs: 1_000, compareBodies: false, bodyBytesMax: 0, ignore: [], slower: null, logBodies: false, concurrencyMax: 1 } })], {
    onMirror: (sample, done) => {
      heads.push(sample.head);
      done();
    },
  });
  await sent(proxy, "baggage: a=1\r\n");
  await expect.poll(() => heads).toHaveLength(1);
  expect(heads[0]).toContain("baggage: a=1,ebbgate-variant=v2\r\n");
});
