/** What the table's rows promise, whatever the handler: over a small table, without sockets. */
import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import type { Access, Attempt } from "../../../src/admin/access/access.ts";
import { endpoint } from "../../../src/admin/api/endpoint.ts";
import { Idempotency } from "../../../src/admin/api/idempotency.ts";
import { permissions, roles, type Role } from "../../../src/admin/api/roles.ts";
import { Router } from "../../../src/admin/api/router.ts";
import { type Answer, json, problem } from "../../../src/admin/problem.ts";
import type { Question } from "../../../src/admin/question.ts";
import type { Problem } from "../client.ts";

let times = 0;
const handled = vi.fn<(call: { readonly params: unknown; readonly query: unknown; readonly body: unknown }) => Answer>((call) => json(200, { params: call.params, query: call.query, body: call.body, times: ++times }));
const name = z.strictObject({ name: z.string().min(1) });
const common = { tag: "t", summary: "s", answers: {} } as const;
const table = [
  endpoint({ ...common, method: "GET", path: "/things", id: "list", permission: "read", query: z.strictObject({ limit: z.int().min(1).max(9).default(5), all: z.boolean().default(false), text: z.string().optional() }), handle: handled }),
  endpoint({ ...common, method: "GET", path: "/things/{name}", id: "get", permission: "read", params: name, handle: handled }),
  endpoint({ ...common, method: "GET", path: "/things/special", id: "special", permission: "none", handle: () => json(200, "special") }),
  endpoint({
    ...common, method: "POST", path: "/things/{name}/change", id: "change", permission: "raise", params: name, idempotent: true, body: { schema: z.strictObject({ reason: z.string().min(1, "is empty") }), bytesMax: 100 },
    match: { demand: "required", tag: ({ params }) => (params.name === "gone" ? undefined : '"now"') }, handle: handled,
  }),
  endpoint({ ...common, method: "POST", path: "/things/{name}/lower", id: "lower", permission: "lower", params: name, body: { schema: z.strictObject({}) }, match: { demand: "optional", tag: () => '"now"' }, handle: handled }),
  endpoint({ ...common, method: "PUT", path: "/text", id: "text", permission: "configure", body: { schema: z.string(), contentTypes: ["application/yaml", "application/json"] }, handle: handled }),
];

