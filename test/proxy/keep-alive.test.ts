import { describe, expect, it } from "vitest";
import { counters } from "../../src/observe/layout.ts";
import { ask, RawClient } from "../support/raw-client.ts";
import { ok } from "../support/raw-upstream.ts";
import { expectAtRest, eventually, stage } from "../support/stage.ts";

const get = (path = "/", method = "GET"): string => `${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const post = (body = "hello"): string => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

it("connections are kept alive on both sides: 100 requests of one client use one of each", async () => {
  const { port, upstream } = await stage((request) => ok(request.target));
  const client = await RawClient.connect(port);
  for (let i = 0; i < 100; i++) {
    client.send(get(`/${i}`));
    expect((await client.response()).body).toBe(`/${i}`);
  }
  client.destroy();
  expect(upstream.connections).toHaveLength(1);
});

it("an upstream connection is shared by one client after the other, last used first", async () => {
  const { port, upstream } = await stage();
  for (let i = 0; i < 10; i++) await ask(port, get());
  expect(upstream.connections).toHaveLength(1);
});

describe("a reused connection on which the service closes without an answer", () => {
  /** Answers the first request of a connection; the next one makes it close. */
  const closing = (how: "end" | "reset") =>
    stage((request) => {
      if (request.nth === 0) return ok(request.body);
      if (how === "end") request.connection.socket.end();
      else request.connection.socket.resetAndDestroy();
      return undefined;
    });

  it.each([["GET", "end"], ["GET", "reset"], ["HEAD", "end"], ["OPTIONS", "reset"], ["PUT", "end"], ["DELETE", "reset"]] as const)("%s is sent again, once, on a fresh one (%s)", async (method, how) => {
    const { port, upstream, proxy } = await closing(how);
    await ask(port, get());
    expect((await ask(port, get("/again", method))).status).toBe(200);
    expect(upstream.requests.map(({ target, connection }) => [target, connection.index])).toEqual([["/", 0], ["/again", 0], ["/again", 1]]);
    const reader = proxy.reader("shop", "stable");
    await expectAtRest(proxy);
    expect(reader.counter(counters.retries)).toBe(1);
    expect(reader.counter(counters.failed)).toBe(0);
    expect(reader.counter(counters.requests)).toBe(2);
  });

  it.each(["end", "reset"] as const)("a POST is never sent twice (%s)", async (how) => {
    const { port, upstream, proxy } = await closing(how);
    await ask(port, get());
    expect((await ask(port, post())).status).toBe(502);
    expect((await ask(port, get("/x", "PATCH"))).status).toBe(200);
    expect(upstream.requests.filter(({ method }) => method === "POST")).toHaveLength(1);
    await expectAtRest(proxy);
    expect(proxy.reader("shop", "stable").error("reset")).toBe(1);
  });

  it("an idempotent request with a body is not sent again, since its body is gone", async () => {
    const { port, upstream } = await closing("end");
    await ask(port, get());
    expect((await ask(port, post().replace("POST", "PUT"))).status).toBe(502);
    expect(upstream.requests.filter(({ method }) => method === "PUT")).toHaveLength(1);
  });

  it("a second failure, on the fresh one, is the service's", async () => {
    const { port, upstream, proxy } = await stage((request) => {
      if (request.target === "/" && request.nth === 0) return ok();
      request.connection.socket.end();
      return undefined;
    });
    await ask(port, get());
    expect((await ask(port, get("/gone"))).status).toBe(502);
    expect(upstream.requests.filter(({ target }) => target === "/gone")).toHaveLength(2);
    await expectAtRest(proxy);
    expect(proxy.reader("shop", "stable").error("reset")).toBe(1);
  });

  it("a request whose answer had begun is not sent again", async () => {
    const { port, upstream } = await stage((request) => {
      if (request.nth === 0) return ok();
      request.connection.socket.end("HTTP/1.1 2");
      return undefined;
    });
    await ask(port, get());
    expect((await ask(port, get("/x"))).status).toBe(502);
    expect(upstream.requests).toHaveLength(2);
  });
});

describe("a pooled connection is not reused", () => {
  it.each([
    ["bytes behind the answer", (text: string) => `${ok(text)}HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong`],
    ["a stray CR LF behind the answer", (text: string) => `${ok(text)}\r\n`],
    ["a body longer than its length", (text: string) => `${ok(text)}x`],
    ["chunks behind the last", (text: string) => `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n5\r\nwrong\r\n0\r\n\r\n`],
    ["Connection: close", (text: string) => ok(text, "Connection: close\r\n")],
    ["Connection: close, keep-alive", (text: string) => ok(text, "Connection: close, keep-alive\r\n")],
    ["HTTP/1.0", (text: string) => ok(text).replace("HTTP/1.1", "HTTP/1.0")],
  ])("with %s", async (_what, answer) => {
    const { port, upstream } = await stage((request) => answer(request.target));
    const client = await RawClient.connect(port);
    for (const path of ["/1", "/2", "/3"]) {
      client.send(get(path));
      expect((await client.response()).body).toBe(path);
    }
    client.destroy();
    expect(upstream.connections).toHaveLength(3);
    await upstream.until(() => upstream.open === 0);
  });

  it("on which bytes arrive while it is idle", async () => {
    const { port, upstream } = await stage((request) => ok(request.target));
    await ask(port, get("/1"));
    upstream.connections[0]!.socket.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong");
    await upstream.connections[0]!.closed;
    expect((await ask(port, get("/2"))).body).toBe("/2");
  });

  it("that the service has closed while it was idle", async () => {
    const { port, upstream, proxy } = await stage((request) => ok(request.target));
    await ask(port, get("/1"));
    upstream.connections[0]!.socket.end();
    await upstream.connections[0]!.closed;
    expect((await ask(port, post())).status).toBe(200);
    await expectAtRest(proxy);
    expect(proxy.reader("shop", "stable").counter(counters.retries)).toBe(0);
  });

  it("whose answer ended before its request did", async () => {
    const { port, upstream } = await stage(undefined, {}, {
      onBytes: (connection) => {
        if (connection.requests++ === 0) connection.socket.write(ok("early"));
        return true;
      },
    });
    const client = await RawClient.connect(port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
    expect((await client.response("POST")).body).toBe("early");
    await upstream.connections[0]!.closed;
    client.destroy();
  });

  it("that has been idle for upstreamKeepAliveMs", async () => {
    const { port, upstream } = await stage(undefined, {}, { limits: { upstreamKeepAliveMs: 100 } });
    await ask(port, get());
    await upstream.connections[0]!.closed;
    expect(upstream.open).toBe(0);
  });

  it("that the service will close before that, by its own Keep-Alive: timeout", async () => {
    const { port, upstream } = await stage(() => ok("ok", "Keep-Alive: max=5, timeout=1\r\n"));
    const startMs = performance.now();
    await ask(port, get());
    await upstream.connections[0]!.closed;
    // upstreamKeepAliveMs is 4 s here: what closed it earlier is the service's word.
    expect(performance.now() - startMs).toBeLessThan(3_500);
  });

  it("over upstreamIdlePerEndpointMax", async () => {
    const held: (() => void)[] = [];
    const { port, upstream } = await stage((request) => void held.push(() => void request.connection.socket.write(ok())), {}, { limits: { upstreamIdlePerEndpointMax: 2 } });
    const all = Array.from({ length: 5 }, () => ask(port, get()));
    await upstream.until(() => held.length === 5);
    for (const answer of held) answer();
    await Promise.all(all);
    await upstream.until(() => upstream.open === 2);
    expect(upstream.connections).toHaveLength(5);
  });
});

it("the service's idle timeout never loses a request: GETs against one that closes after 5 ms of idleness", async () => {
  const { port, upstream, proxy } = await stage((request) => {
    const { socket } = request.connection;
    socket.setTimeout(5, () => socket.end());
    return ok(request.target);
  });
  const client = await RawClient.connect(port);
  for (let i = 0; i < 60; i++) {
    client.send(get(`/${i}`));
    expect((await client.response()).body).toBe(`/${i}`);
    // Just about as long as the service waits: the race is the point.
    await new Promise((resolve) => setTimeout(resolve, 4 + (i % 4)));
  }
  client.destroy();
  expect(upstream.connections.length).toBeGreaterThan(1);
  await expectAtRest(proxy);
  expect(proxy.reader("shop", "stable").counter(counters.failed)).toBe(0);
});

it("new snapshots under load lose no request and close no connection", async () => {
  const { port, upstream, proxy } = await stage((request) => ok(request.target));
  const clients = await Promise.all(Array.from({ length: 8 }, () => RawClient.connect(port)));
  let running = true;
  let served = 0;
  const loops = clients.map(async (client, n) => {
    for (let i = 0; running; i++) {
      client.send(get(`/${n}/${i}`));
      expect((await client.response()).body).toBe(`/${n}/${i}`);
      served++;
    }
    client.destroy();
  });
  for (let i = 0; i < 200; i++) {
    const variants = { stable: { endpoints: [upstream.id] }, [`canary-${i % 7}`]: { endpoints: [upstream.id], weight: i % 101 } };
    await proxy.publish([{ name: "shop", variants }]);
    await eventually(() => served > i * 5, "requests are served meanwhile");
  }
  running = false;
  await Promise.all(loops);
  await expectAtRest(proxy);
});
