/** The dynamic document through the admin API: of a fleet on a real Redis, and of a sidecar with a file. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Fleet } from "../support/fleet.ts";
import { hasRedis, RedisServer, until } from "../support/redis.ts";
import type { SidecarProcess } from "../support/sidecar.ts";
import { TwoVersions } from "../support/two-versions.ts";

vi.setConfig({ testTimeout: 60_000 });

interface Answer {
  readonly status: number;
  readonly etag: string | null;
  readonly body: { readonly detail?: string; readonly errors?: { readonly field: string; readonly detail: string }[]; readonly text?: string | null; readonly revision?: number; readonly answers?: { readonly instance: string; readonly event: string }[] };
}

async function config(sidecar: SidecarProcess, put?: { readonly text: string; readonly match?: string | null; readonly type?: string; readonly query?: string }): Promise<Answer> {
  const { text, match, type = "application/yaml", query = "" } = put ?? {};
  const init = put === undefined ? {} : { method: "PUT", body: text!, headers: { "content-type": type, "ebbgate-user": "ada@host", ...(match === undefined || match === null ? {} : { "if-match": match }) } };
  const answer = await fetch(`${sidecar.admin}/api/v1/config${query}`, init);
  return { status: answer.status, etag: answer.headers.get("etag"), body: (await answer.json()) as Answer["body"] };
}

describe.skipIf(!hasRedis)("of a fleet", () => {
  let fleet: Fleet;
  let redis: RedisServer;
  let v1 = "";
  beforeEach(async () => {
    [fleet, redis] = [new Fleet(), await RedisServer.start()];
    v1 = await fleet.service("v1");
  });
  afterEach(async () => {
    await fleet.clear();
    await redis.stop();
  });

  const text = (weight: number): string => `# by hand\nroutes:\n  - name: shop\n    variants:\n      - { name: v1, endpoints: ["${v1}"] }\n      - { name: v2, endpoints: ["${v1}"], weight: ${weight} }\n`;
  const weightOf = async (sidecar: SidecarProcess): Promise<number | undefined> => (await sidecar.status()).routes[0]?.variants[1]?.weight;

  it("is published by PUT to every sidecar, with who and why, and read back as it was written", async () => {
    const [a, b] = [await fleet.sidecar("a", redis.port), await fleet.sidecar("b", redis.port)];
    const empty = await config(a);
    expect([empty.status, empty.body]).toMatchObject([200, { writable: true, text: null, revision: null }]);
    const put = await config(a, { text: text(5), match: empty.etag, query: "?reason=first" });
    expect([put.status, put.body.revision, put.body.answers?.map(({ instance, event }) => [instance, event])]).toEqual([200, 1, [["a", "taken"], ["b", "taken"]]]);
    for (const sidecar of [a, b]) await until(async () => (await weightOf(sidecar)) === 5);
    const read = await config(b);
    expect(read.body).toMatchObject({ revision: 1, text: expect.stringContaining("# by hand") as string });
    const { items } = (await (await fetch(`${b.admin}/api/v1/audit`)).json()) as { items: { record: object }[] };
    expect(items.map(({ record }) => record)).toContainEqual(expect.objectContaining({ kind: "configuration", action: "applied", who: "ada@host", revision: 1, reason: "first" }));
  });

  it("is replaced only by who has seen it, and by nothing that has a problem", async () => {
    const a = await fleet.sidecar("a", redis.port);
    const first = (await config(a)).etag;
    await config(a, { text: text(5), match: first });
    const seen = (await config(a)).etag;
    for (const [match, status] of [[undefined, 428], [first, 412], ['"other"', 412]] as const) expect([match, (await config(a, { text: text(9), match: match ?? null })).status]).toEqual([match, status]);
    const bad = await config(a, { text: text(5).replace("weight", "wieght"), match: seen });
    expect([bad.status, bad.body.errors?.[0]]).toMatchObject([422, { field: "routes[0].variants[1].wieght", detail: expect.stringContaining("Did you mean 'weight'") as string }]);
    for (const wrong of ["", "{", "a: 1\n"]) expect((await config(a, { text: wrong, match: seen })).status).toBe(422);
    expect((await config(a, { text: text(9), match: seen, type: "text/plain" })).status).toBe(415);
    expect([await weightOf(a), (await config(a)).etag]).toEqual([5, seen]);
    // Of two who have seen the same, one is told that the other was first.
    const both = await Promise.all([config(a, { text: text(20), match: seen }), config(a, { text: text(30), match: seen })]);
    expect(both.map(({ status }) => status).toSorted((x, y) => x - y)).toEqual([200, 412]);
  });

  it("does not take a header value that would end a line (PITFALLS 10)", async () => {
    const a = await fleet.sidecar("a", redis.port);
    const match = (await config(a)).etag;
    for (const value of ["x\r\ny: z", "x\ny", "x\u0000y"]) {
      const document = JSON.stringify({ routes: [{ name: "shop", variants: [{ name: "v1", endpoints: [v1] }, { name: "v2", headers: { a: value } }] }] });
      const answer = await config(a, { text: document, match, type: "application/json" });
      expect([value, answer.status, answer.body.errors?.[0]]).toMatchObject([value, 422, { field: "routes[0].variants[1].headers.a", detail: expect.stringContaining("control character") as string }]);
    }
  });

  it("does not take a route to a metadata service (PITFALLS 28)", async () => {
    const a = await fleet.sidecar("a", redis.port);
    const answer = await config(a, { text: text(5).replace(v1, "http://169.254.169.254"), match: (await config(a)).etag });
    expect([answer.status, answer.body.errors?.[0]]).toMatchObject([422, { field: "routes[0].variants[0].endpoints[0]", detail: expect.stringContaining("is a link-local, metadata or multicast address") as string }]);
  });
});

it("of a file is the file's: the API says where to edit it", async () => {
  const service = new TwoVersions();
  try {
    const sidecar = await service.start({ steps: [{ weight: 10 }, { weight: 100 }] });
    const read = await config(sidecar);
    expect([read.status, read.body]).toMatchObject([200, { writable: false, text: null }]);
    const put = await config(sidecar, { text: "routes: []\n", match: "*" });
    expect([put.status, put.body.detail]).toEqual([409, expect.stringContaining("ebbgate.json, a file that is watched: edit that")]);
  } finally {
    service.clear();
  }
});
