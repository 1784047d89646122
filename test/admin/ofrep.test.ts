/** OFREP as its OpenAPI document (0.3.0) has it, over sockets. */
import type { AddressInfo } from "node:net";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { ofrepBodyBytesMax } from "../../src/admin/ofrep.ts";
import { bucketOf } from "../../src/split/bucket.ts";
import { ask, type Asked, type Reply, start } from "./client.ts";
import { world } from "./world.ts";

const post = (at: AddressInfo, path: string, body: string | Buffer, { method = "POST", headers = {} }: Asked = {}): Promise<Reply> =>
  ask(at, `/ofrep/v1/evaluate/flags${path}`, { method, headers: { "content-type": "application/json", ...headers }, body });

const context = (targetingKey: unknown = "user-1"): string => JSON.stringify({ context: { targetingKey } });

// The shapes of the OpenAPI document, as far as we answer with them.
const metadata = { type: "object", additionalProperties: { type: ["boolean", "string", "number"] } };
const success = {
  type: "object", required: ["key", "reason", "value"], additionalProperties: false,
  properties: { key: { type: "string" }, reason: { enum: ["STATIC", "TARGETING_MATCH", "SPLIT", "DISABLED", "UNKNOWN"] }, variant: { type: "string" }, value: { type: ["boolean", "string"] }, metadata },
};
const failure = (codes: readonly string[], keyed: boolean): object => ({
  type: "object", required: keyed ? ["key", "errorCode"] : ["errorCode"], additionalProperties: false,
  properties: { ...(keyed && { key: { type: "string" } }), errorCode: { enum: codes }, errorDetails: { type: "string" } },
});
const badRequest = ["PARSE_ERROR", "TARGETING_KEY_MISSING", "INVALID_CONTEXT", "GENERAL"];
const shapes = {
  success, bulk: { type: "object", required: ["flags"], additionalProperties: false, properties: { flags: { type: "array", items: { oneOf: [success, failure(badRequest, true)] } } } },
  failure: failure(badRequest, true), bulkFailure: failure(badRequest, false), notFound: failure(["FLAG_NOT_FOUND"], true),
};
const ajv = new Ajv({ strict: false });

function expectShape(reply: Reply, status: number, shape: keyof typeof shapes): Record<string, unknown> {
  expect([reply.status, reply.headers["content-type"]]).toEqual([status, "application/json"]);
  const body = JSON.parse(reply.body) as Record<string, unknown>;
  const validate = ajv.compile(shapes[shape]);
  expect(validate(body) ? [] : validate.errors).toEqual([]);
  return body;
}

