import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterAll, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { counters } from "../../src/observe/layout.ts";
import { ask, RawClient } from "../support/raw-client.ts";
import { valueOf, valuesOf } from "../support/raw-messages.ts";
import { ok } from "../support/raw-upstream.ts";
import { expectAtRest, eventually, proxyFor, stage } from "../support/stage.ts";

const wants = (protocol = "websocket", lines = ""): string => `GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: ${protocol}\r\n${lines}\r\n`;
const switching = (protocol = "websocket"): string => `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\nX-Kept: yes\r\n\r\n`;

/** A service that switches, then echoes every byte in capitals. */
const echoing = (options: { delayed?: boolean } = {}) => {
  let release: () => void = () => {};
  const staged = stage(undefined, {}, {
    onBytes: ({ socket, received }) => {
      if (!received.endsWith("\r\n\r\n") || received.indexOf("\r\n\r\n") + 4 !== received.length) return true;
      release = (): void => {
        socket.write(switching());
        socket.on("data", (text: string) => void socket.write(text.toUpperCase(), "latin1"));
      };
      if (options.delayed !== true) release();
      return true;
    },
  });
  return { staged, release: (): void => release() };
};

describe("a tunnel", () => {
  it("opens after 101 and carries bytes both ways", async () => {
    const { port, proxy, upstream } = await echoing().staged;
    const client = await RawClient.connect(port, wants());
    const response = await client.response();
    expect(response.status).toBe(101);
    expect([valueOf(response, "upgrade"), valueOf(response, "connection"), valueOf(response, "x-kept")]).toEqual(["websocket", "upgrade", "yes"]);
    expect(upstream.connections[0]!.received.toLowerCase()).toContain("connection: upgrade\r\nupgrade: websocket\r\n");
    client.send("hello");
    await client.until("HELLO");
    client.socket.end();
    expect(await client.ended).toBe("clean");
    client.destroy();
    await expectAtRest(proxy);
    expect(proxy.reader("shop", "stable").counter(counters.responses1xx)).toBe(1);
  });

  it("does not open before 101: bytes behind the request wait, and then are the tunnel's first", async () => {
    const { staged, release } = echoing({ delayed: true });
    const { port, upstream } = await staged;
    const client = await RawClient.connect(port, `${wants()}early bytes`);
    await upstream.until(() => upstream.connections.length > 0 && upstream.connections[0]!.received.endsWith("\r\n\r\n"));
    client.send(" and more");
    expect(upstream.connections[0]!.received).not.toContain("early");
    release();
    expect(await client.until("MORE")).toMatch(/EARLY BYTES AND MORE$/);
    client.destroy();
  });

  it("carries what the service sends right behind its 101", async () => {
    const { port } = await stage((request) => void request.connection.socket.write(`${switching()}first`));
    const client = await RawClient.connect(port, wants());
    expect(await client.until("first")).toMatch(/\r\n\r\nfirst$/);
    client.destroy();
  });

  it("half-closes: the service's last words arrive after the client has finished", async () => {
    const { port, upstream, proxy } = await stage(undefined, {}, {
      onBytes: ({ socket, requests }) => {
        if (requests === 0) socket.write(switching());
        return true;
      },
      onConnection: ({ socket }) => {
        socket.removeAllListeners("end");
        socket.on("end", () => void socket.end("last words"));
      },
    });
    const client = await RawClient.connect(port, wants());
    await client.response();
    client.socket.end("bye");
    await client.until("last words");
    expect(await client.ended).toBe("clean");
    expect(upstream.received()).toMatch(/bye$/);
    client.destroy();
    await expectAtRest(proxy);
  });

  it("tells the service that the client has finished, though it finished before the 101", async () => {
    let release: () => void = () => {};
    const { port, upstream, proxy } = await stage(undefined, {}, {
      onBytes: ({ socket }) => {
        release = (): void => void socket.write(switching());
        return true;
      },
    });
    const client = await RawClient.connect(port, wants());
    client.socket.end("bye");
    await upstream.until(() => upstream.connections.length > 0 && upstream.connections[0]!.received.endsWith("\r\n\r\n"));
    release();
    await upstream.connections[0]!.closed;
    expect(upstream.received()).toMatch(/bye$/);
    expect(await client.ended).toBe("clean");
    client.destroy();
    await expectAtRest(proxy);
  });

  it("that carries nothing for tunnelIdleMs is closed on both sides", async () => {
    const { port, upstream, proxy } = await stage((request) => void request.connection.socket.write(switching()), { timeouts: { tunnelIdleMs: 150 } });
    const client = await RawClient.connect(port, wants());
    await client.response();
    await client.ended;
    await upstream.connections[0]!.closed;
    client.destroy();
    await expectAtRest(proxy);
  });
});