interface Sent {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

const clock = { nowMs: 0, monotonicMs: () => clock.nowMs };
const denied: Attempt[] = [];
let role: Role | Answer = "admin";
const access: Access = {
  exposed: false,
  admit: () => Promise.resolve(typeof role === "string" ? { principal: { name: "ada", role, verified: true } } : { answer: role }),
  denied: (attempt) => void denied.push(attempt),
};
const router = new Router(table, access, new Idempotency(clock));

function ask(method: string, target: string, { headers = {}, body }: Sent = {}): Promise<Answer> {
  const bytes = body === undefined ? new Uint8Array() : Buffer.from(body);
  const question: Question = {
    method, target, header: (field) => headers[field], peer: "127.0.0.1", certificate: null, hasBody: bytes.length > 0, body: (bytesMax) => Promise.resolve(bytes.length > bytesMax ? null : bytes),
  };
  role = headers["role"] === undefined ? "admin" : headers["role"] === "none" ? problem(401, "Who is it?") : (headers["role"] as Role);
  return router.answer(question);
}

const content = { "content-type": "application/json" } as const;
const change = (headers: Readonly<Record<string, string>> = {}, body = '{"reason":"because"}', target = "/things/a/change"): Promise<Answer> => ask("POST", target, { headers: { ...content, "if-match": '"now"', ...headers }, body });
const detail = ({ body }: Answer): string => (JSON.parse(body) as Problem).detail;
const errors = ({ body }: Answer): Problem["errors"] => (JSON.parse(body) as Problem).errors;
const given = ({ body }: Answer): Record<string, unknown> => JSON.parse(body) as Record<string, unknown>;

describe("finding the row", () => {
  it("answers 404 for what is in no row, and names where all of them are", async () => {
    for (const path of ["/", "/thing", "/things/", "/things/a/b", "/things/a/change/", "//things"]) {
      const answer = await ask("GET", path);
      expect([path, answer.status]).toEqual([path, 404]);
    }
    expect(detail(await ask("GET", "/thing"))).toContain("/openapi.json");
  });

  it("answers 405 with what is possible", async () => {
    expect(await ask("DELETE", "/things")).toMatchObject({ status: 405, headers: { allow: "GET, HEAD" } });
    expect(await ask("GET", "/things/a/change")).toMatchObject({ status: 405, headers: { allow: "POST" } });
    expect((await ask("OPTIONS", "/things/a/change")).status).toBe(405);
  });

  it("takes HEAD as GET", async () => {
    expect((await ask("HEAD", "/things")).status).toBe(200);
  });

  it("decodes a name once, and prefers a path that is written out", async () => {
    expect(given(await ask("GET", "/things/a%2Fb%2520c"))["params"]).toEqual({ name: "a/b%20c" });
    expect((await ask("GET", "/things/special")).body).toBe('"special"\n');
  });
});

describe("the query", () => {
  it("is told as numbers and truths where the row wants them, with defaults", async () => {
    expect(given(await ask("GET", "/things?limit=3&all=true&text=4"))["query"]).toEqual({ limit: 3, all: true, text: "4" });
    expect(given(await ask("GET", "/things"))["query"]).toEqual({ limit: 5, all: false });
  });

  it.each(["limit=0", "limit=10", "limit=x", "limit=1.5", "limit=", "limit=0x1", "all=yes", "unknown=1", "text=1&text=2"])("refuses %s with 400, and says what is wrong", async (query) => {
    const answer = await ask("GET", `/things?${query}`);
    expect([answer.status, answer.contentType]).toEqual([400, "application/problem+json"]);
    expect(detail(answer)).toContain(query.split("=")[0]);
  });
});

describe("the body", () => {
  it("has to be of the kind that the row takes: a form that a foreign page may send is none", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"]) expect((await change({ "content-type": type })).status).toBe(415);
    expect((await change({ "content-type": "Application/JSON; charset=utf-8" })).status).toBe(200);
  });

  it("is refused where it is no JSON, no UTF-8, too long, or not asked for", async () => {
    expect((await change({}, "{")).status).toBe(400);
    expect(detail(await change({}, ""))).toContain("send {}");
    expect((await ask("POST", "/things/a/change", { headers: { ...content, "if-match": "*" }, body: new Uint8Array([0x22, 0xff, 0x22]) })).status).toBe(400);
    expect(await change({}, JSON.stringify({ reason: "x".repeat(200) }))).toMatchObject({ status: 413, headers: { connection: "close" } });
    expect(await ask("GET", "/things", { body: "x" })).toMatchObject({ status: 413, headers: { connection: "close" } });
  });

  it("is refused with each field that is wrong", async () => {
    const answer = await change({}, '{"reason":"","more":1}');
    expect(answer.status).toBe(422);
    expect(errors(answer)).toEqual(expect.arrayContaining([{ in: "body", field: "reason", detail: "is empty" }]));
    expect((await change({}, "[]")).status).toBe(422);
    expect((await change({}, '{"__proto__":{"reason":"x"}}')).status).toBe(422);
  });

  it("goes to a row that takes several kinds as text", async () => {
    expect(given(await ask("PUT", "/text", { headers: { "content-type": "application/yaml" }, body: "a: 1\n" }))["body"]).toBe("a: 1\n");
  });

  it("ends the connection where nobody has read it, so that it is not taken for the next request", async () => {
    for (const [method, target, headers] of [["GET", "/nothing", {}], ["POST", "/things/a/change", { role: "none" }], ["POST", "/things", content], ["POST", "/things/a/change", { role: "viewer" }]] as const) {
      expect(await ask(method, target, { headers, body: "GET / HTTP/1.1" })).toMatchObject({ headers: { connection: "close" } });
    }
  });
});

