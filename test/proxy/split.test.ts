import { describe, expect, it } from "vitest";
import { counters } from "../../src/observe/layout.ts";
import { bucketOfHash, cohortHash } from "../../src/split/bucket.ts";
import { RawClient } from "../support/raw-client.ts";
import { valueOf, valuesOf, type RawResponse } from "../support/raw-messages.ts";
import { ok } from "../support/raw-upstream.ts";
import type { TestRoute } from "../support/proxy.ts";
import { expectAtRest, proxyFor, upstreamFor } from "../support/stage.ts";

const stable = await upstreamFor((request) => ok("stable", `x-bucket: ${valueOf(request, "ebbgate-bucket") ?? "none"}\r\n`));
const canary = await upstreamFor((request) => ok("canary", `x-bucket: ${valueOf(request, "ebbgate-bucket") ?? "none"}\r\n`));

async function gate(weight: number, route: Partial<TestRoute> = {}): Promise<{ get: (lines: string) => Promise<RawResponse>; proxy: Awaited<ReturnType<typeof proxyFor>>; client: RawClient }> {
  const proxy = await proxyFor([{ name: "shop", ...route, variants: { stable: { endpoints: [stable.id] }, canary: { endpoints: [canary.id], weight } } }]);
  const client = await RawClient.connect(proxy.port);
  const get = (lines: string): Promise<RawResponse> => {
    client.send(`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`);
    return client.response();
  };
  return { get, proxy, client };
}

describe("the split", () => {
  it.each([[0, 0], [100, 500]])("at %d%% sends exactly %d of 500 users to the candidate", async (weight, count) => {
    const { get, client, proxy } = await gate(weight);
    const bodies: string[] = [];
    for (let i = 0; i < 500; i++) bodies.push((await get(`x-user: u${i}\r\n`)).body);
    expect(bodies.filter((body) => body === "canary")).toHaveLength(count);
    client.destroy();
    await expectAtRest(proxy);
    expect(proxy.reader("shop", "canary").counter(counters.requests)).toBe(count);
  });

  it("sends each user by their bucket, tells the service which, and always the same", async () => {
    const { get, client } = await gate(30);
    const hash = (key: string): number => cohortHash("shop").hash(key);
    let candidates = 0;
    for (let i = 0; i < 300; i++) {
      const bucket = bucketOfHash(hash(`user-${i}`));
      const expected = bucket < 30_000 ? "canary" : "stable";
      if (expected === "canary") candidates++;
      for (const lines of [`x-user: user-${i}\r\n`, `X-USER:user-${i}  \r\nx-other: y\r\n`]) {
        const response = await get(lines);
        expect([response.body, valueOf(response, "x-bucket")]).toEqual([expected, `${bucket}`]);
      }
    }
    expect(candidates).toBeGreaterThan(60);
    client.destroy();
  });

  it("takes a new snapshot at once, without closing a connection", async () => {
    const { get, client, proxy } = await gate(0);
    expect((await get("x-user: u\r\n")).body).toBe("stable");
    await proxy.publish([{ name: "shop", variants: { stable: { endpoints: [stable.id] }, canary: { endpoints: [canary.id], weight: 100 } } }]);
    expect((await get("x-user: u\r\n")).body).toBe("canary");
    client.destroy();
  });
});

describe("the sticky cookie", () => {
  const sticky = { cohort: { mode: "key", sources: [{ kind: "header", name: "x-user" }], salt: "s", sticky: { cookie: "cohort", maxAgeSeconds: 60 } } } as const;

  it("is set once, for who has no key, and then decides", async () => {
    const { get, client } = await gate(50, sticky);
    const first = await get("");
    const [cookie] = valuesOf(first, "set-cookie");
    expect(cookie).toMatch(/^cohort=[\w-]{22}; Path=\/; Max-Age=60; HttpOnly; SameSite=Lax$/);
    const back = `Cookie: other=1; ${cookie!.split(";")[0]!}\r\n`;
    for (let i = 0; i < 10; i++) {
      const again = await get(back);
      expect(valuesOf(again, "set-cookie")).toEqual([]);
      expect([again.body, valueOf(again, "x-bucket")]).toEqual([first.body, valueOf(first, "x-bucket")]);
    }
    expect(valuesOf(await get("x-user: u\r\n"), "set-cookie")).toEqual([]);
    client.destroy();
  });

  it("is one line beside the service's own cookies, and comes with an error page too", async () => {
    const own = await upstreamFor(() => ok("x", "Set-Cookie: own=1\r\nSet-Cookie: own=2\r\n"));
    const proxy = await proxyFor([
      { name: "own", ...sticky, match: { hosts: ["own"], path: { kind: "prefix", value: "/" }, methods: [], headers: [] }, variants: { stable: { endpoints: [own.id] } } },
      { name: "dead", ...sticky, variants: { stable: { endpoints: ["http://127.0.0.1:1"] } } },
    ]);
    const client = await RawClient.connect(proxy.port, "GET / HTTP/1.1\r\nHost: own\r\n\r\nGET / HTTP/1.1\r\nHost: dead\r\n\r\n");
    const response = await client.response();
    expect(valuesOf(response, "set-cookie").map((value) => value.split(/[=;]/)[0])).toEqual(["own", "own", "cohort"]);
    const failed = await client.response();
    expect(failed.status).toBe(502);
    expect(valuesOf(failed, "set-cookie")).toHaveLength(1);
    client.destroy();
  });
});
