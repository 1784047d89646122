import { describe, expect, it } from "vitest";
import { ask } from "../support/raw-client.ts";
import { valueOf, valuesOf, type RawMessage } from "../support/raw-messages.ts";
import { ok } from "../support/raw-upstream.ts";
import { proxyFor, stage, upstreamFor } from "../support/stage.ts";

const { port, upstream } = await stage();
const variantHeaders = [["x-release", "v1"], ["x-secret", "from-config"]] as const;
const set = await upstreamFor();
const setting = await proxyFor([{ name: "shop", variants: { stable: { endpoints: [set.id], headers: variantHeaders } } }]);
const trusted = await stage(undefined, {}, { trustedPeers: ["127.0.0.0/8", "10.0.0.0/8"] });

/** What the service gets for these field lines. */
async function forwarded(lines: string, requestLine = "GET / HTTP/1.1", to = { port, upstream }): Promise<RawMessage> {
  const response = await ask(to.port, `${requestLine}\r\n${lines}\r\n`);
  expect(response.status).toBe(200);
  return to.upstream.requests.at(-1)!;
}

describe("hop-by-hop fields", () => {
  it("do not cross: neither the known ones nor those that Connection names", async () => {
    const request = await forwarded(
      "Host: a\r\nConnection: close, X-One ,x-two\r\nConnection: X-Three\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: gzip\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nX-One: 1\r\nX-Two: 2\r\nX-Three: 3\r\nX-Four: 4\r\n",
    );
    expect(request.fields.map(([name]) => name.toLowerCase())).toEqual(["host", "x-four", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "via", "ebbgate-variant", "ebbgate-bucket"]);
  });

  it.each(["Host", "X-Forwarded-For", "X-Forwarded-Proto", "Via", "ebbgate-variant", "Content-Length", "Transfer-Encoding", "Forwarded"])("a client cannot strip %s by naming it in Connection", async (name) => {
    const request = await forwarded(`Host: a\r\nForwarded: for=x\r\nContent-Length: 0\r\nConnection: ${name}\r\n`);
    for (const kept of ["host", "x-forwarded-for", "x-forwarded-proto", "via", "ebbgate-variant", "content-length", "forwarded"]) expect(valuesOf(request, kept), kept).toHaveLength(1);
  });

  it("an upgrade to h2c is not passed on, beside another one", async () => {
    const request = await forwarded("Host: a\r\nConnection: upgrade, http2-settings\r\nUpgrade: h2c, websocket, H2C\r\nHTTP2-Settings: AA\r\n");
    expect(valuesOf(request, "upgrade")).toEqual(["websocket"]);
    expect(valuesOf(request, "http2-settings")).toEqual([]);
  });

  it("TE crosses as 'trailers' and nothing else, and only where Connection names it", async () => {
    expect(valuesOf(await forwarded("Host: a\r\nConnection: TE\r\nTE: gzip, Trailers;q=1, trailers\r\n"), "te")).toEqual(["trailers"]);
    expect(valuesOf(await forwarded("Host: a\r\nTE: trailers\r\n"), "te")).toEqual([]);
  });
});

describe("fields that are no business of a proxy", () => {
  it("arrive byte for byte, in order, repeated ones apart", async () => {
    const lines = "host: A.Example:8080\r\nAccept:\t*/*  \r\nCookie: a=1\r\nX-Empty:\r\ncookie: b=2\r\nX-Bytes: \xe9\xff\x80\r\n";
    const request = await forwarded(lines);
    expect(request.head).toContain(`GET / HTTP/1.1\r\n${lines}`);
  });

  it("arrive though named like a part of JavaScript's objects", async () => {
    const names = ["__proto__", "constructor", "prototype", "hasOwnProperty", "toString", "__defineGetter__", "then"];
    const request = await forwarded(`Host: a\r\n${names.map((name) => `${name}: v-${name}\r\n`).join("")}Connection: __proto__-x, valueOf\r\n`);
    for (const name of names) expect(valuesOf(request, name.toLowerCase()), name).toEqual([`v-${name}`]);
  });
});

