/** Copies of users' requests: sent after the user has the answer, compared with it, and never felt by anybody. */
import { afterAll, describe, expect, it } from "vitest";
import type { MirrorSettings } from "../../src/config/snapshot.ts";
import { systemClock } from "../../src/core/clock.ts";
import { threadCounters } from "../../src/observe/layout.ts";
import { Mirrors, type MirrorCounts } from "../../src/proxy/mirrors.ts";
import { mirrorsPerThreadMax } from "../../src/proxy/mirror-capture.ts";
import { address } from "../support/proxy.ts";
import { ask, RawClient } from "../support/raw-client.ts";
import { ok, type Answer, type RawUpstream } from "../support/raw-upstream.ts";
import { eventually, proxyFor, upstreamFor } from "../support/stage.ts";

const settings: MirrorSettings = {
  variant: "next", share: 1, timeoutMs: 300, compareBodies: true, bodyBytesMax: 10_000, ignore: [], slower: null, logBodies: false, concurrencyMax: 16,
};
const json = (value: unknown): string => {
  const body = JSON.stringify(value);
  return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
};

interface MirrorStage {
  readonly port: number;
  readonly users: RawUpstream;
  readonly copies: RawUpstream;
  readonly counts: () => MirrorCounts;
  readonly proxy: Awaited<ReturnType<typeof proxyFor>>;
}

async function mirrored(toUsers: Answer, toCopies: Answer, changes: Partial<MirrorSettings> = {}, weight = 0): Promise<MirrorStage> {
  const [users, copies] = [await upstreamFor(toUsers), await upstreamFor(toCopies)];
  const mirrors = new Mirrors(systemClock);
  afterAll(() => mirrors.close());
  const mirror = { ...settings, ...changes };
  mirrors.follow([{ route: "shop", settings: mirror, endpoints: [address(copies.id)], headers: [["x-color", "green"]], revision: "r1", active: true }]);
  const variants = { stable: { endpoints: [users.id] }, next: { endpoints: [copies.id], headers: [["x-color", "green"]] as const, weight } };
  const proxy = await proxyFor([{ name: "shop", mirror, variants }], { onMirror: (sample, done) => mirrors.offer(sample, done) });
  return { port: proxy.port, users, copies, proxy, counts: () => mirrors.counts("shop")! };
}

const get = (path = "/", fields = ""): string => `GET ${path} HTTP/1.1\r\nHost: shop.test\r\n${fields}\r\n`;

