import { describe, expect, it } from "vitest";
import type { RouteMatch } from "../../src/config/snapshot.ts";
import { ask } from "../support/raw-client.ts";
import { ok } from "../support/raw-upstream.ts";
import { proxyFor, upstreamFor } from "../support/stage.ts";

const match = (path: string, parts: Partial<RouteMatch> = {}): RouteMatch => ({ hosts: [], path: { kind: "prefix", value: path }, methods: [], headers: [], ...parts });
const service = async (name: string): Promise<{ stable: { endpoints: string[] } }> => ({ stable: { endpoints: [(await upstreamFor((request) => ok(`${name} ${request.target}`))).id] } });

const proxy = await proxyFor([
  { name: "proto", match: match("/", { headers: [{ name: "__proto__", value: "x" }] }), variants: await service("proto") },
  { name: "exact", match: match("/", { path: { kind: "exact", value: "/exact" } }), variants: await service("exact") },
  { name: "admin", match: match("/admin"), variants: await service("admin") },
  { name: "posts", match: match("/api/", { methods: ["POST"] }), variants: await service("posts") },
  { name: "beta", match: match("/api", { headers: [{ name: "x-beta", value: "on" }, { name: "x-any", value: null }] }), variants: await service("beta") },
  { name: "api", match: match("/api"), variants: await service("api") },
  { name: "wild", match: match("/", { hosts: ["*.example.com"] }), variants: await service("wild") },
  { name: "host", match: match("/", { hosts: ["shop.test", "[::1]"] }), variants: await service("host") },
  { name: "public", match: match("/public"), variants: await service("public") },
]);

const routeOf = async (target: string, lines = "Host: a\r\n", method = "GET"): Promise<string> => {
  const { status, body } = await ask(proxy.port, `${method} ${target} HTTP/1.1\r\n${lines}\r\n`);
  return status === 200 ? body.split(" ")[0]! : `${status}`;
};

describe("a path is matched on what any service could make of it", () => {
  it.each([
    ["/admin", "admin"],
    ["/admin/", "admin"],
    ["/admin/x", "admin"],
    ["/administrator", "404"],
    ["/public/%2e%2e/admin", "admin"],
    ["/public/../admin", "admin"],
    ["/public/..%2fadmin", "admin"],
    ["/public%2f..%2fadmin", "admin"],
    ["/public/%2E%2e/admin", "admin"],
    ["/public/.%2e/admin", "admin"],
    ["/public/%252e%252e/admin", "admin"],
    ["/public/%25252e%25252e%25252fadmin", "admin"],
    ["/public/..%5cadmin", "admin"],
    ["/public/..\\admin", "admin"],
    ["/public/..;/admin", "admin"],
    ["/public/..;x=y/admin", "admin"],
    ["/public/.;/../admin", "admin"],
    ["/./admin", "admin"],
    ["//admin", "admin"],
    ["///admin//x", "admin"],
    ["/%61dmin", "admin"],
    ["/adm%69n/x", "admin"],
    ["/%2fadmin", "admin"],
    ["/%2f%2fadmin", "admin"],
    ["/../../admin", "admin"],
    ["/admin/../public", "public"],
    ["/admin%2f..%2fpublic", "public"],
    ["/public/admin", "public"],
    ["/public?/../admin", "public"],
    ["/public?x=%2e%2e/admin", "public"],
    ["/public/...", "public"],
    ["/public/.hidden", "public"],
    ["/public/100%", "public"],
    ["/public/%zz/../x", "public"],
    ["/exact", "exact"],
    ["/exact/", "404"],
    ["/exact/x", "404"],
    ["/%65xact", "exact"],
    ["/x/../exact", "exact"],
    [`/public/${"%25".repeat(1)}${"25".repeat(20)}2e`, "400"],
    ["/public/%00", "400"],
    ["/public/%0d%0aX:y", "400"],
  ])("%s", async (target, route) => {
    expect(await routeOf(target)).toBe(route);
  });

  it("and reaches the service as the client wrote it", async () => {
    const { body } = await ask(proxy.port, "GET /public/%2e%2e//admin/.;x?y=%2f HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(body).toBe("admin /public/%2e%2e//admin/.;x?y=%2f");
  });
});

describe("the first route whose every part matches serves", () => {
  it.each([
    ["/api", "Host: a\r\n", "GET", "api"],
    ["/api", "Host: a\r\n", "POST", "posts"],
    ["/api/x", "Host: a\r\n", "POST", "posts"],
    ["/apix", "Host: a\r\n", "POST", "404"],
    ["/api", "Host: a\r\nX-Beta: on\r\nX-Any: whatever\r\n", "GET", "beta"],
    ["/api", "Host: a\r\nX-Beta: off\r\nX-Beta: on\r\nx-any:\r\n", "GET", "beta"],
    ["/api", "Host: a\r\nX-Beta: on\r\n", "GET", "api"],
    ["/api", "Host: a\r\nX_Beta: on\r\nX-Any: y\r\n", "GET", "api"],
    ["/", "Host: SHOP.test:8080\r\n", "GET", "host"],
    ["/", "Host: [::1]:80\r\n", "GET", "host"],
    ["/", "Host: a.example.com\r\n", "GET", "wild"],
    ["/", "Host: a.b.Example.Com\r\n", "GET", "wild"],
    ["/", "Host: example.com\r\n", "GET", "404"],
    ["/", "Host: evilexample.com\r\n", "GET", "404"],
    ["/", "Host: .example.com\r\n", "GET", "404"],
    ["http://shop.test/", "Host: shop.test\r\n", "GET", "host"],
    ["/", "Host: __proto__\r\n", "GET", "404"],
    ["/", "Host: constructor\r\n", "GET", "404"],
    ["/", "Host: a\r\n__proto__: x\r\n", "GET", "proto"],
    ["/admin", "Host: shop.test\r\n", "GET", "admin"],
  ])("%s with %j, %s", async (target, lines, method, route) => {
    expect(await routeOf(target, lines, method)).toBe(route);
  });
});