describe("one flag", () => {
  it("is the variant of the key's bucket, with why", async () => {
    const bucket = bucketOf("s", "user-1");
    const variant = bucket < 10_000 ? "v2" : "v1";
    expect(expectShape(await post(await start(), "/shop", context()), 200, "success")).toEqual({ key: "shop", value: variant, variant, reason: "SPLIT", metadata: { route: "shop", bucket, routingReason: "weighted" } });
  });

  it.each([
    ["no JSON", "/shop", "{", 400, "failure", "PARSE_ERROR"],
    ["no body", "/shop", "", 400, "failure", "PARSE_ERROR"],
    ["bytes that are no UTF-8", "/shop", Buffer.from('{"context":{"targetingKey":"\xff"}}', "latin1"), 400, "failure", "PARSE_ERROR"],
    ["no object", "/shop", "[]", 400, "failure", "INVALID_CONTEXT"],
    ["no context", "/shop", "{}", 400, "failure", "INVALID_CONTEXT"],
    ["a context that is a list", "/shop", '{"context":[]}', 400, "failure", "INVALID_CONTEXT"],
    ["no targeting key", "/shop", '{"context":{}}', 400, "failure", "TARGETING_KEY_MISSING"],
    ["an empty one", "/shop", context(""), 400, "failure", "TARGETING_KEY_MISSING"],
    ["one that is a number", "/shop", context(5), 400, "failure", "INVALID_CONTEXT"],
    ["half a character", "/shop", '{"context":{"targetingKey":"\\ud800"}}', 400, "failure", "INVALID_CONTEXT"],
    ["one that the proxy would not take either", "/shop", context("é".repeat(2_049)), 400, "failure", "INVALID_CONTEXT"],
    ["a request that is no object", "/shop", '{"context":{"targetingKey":"u","request":[]}}', 400, "failure", "INVALID_CONTEXT"],
    ["headers that are no object", "/shop", '{"context":{"targetingKey":"u","request":{"headers":"x"}}}', 400, "failure", "INVALID_CONTEXT"],
    ["a header of several values", "/shop", '{"context":{"targetingKey":"u","request":{"headers":{"a":["x"]}}}}', 400, "failure", "INVALID_CONTEXT"],
    ["a cookie that would be two", "/shop", '{"context":{"targetingKey":"u","request":{"cookies":{"a":"x; b=y"}}}}', 400, "failure", "INVALID_CONTEXT"],
    ["a path that is none", "/shop", '{"context":{"targetingKey":"u","request":{"path":"cart"}}}', 400, "failure", "INVALID_CONTEXT"],
    ["a method that is none", "/shop", '{"context":{"targetingKey":"u","request":{"method":5}}}', 400, "failure", "INVALID_CONTEXT"],
    ["a request that is no object, for all flags", "", '{"context":{"targetingKey":"u","request":5}}', 400, "bulkFailure", "INVALID_CONTEXT"],
    ["an unknown flag", "/nothing", context(), 404, "notFound", "FLAG_NOT_FOUND"],
    ["a flag that is named like a part of JavaScript's objects", "/__proto__", context(), 404, "notFound", "FLAG_NOT_FOUND"],
    ["a key that is not well-formed", "/%E0%A4%A", context(), 404, "notFound", "FLAG_NOT_FOUND"],
    ["an empty flag", "/", context(), 404, "notFound", "FLAG_NOT_FOUND"],
    ["no targeting key for all flags", "", '{"context":{}}', 400, "bulkFailure", "TARGETING_KEY_MISSING"],
    ["no JSON for all flags", "", "nul", 400, "bulkFailure", "PARSE_ERROR"],
  ] as const)("%s is refused in OFREP's form", async (_what, path, body, status, shape, code) => {
    const answer = expectShape(await post(await start(), path, body), status, shape);
    expect(answer["errorCode"]).toBe(code);
  });

  it("takes a key in whatever spelling the path has it, and a body that announces no length", async () => {
    const at = await start();
    expect(expectShape(await post(at, "/s%68op", context()), 200, "success")["key"]).toBe("shop");
    expectShape(await post(at, "/shop?flagConfigEtag=x", context(), { headers: { "transfer-encoding": "chunked" } }), 200, "success");
  });

  it("is not asked by a page of another origin: neither GET nor a form's types, and no CORS header answers", async () => {
    const at = await start();
    expect(await post(at, "/shop", "", { method: "GET" })).toMatchObject({ status: 405, headers: { allow: "POST" } });
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonx"]) expect((await post(at, "/shop", context(), { headers: { "content-type": type } })).status).toBe(415);
    const preflight = await post(at, "/shop", "", { method: "OPTIONS", headers: { origin: "https://evil.example", "access-control-request-method": "POST" } });
    expect(preflight.status).toBe(405);
    for (const reply of [preflight, await post(at, "/shop", context(), { headers: { origin: "https://evil.example" } })]) expect(Object.keys(reply.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
    expect((await post(at, "/shop", context(), { headers: { host: "evil.example" } })).status).toBe(421);
  });

  it.each([["announced", {}], ["unannounced", { "transfer-encoding": "chunked" }]])("reads no more of a body than its bound: %s", async (_what, headers) => {
    const at = await start();
    const long = JSON.stringify({ context: { targetingKey: "u", note: "x".repeat(ofrepBodyBytesMax) } });
    expect(expectShape(await post(at, "/shop", long, { headers }), 413, "failure")["errorCode"]).toBe("PARSE_ERROR");
    expectShape(await post(at, "/shop", context()), 200, "success");
  });

  it("is static where everybody has the same variant, and none where requests are dealt by themselves", async () => {
    const w = world();
    const at = await start(w);
    const { snapshot } = w.state.posted!;
    const [route] = snapshot.routes;
    w.state.posted = { snapshot: { ...snapshot, routes: [{ ...route!, allocation: [{ from: 0, to: 100_000, variant: 0, order: 0 }] }] }, atMs: 0 };
    expect(expectShape(await post(at, "/shop", context()), 200, "success")).toMatchObject({ value: "v1", reason: "STATIC" });
    w.state.posted = { snapshot: { ...snapshot, routes: [{ ...route!, cohort: { ...route!.cohort, mode: "random" } }] }, atMs: 0 };
    expect(expectShape(await post(at, "/shop", context()), 404, "notFound")["errorDetails"]).toContain("cohort.key");
    w.state.posted = null;
    expect((await post(at, "/shop", context())).status).toBe(503);
  });
});

describe("all flags", () => {
  it("are told with a tag, and not again while nothing has changed for this user", async () => {
    const w = world();
    const at = await start(w);
    const first = await post(at, "", context());
    expect(expectShape(first, 200, "bulk")).toMatchObject({ flags: [{ key: "shop" }] });
    const etag = first.headers.etag!;
    expect(etag).toMatch(/^"[A-Za-z0-9_-]{22}"$/);
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
      const again = await post(at, "", context(), { headers: { "if-none-match": known } });
      expect([again.status, again.body, again.headers.etag, again.headers["content-length"], again.headers["content-type"]]).toEqual([304, "", etag, undefined, undefined]);
    }
    // Another snapshot that changes nothing for this user.
    w.state.posted = { snapshot: { ...w.state.posted!.snapshot, revision: 99 }, atMs: 5 };
    expect((await post(at, "", context(), { headers: { "if-none-match": etag } })).status).toBe(304);
    expect((await post(at, "", context(), { headers: { "if-none-match": '"other"' } })).status).toBe(200);
    expect((await post(at, "", context("somebody else"), { headers: { "if-none-match": etag } })).status).toBe(200);
    const [route] = w.state.posted.snapshot.routes;
    w.state.posted = { snapshot: { revision: 100, routes: [{ ...route!, allocation: [{ from: 0, to: 100_000, variant: 1, order: 1 }] }] }, atMs: 6 };
    const moved = await post(at, "", context(), { headers: { "if-none-match": etag } });
    expect(expectShape(moved, 200, "bulk")).toMatchObject({ flags: [{ value: "v2", reason: "STATIC" }] });
  });
});