describe("forwarding fields of a peer that is not trusted", () => {
  it("are replaced, in whatever spelling", async () => {
    const spoofed = ["X-Forwarded-For", "x-forwarded-for", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Real-IP", "Forwarded", "ebbgate-variant", "EBBGATE-Bucket", "ebbgate-anything"];
    const lookalikes = ["X_Forwarded_For", "X-Forwarded_For", "X.Forwarded.For", "x_real_ip", "ebbgate_variant", "ebbgate.bucket", "Transfer_Encoding"];
    const request = await forwarded(`Host: a\r\n${[...spoofed, ...lookalikes].map((name) => `${name}: evil\r\n`).join("")}`);
    expect(request.head).not.toContain("evil");
    expect(valuesOf(request, "x-forwarded-for")).toEqual(["127.0.0.1"]);
    expect(valuesOf(request, "x-forwarded-proto")).toEqual(["http"]);
    expect(valuesOf(request, "x-forwarded-host")).toEqual(["a"]);
    expect(valuesOf(request, "forwarded")).toEqual(['for=127.0.0.1;host="a";proto=http']);
    expect(valuesOf(request, "ebbgate-variant")).toEqual(["stable"]);
  });
});

describe("forwarding fields of a trusted peer", () => {
  it("are extended: its list with its own address behind it", async () => {
    const request = await forwarded("Host: a\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\nForwarded: for=192.0.2.1\r\n", undefined, trusted);
    expect(valuesOf(request, "x-forwarded-for")).toEqual(["192.0.2.1, 10.0.0.1, 127.0.0.1"]);
    expect(valuesOf(request, "x-forwarded-proto")).toEqual(["https"]);
    expect(valuesOf(request, "x-forwarded-host")).toEqual(["shop.example"]);
    expect(valuesOf(request, "forwarded")).toEqual(['for=192.0.2.1, for=127.0.0.1;host="a";proto=http']);
  });

  it("never leave two answers to which variant the request has", async () => {
    const request = await forwarded("Host: a\r\nx-user: u\r\nebbgate-variant: canary\r\nebbgate-bucket: 5\r\n", undefined, trusted);
    expect(valuesOf(request, "ebbgate-variant")).toEqual(["stable"]);
    expect(valuesOf(request, "ebbgate-bucket")).toHaveLength(1);
  });

  it("in a lookalike spelling are still not believed", async () => {
    const request = await forwarded("Host: a\r\nX_Forwarded_For: evil\r\n", undefined, trusted);
    expect(request.head).not.toContain("evil");
  });
});

describe("Via", () => {
  it("tells every hop, with the version that it received", async () => {
    expect(valuesOf(await forwarded("Host: a\r\nVia: 1.0 old, 1.1 other\r\n"), "via")).toEqual(["1.0 old, 1.1 other", "1.1 ebbgate-test"]);
    expect(valuesOf(await forwarded("Host: a\r\n", "GET / HTTP/1.0"), "via")).toEqual(["1.0 ebbgate-test"]);
  });

  it.each(["1.1 ebbgate-test", "1.1 other, 1.1 ebbgate-test (comment), 2 third", "HTTP/1.1 ebbgate-test", "1.1\tebbgate-test"])("ends a loop: %j", async (via) => {
    const response = await ask(port, `GET / HTTP/1.1\r\nHost: a\r\nVia: ${via}\r\n\r\n`);
    expect(response.status).toBe(508);
  });

  it("ends a real loop: a proxy in front of itself", async () => {
    const loop = await proxyFor([]);
    await loop.publish([{ variants: { stable: { endpoints: [`http://127.0.0.1:${loop.port}`] } } }]);
    expect((await ask(loop.port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")).status).toBe(508);
  });
});

describe("the Host that counts", () => {
  it.each([
    ["absolute-form", "GET http://a.example/x?y HTTP/1.1", "Host: a.example\r\n", "/x?y", "a.example"],
    ["absolute-form in capitals", "GET HTTP://A.Example HTTP/1.1", "Host: a.example\r\n", "/", "A.Example"],
    ["absolute-form with the default port", "GET http://a.example:80/ HTTP/1.1", "Host: a.example\r\n", "/", "a.example:80"],
    ["absolute-form with a query only", "GET http://a.example?q HTTP/1.1", "Host: a.example:80\r\n", "/?q", "a.example"],
    ["IPv6", "GET / HTTP/1.1", "Host: [2001:db8::1]:8080\r\n", "/", "[2001:db8::1]:8080"],
    ["IPv6 in absolute-form", "GET http://[::1]:81/ HTTP/1.1", "Host: [::1]:81\r\n", "/", "[::1]:81"],
    ["an underscore", "GET / HTTP/1.1", "Host: my_service\r\n", "/", "my_service"],
    ["a dot at the end", "GET / HTTP/1.1", "Host: a.example.\r\n", "/", "a.example."],
  ])("%s", async (_what, requestLine, lines, target, host) => {
    const request = await forwarded(lines, requestLine);
    expect(request.startLine).toBe(`GET ${target} HTTP/1.1`);
    expect(valuesOf(request, "host")).toEqual([host]);
    expect(valueOf(request, "x-forwarded-host")).toBe(host);
  });
});

describe("headers that a variant sets", () => {
  it("replace the client's, whatever their case", async () => {
    const request = await forwarded("Host: a\r\nX-RELEASE: mine\r\nx-secret: mine\r\nX-Secret: again\r\nx_release: other\r\n", undefined, { port: setting.port, upstream: set });
    expect(valuesOf(request, "x-release")).toEqual(["v1"]);
    expect(valuesOf(request, "x-secret")).toEqual(["from-config"]);
  });

  it("cannot be stripped by naming them in Connection", async () => {
    const request = await forwarded("Host: a\r\nConnection: x-secret, x-release\r\n", undefined, { port: setting.port, upstream: set });
    expect(valuesOf(request, "x-secret")).toEqual(["from-config"]);
  });
});

it("an HTTP/1.0 request is answered and closed, or kept alive where it asks so", async () => {
  const closed = await ask(port, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
  expect(valueOf(closed, "connection")).toBe("close");
  const kept = await ask(port, "GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n");
  expect(valueOf(kept, "connection")).toBe("keep-alive");
  expect(ok()).toContain(kept.body);
});
