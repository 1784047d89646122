import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { counters } from "../../src/observe/layout.ts";
import { RawClient } from "../support/raw-client.ts";
import { ok } from "../support/raw-upstream.ts";
import { eventually, expectAtRest, stage, upstreamFor } from "../support/stage.ts";

const get = (path = "/"): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

it("a client that goes away before its answer frees its upstream at once, and is a latency sample, not an error", async () => {
  const { port, proxy, upstream } = await stage(() => undefined);
  const client = await RawClient.connect(port, get());
  await upstream.until(() => upstream.requests.length === 1);
  client.socket.resetAndDestroy();
  await upstream.connections[0]!.closed;
  await expectAtRest(proxy);
  const reader = proxy.reader("shop", "stable");
  expect([counters.requests, counters.clientClosed, counters.settled, counters.failed, counters.breakerBad].map((cell) => reader.counter(cell))).toEqual([1, 1, 1, 0, 0]);
  expect(proxy.own().error("client_closed")).toBe(1);
});

it("a client that goes away inside its answer frees its upstream", async () => {
  const { port, proxy, upstream } = await stage(() => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n");
  for (const how of ["resetAndDestroy", "destroy"] as const) {
    const client = await RawClient.connect(port, get());
    await client.until("hello");
    client.socket[how]();
    await upstream.until(() => upstream.open === 0);
  }
  await expectAtRest(proxy);
  expect(proxy.reader("shop", "stable").counter(counters.clientClosed)).toBe(2);
});

it("a client that only finishes sending still gets its answer", async () => {
  let answer: () => void = () => {};
  const { port, upstream } = await stage((request) => {
    answer = (): void => void request.connection.socket.write(ok(request.body));
  });
  const client = await RawClient.connect(port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  client.socket.end();
  await upstream.until(() => upstream.requests.length === 1);
  answer();
  expect((await client.response()).body).toBe("hello");
  expect(await client.ended).toBe("clean");
  client.destroy();
});

it("a client that sends several requests and finishes gets all their answers", async () => {
  const { port } = await stage((request) => ok(request.target));
  const client = await RawClient.connect(port);
  client.socket.end([1, 2, 3, 4, 5].map((n) => get(`/${n}`)).join(""));
  for (const n of [1, 2, 3, 4, 5]) expect((await client.response()).body).toBe(`/${n}`);
  expect(await client.ended).toBe("clean");
  client.destroy();
});

it("a client that finishes inside a further request gets the answers before it, and is then closed", async () => {
  const { port, proxy } = await stage((request) => ok(request.target));
  for (const half of ["GET / HT", "GET / HTTP/1.1\r\nHost: a\r\n\r", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"]) {
    const client = await RawClient.connect(port);
    client.socket.end(`${get("/1")}${get("/2")}${half}`);
    for (const n of [1, 2]) expect((await client.response()).body).toBe(`/${n}`);
    await client.ended;
    expect(client.rest).toBe("");
    client.destroy();
    // Long before any timeout.
    await expectAtRest(proxy);
  }
});

it("a client that finishes sending and is never answered frees its upstream in 2.5 s: it may have gone for good", async () => {
  const { port, proxy, upstream } = await stage(() => undefined);
  const client = await RawClient.connect(port, get());
  await upstream.until(() => upstream.requests.length === 1);
  client.socket.end();
  await upstream.connections[0]!.closed;
  client.destroy();
  await expectAtRest(proxy);
});

it("500 clients that abort, twice, leave the descriptors where they were", async () => {
  const { port, proxy, upstream } = await stage((request) => (request.target === "/half" ? "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello" : undefined), {}, { limits: { upstreamKeepAliveMs: 1 } });
  const descriptors = (): number => readdirSync("/proc/self/fd").length;
  const abort = async (i: number): Promise<void> => {
    const client = await RawClient.connect(port, i % 3 === 0 ? "GET / HT" : get(i % 3 === 1 ? "/half" : "/never"));
    if (i % 3 === 1) await client.until("hello");
    if (i % 2 === 0) client.socket.resetAndDestroy();
    else client.destroy();
  };
  const round = async (): Promise<number> => {
    for (let i = 0; i < 500; i += 50) await Promise.all(Array.from({ length: 50 }, (_, n) => abort(i + n)));
    await expectAtRest(proxy);
    await upstream.until(() => upstream.open === 0);
    return descriptors();
  };
  await round();
  const first = await round();
  const second = await round();
  expect(second).toBeLessThanOrEqual(first + 5);
});

it("50 clients that do not read 8 MB each are not held in the proxy's memory", async () => {
  const piece = Buffer.alloc(65_536, "x");
  const upstream = await upstreamFor(({ connection: { socket } }) => {
    socket.write("HTTP/1.1 200 OK\r\ncontent-length: 8388608\r\n\r\n");
    let left = 128;
    const more = (): void => {
      while (left > 0 && !socket.destroyed) {
        left--;
        if (!socket.write(piece)) return void socket.once("drain", more);
      }
    };
    more();
  });
  // In a process of its own, so that nobody else's memory counts.
  const child = spawn(process.execPath, [fileURLToPath(new URL("../support/proxy-process.ts", import.meta.url)), upstream.id], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const [port] = (await once(child, "message")) as [number];
  const residentBytes = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid!}/status`, "latin1"))![1]) * 1024;
  const clients: RawClient[] = [];
  const fifty = async (): Promise<number> => {
    for (let i = 0; i < 50; i++) {
      const client = await RawClient.connect(port);
      client.socket.pause();
      client.send(get());
      clients.push(client);
    }
    await upstream.until(() => upstream.requests.length === clients.length);
    // What the kernels take, they take; then nothing moves any more.
    let settledAt = -1;
    await eventually(() => {
      const written = upstream.connections.reduce((sum, { socket }) => sum + socket.bytesWritten - socket.writableLength, 0);
      const still = written === settledAt;
      settledAt = written;
      return still;
    }, "the transfer stalls");
    return residentBytes();
  };
  // The first fifty let the heap grow to its working size. Held, the next would cost 400 MB; the margin is what waits for
  // the garbage collector. The exact price of a client, below 128 KiB, is measured by bench/soak (non-readers).
  const before = await fifty();
  const after = await fifty();
  expect(after - before).toBeLessThan(80_000_000);
  for (const client of clients) client.destroy();
  child.kill("SIGKILL");
});

it("a slow reader that reads on gets every byte", async () => {
  const body = Array.from({ length: 6_000_000 }, (_, i) => String.fromCharCode((i * 31 + (i >> 9)) & 0xff)).join("");
  const { port, proxy } = await stage(() => ok(body));
  const client = await RawClient.connect(port, get());
  const rest = setInterval(() => {
    client.socket.pause();
    setTimeout(() => client.socket.resume(), 15);
  }, 30);
  const response = await client.response();
  clearInterval(rest);
  expect(response.body === body).toBe(true);
  client.destroy();
  await expectAtRest(proxy);
});

it("connections over connectionsMax are closed at once, and those below serve on", async () => {
  const { port } = await stage(undefined, {}, { limits: { connectionsMax: 3 } });
  const clients = await Promise.all([1, 2, 3].map(() => RawClient.connect(port, get())));
  for (const client of clients) expect((await client.response()).status).toBe(200);
  const over = await RawClient.connect(port);
  await over.ended;
  clients[0]!.send(get());
  expect((await clients[0]!.response()).status).toBe(200);
  for (const client of [...clients, over]) client.destroy();
});

it("the first event of a stream leaves at once, and each further one", async () => {
  let send: (event: string) => void = () => {};
  const { port, proxy } = await stage((request) => {
    const { socket } = request.connection;
    socket.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
    send = (event): void => void socket.write(`${event.length.toString(16)}\r\n${event}\r\n`);
  });
  const client = await RawClient.connect(port, get());
  await client.until("text/event-stream");
  for (const event of ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"]) {
    send(event);
    expect(await client.until(event)).toContain(event);
  }
  client.socket.resetAndDestroy();
  await expectAtRest(proxy);
});