describe("who asks", () => {
  it("may do what the role has, and nothing else: each role at each permission", async () => {
    const may: Readonly<Record<Role, readonly string[]>> = { viewer: ["read"], operator: ["read", "lower", "raise", "configure"], approver: ["read", "lower", "approve"], admin: permissions };
    for (const one of roles) {
      for (const permission of permissions) {
        const only = new Router([endpoint({ ...common, method: "GET", path: "/x", id: "x", permission, handle: () => json(200, 1) })], { ...access, admit: () => Promise.resolve({ principal: { name: "ada", role: one, verified: true } }) }, new Idempotency(clock));
        const answer = await only.answer({ method: "GET", target: "/x", header: () => undefined, peer: "::1", certificate: null, hasBody: false, body: () => Promise.resolve(new Uint8Array()) });
        expect([one, permission, answer.status]).toEqual([one, permission, may[one].includes(permission) ? 200 : 403]);
      }
    }
  });

  it("is asked before anything of the request is looked at, and each denial is told", async () => {
    denied.length = 0;
    handled.mockClear();
    expect((await change({ role: "none" }, "{")).status).toBe(401);
    expect((await change({ role: "viewer" }, "{")).status).toBe(403);
    expect(handled).not.toHaveBeenCalled();
    expect(denied).toEqual([
      { principal: null, peer: "127.0.0.1", method: "POST", path: "/things/a/change", status: 401, why: "raise" },
      { principal: { name: "ada", role: "viewer", verified: true }, peer: "127.0.0.1", method: "POST", path: "/things/a/change", status: 403, why: "it needs the permission 'raise', and a viewer has it not" },
    ]);
  });
});

describe("If-Match", () => {
  it("has to be there where something is raised, and to hold", async () => {
    expect((await ask("POST", "/things/a/change", { headers: content, body: '{"reason":"x"}' })).status).toBe(428);
    expect(await change({ "if-match": '"then"' })).toMatchObject({ status: 412, headers: { etag: '"now"' } });
    for (const held of ['"now"', '"a", "now"', "*"]) expect((await change({ "if-match": held })).status).toBe(200);
    // A weak tag matches nothing strongly (RFC 9110 section 13.1.1).
    expect((await change({ "if-match": 'W/"now"' })).status).toBe(412);
  });

  it("may be left out where something is lowered, and holds where it is there", async () => {
    expect((await ask("POST", "/things/a/lower", { headers: content, body: "{}" })).status).toBe(200);
    expect((await ask("POST", "/things/a/lower", { headers: { ...content, "if-match": '"then"' }, body: "{}" })).status).toBe(412);
  });

  it("is not looked at for what does not exist: the handler says so", async () => {
    expect((await change({ "if-match": '"then"' }, undefined, "/things/gone/change")).status).toBe(200);
  });
});

describe("Idempotency-Key", () => {
  it("makes the same request count once, for a day", async () => {
    const first = await change({ "idempotency-key": "k1" });
    expect(await change({ "idempotency-key": "k1" })).toEqual(first);
    expect(await change({ "idempotency-key": "k2" })).not.toEqual(first);
    expect(await change()).not.toEqual(first);
    clock.nowMs += 24 * 3_600_000;
    expect(await change({ "idempotency-key": "k1" })).not.toEqual(first);
  });

  it("is held against the body, the path and who asks", async () => {
    const first = await change({ "idempotency-key": "k3" });
    expect((await change({ "idempotency-key": "k3" }, '{"reason":"another"}')).status).toBe(422);
    expect(await change({ "idempotency-key": "k3" }, undefined, "/things/b/change")).not.toEqual(first);
  });

  it("does not keep what failed on our side: that may be tried again", async () => {
    handled.mockImplementationOnce(() => {
      throw new Error("the disk is full");
    });
    await expect(change({ "idempotency-key": "k4" })).rejects.toThrow("the disk is full");
    handled.mockImplementationOnce(() => problem(503, "The store is away."));
    expect((await change({ "idempotency-key": "k4" })).status).toBe(503);
    expect((await change({ "idempotency-key": "k4" })).status).toBe(200);
  });

  it("says so while the first one is under way, and what a key may be", async () => {
    const slow = new Idempotency(clock);
    const gate = Promise.withResolvers<Answer>();
    const first = slow.once("k", "s", "b", () => gate.promise);
    expect((await slow.once("k", "s", "b", () => json(200, 2))).status).toBe(409);
    gate.resolve(json(200, 1));
    const answered = await first;
    expect(await slow.once("k", "s", "b", () => json(200, 2))).toEqual(answered);
    for (const key of ["", "a b", "x".repeat(129), 'a"b']) expect((await change({ "idempotency-key": key })).status).toBe(400);
  });

  it("keeps a bounded number of them, and forgets the oldest", async () => {
    const one = new Idempotency(clock);
    for (let i = 0; i <= 1_000; i++) await one.once(`k${i}`, "s", "b", () => json(200, "first"));
    expect((await one.once("k0", "s", "b", () => json(200, "again"))).body).toBe('"again"\n');
    expect((await one.once("k1000", "s", "b", () => json(200, "again"))).body).toBe('"first"\n');
  });
});