describe("a copy", () => {
  it("is the user's request, with the variant's own lines, and says that it is a copy", async () => {
    const { port, copies, counts } = await mirrored(() => json({ a: 1 }), () => json({ a: 1 }));
    await ask(port, get("/cart?id=7", "Cookie: a=b\r\nX-Color: blue\r\nConnection: keep-alive\r\nAccept: */*\r\n"));
    await eventually(() => counts().compared === 1, "one comparison");
    const [copy] = copies.requests;
    expect(copy).toMatchObject({ method: "GET", target: "/cart?id=7" });
    const lines = copy!.head.toLowerCase();
    for (const line of ["host: shop.test", "cookie: a=b", "x-color: green", "accept: */*", "ebbgate-variant: next", "ebbgate-mirror: true", "x-forwarded-host: shop.test"]) expect(lines).toContain(`${line}\r\n`);
    expect(lines).not.toContain("blue");
    expect(counts()).toMatchObject({ differing: 0, shown: [] });
  });

  it("is of safe requests without a body only, and of the baseline's", async () => {
    const { port, users, copies, counts } = await mirrored(() => ok("same"), () => ok("same"));
    for (const method of ["POST", "PUT", "DELETE", "PATCH"]) await ask(port, `${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`);
    await ask(port, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    await ask(port, get());
    await eventually(() => counts().compared === 1, "one comparison");
    expect(users.requests).toHaveLength(6);
    expect(copies.requests).toHaveLength(1);
  });

  it("of a candidate's request is not made: it has just served it", async () => {
    const { port, copies, proxy } = await mirrored(() => ok("same"), () => ok("same"), {}, 100);
    await ask(port, get());
    expect(copies.requests).toHaveLength(1);
    expect(copies.requests[0]!.head.toLowerCase()).not.toContain("ebbgate-mirror");
    expect(proxy.own().counter(threadCounters.mirrorsDropped)).toBe(0);
  });
});

describe("an answer that differs", () => {
  it("is counted by what differs first, and shown without query and body", async () => {
    const { port, counts } = await mirrored(() => json({ items: [{ price: 1 }] }), () => json({ items: [{ price: 2 }] }));
    await ask(port, get("/items?secret=1"));
    await eventually(() => counts().differing === 1, "one difference");
    expect(counts()).toMatchObject({ compared: 1, differences: { body: 1, status: 0 }, shown: [{ kind: "body", at: "/items/0/price", method: "GET", path: "/items", userStatus: 200, copyStatus: 200 }] });
    expect(JSON.stringify(counts())).not.toContain("secret");
    expect(counts().shown[0]).not.toHaveProperty("userBody");
  });

  it("is shown with its body where that is asked for", async () => {
    const { port, counts } = await mirrored(() => json({ a: 1 }), () => json({ a: 2 }), { logBodies: true });
    await ask(port, get());
    await eventually(() => counts().differing === 1, "one difference");
    expect(counts().shown[0]).toMatchObject({ userBody: '{"a":1}', copyBody: '{"a":2}' });
  });

  it.each<[string, Answer]>([
    ["hangs", () => undefined],
    ["closes", (request) => void request.connection.socket.destroy()],
    ["breaks off", () => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"],
    ["is no HTTP", () => "garbage\r\n\r\n"],
  ])("because the variant %s is a failed copy, and the user's answer is whole", async (_what, answer) => {
    const { port, counts } = await mirrored(() => ok("fine"), answer);
    expect(await ask(port, get())).toMatchObject({ status: 200, body: "fine" });
    await eventually(() => counts().differences.failed === 1, "one failed copy");
  });
});

describe("the user", () => {
  it("waits for none of them: copies that hang are given up, and what comes beyond their number is not copied", async () => {
    const { port, copies, proxy } = await mirrored(() => ok("fine"), () => undefined, { timeoutMs: 60_000, concurrencyMax: 256 });
    const client = await RawClient.connect(port);
    for (let i = 0; i < mirrorsPerThreadMax + 50; i++) {
      client.send(get());
      expect((await client.response()).body).toBe("fine");
    }
    client.destroy();
    expect(copies.requests.length).toBeLessThanOrEqual(mirrorsPerThreadMax);
    await eventually(() => {
      proxy.slab.refresh();
      return proxy.own().counter(threadCounters.mirrorsDropped) === 50;
    }, "50 requests that were not copied");
  });

  it("is not compared where the answer broke off or the user left", async () => {
    const { port, users, copies } = await mirrored(() => "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhal", () => ok("x"));
    const client = await RawClient.connect(port, get());
    await users.until(() => users.requests.length === 1);
    client.destroy();
    await ask(port, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").catch(() => undefined);
    expect(copies.requests).toEqual([]);
  });
});

it("about one in ten is copied where the share is 10%", async () => {
  const { port, users, counts, proxy } = await mirrored(() => ok("same"), () => ok("same"), { share: 0.1 });
  const client = await RawClient.connect(port);
  for (let i = 0; i < 1_000; i++) {
    client.send(get());
    await client.response();
  }
  client.destroy();
  expect(users.requests).toHaveLength(1_000);
  await eventually(() => {
    proxy.slab.refresh();
    return counts().compared + proxy.own().counter(threadCounters.mirrorsDropped) > 0;
  }, "comparisons");
  // Six standard deviations of the binomial distribution: 0.1 x 1,000 +- 57.
  await eventually(() => Math.abs(counts().compared - 100) < 57, "a tenth");
});