describe("an upgrade that is not one is no tunnel", () => {
  it.each([
    ["refused", "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno", 403],
    ["answered with 200", ok("no"), 200],
    ["answered with 426", "HTTP/1.1 426 Upgrade Required\r\nupgrade: x\r\ncontent-length: 2\r\n\r\nno", 426],
  ])("%s: relayed as the response it is, and what follows is a request", async (_what, answer, status) => {
    const { port, upstream } = await stage((request) => (request.target === "/chat" ? answer : ok(request.target)));
    const client = await RawClient.connect(port, `${wants()}GET /next HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(await client.response()).toMatchObject({ status, body: "no" });
    expect((await client.response()).body).toBe("/next");
    // It went through the parser, not through a tunnel.
    expect(valuesOf(upstream.requests[1]!, "x-forwarded-for")).toHaveLength(1);
    client.destroy();
  });

  it.each([
    ["a protocol that was not offered", switching("h2c")],
    ["no protocol", "HTTP/1.1 101 Switching Protocols\r\n\r\n"],
    ["two protocols", switching("websocket, h2c")],
  ])("101 with %s is a 502", async (_what, answer) => {
    const { port } = await stage(() => answer);
    expect((await ask(port, wants())).status).toBe(502);
  });

  it("an upgrade to h2c alone is a plain request", async () => {
    const { port, upstream } = await stage();
    expect((await ask(port, wants("h2c", "HTTP2-Settings: AAMAAABkAAQAAP__\r\n"))).status).toBe(200);
    expect(upstream.received().toLowerCase()).not.toMatch(/h2c|upgrade|http2-settings/);
  });

  it("an Upgrade that Connection does not name is a plain request", async () => {
    const { port, upstream } = await stage();
    expect((await ask(port, "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n")).status).toBe(200);
    expect(upstream.received().toLowerCase()).not.toContain("upgrade");
  });

  it("an upgrade in HTTP/1.0 is a plain request", async () => {
    const { port, upstream } = await stage();
    expect((await ask(port, wants().replace("HTTP/1.1", "HTTP/1.0"))).status).toBe(200);
    expect(upstream.received().toLowerCase()).not.toContain("upgrade");
  });
});

describe("a reset of either side, at any moment, crashes and leaks nothing", () => {
  const after = ["before 101", "after 101", "with bytes under way"] as const;
  it.each(after.flatMap((moment) => (["client", "service"] as const).map((who) => [who, moment] as const)))("by the %s, %s", async (who, moment) => {
    const flood = moment === "with bytes under way";
    const { port, upstream, proxy } = await stage(undefined, {}, {
      onBytes: ({ socket, requests }) => {
        if (requests === 0 && moment !== "before 101") socket.write(switching());
        return true;
      },
    });
    const clients = await Promise.all(Array.from({ length: 20 }, () => RawClient.connect(port, wants())));
    await upstream.until(() => upstream.connections.length === 20 && upstream.connections.every(({ received }) => received.includes("\r\n\r\n")));
    if (moment !== "before 101") await Promise.all(clients.map((client) => client.response()));
    if (flood) {
      for (const client of clients) client.socket.pause();
      for (const { socket } of upstream.connections) socket.write(Buffer.alloc(1_000_000));
      for (const client of clients) client.send(Buffer.alloc(1_000_000));
    }
    if (who === "client") for (const client of clients) client.socket.resetAndDestroy();
    else for (const { socket } of upstream.connections) socket.resetAndDestroy();
    for (const client of clients) client.socket.resume();
    if (who === "client") await upstream.until(() => upstream.open === 0);
    else if (moment !== "before 101") expect(new Set(await Promise.all(clients.map((client) => client.ended)))).toEqual(new Set(["reset"]));
    else for (const client of clients) expect((await client.response()).status).toBe(502);
    for (const client of clients) client.destroy();
    await expectAtRest(proxy);
    expect(upstream.open).toBe(0);
  });
});

describe("real WebSockets", () => {
  const server = createServer();
  const sockets = new WebSocketServer({ server, maxPayload: 64 * 1024 * 1024 });
  sockets.on("connection", (socket) => {
    socket.on("error", () => {});
    socket.on("message", (data, binary) => socket.send(data, { binary }));
  });
  afterAll(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.close();
  });
  const start = async (): Promise<{ port: number; proxy: Awaited<ReturnType<typeof proxyFor>> }> => {
    if (!server.listening) await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const proxy = await proxyFor([{ name: "shop", variants: { stable: { endpoints: [`http://127.0.0.1:${(server.address() as AddressInfo).port}`] } } }]);
    return { port: proxy.port, proxy };
  };

  it("echo text and binary messages of up to 1 MB, and close with their code", async () => {
    const { port, proxy } = await start();
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`, ["chat"]);
    await once(socket, "open");
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 1_000_000]) {
      const message = Buffer.alloc(size, size % 251);
      socket.send(message);
      const [echo] = (await once(socket, "message")) as [Buffer];
      expect(echo.equals(message)).toBe(true);
    }
    socket.close(4_001, "done");
    const [code] = (await once(socket, "close")) as [number];
    expect(code).toBe(4_001);
    await expectAtRest(proxy);
  });

  it("hold back a sender whose receiver does not read, and lose nothing", async () => {
    const { port, proxy } = await start();
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    await once(socket, "open");
    let received = 0;
    let bytes = 0;
    socket.on("message", (data: Buffer) => {
      received++;
      bytes += data.length;
    });
    socket.pause();
    const message = Buffer.alloc(1_000_000, 7);
    for (let i = 0; i < 32; i++) socket.send(message);
    // Some of it must stay with us: otherwise somebody in between holds 32 MB.
    await eventually(() => socket.bufferedAmount > 0, "the sender feels it");
    socket.resume();
    await eventually(() => received === 32, "all echoes", 8_000);
    expect(bytes).toBe(32_000_000);
    socket.close();
    await once(socket, "close");
    await expectAtRest(proxy);
  });
});
