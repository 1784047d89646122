import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { counters } from "../../src/observe/layout.ts";
import { seededRandom } from "../../src/core/random.ts";
import { RawClient } from "../support/raw-client.ts";
import { ok, type UpstreamRequest } from "../support/raw-upstream.ts";
import { expectAtRest, proxyFor, stage } from "../support/stage.ts";

const get = (path = "/"): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const framings = {
  length: { head: "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n", piece: "x".repeat(1_000) },
  chunked: { head: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", piece: `3e8\r\n${"x".repeat(1_000)}\r\n` },
  close: { head: "HTTP/1.1 200 OK\r\n\r\n", piece: "x".repeat(1_000) },
} as const;

describe("a body that breaks off resets the client's connection: it never looks whole", () => {
  const cases = [
    ["length", "end"], ["length", "reset"],
    ["chunked", "end"], ["chunked", "reset"], ["chunked", "garbage"],
    ["close", "reset"],
  ] as const;
  it.each(cases)("framed by %s, ended by %s", async (framing, how) => {
    const { head, piece } = framings[framing];
    let breakOff: () => void = () => {};
    const { port, proxy } = await stage((request) => {
      const { socket } = request.connection;
      socket.write(head + piece);
      breakOff = (): void => {
        if (how === "end") socket.end();
        else if (how === "reset") socket.resetAndDestroy();
        else socket.write("zz\r\nhello\r\n");
      };
    });
    const client = await RawClient.connect(port, get());
    await client.until("x".repeat(1_000));
    breakOff();
    expect(await client.ended).toBe("reset");
    expect(client.received.endsWith("0\r\n\r\n")).toBe(false);
    client.destroy();
    await expectAtRest(proxy);
    const reader = proxy.reader("shop", "stable");
    expect(reader.error(how === "garbage" ? "malformed_response" : "truncated")).toBe(1);
    expect(reader.counter(counters.responses2xx)).toBe(1);
  });

  it("for an HTTP/1.0 client too, who knows the end of a body by nothing but the connection's", async () => {
    let breakOff: () => void = () => {};
    const { port } = await stage((request) => {
      request.connection.socket.write(framings.chunked.head + framings.chunked.piece);
      breakOff = (): void => void request.connection.socket.end();
    });
    const client = await RawClient.connect(port, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    await client.until("x".repeat(1_000));
    breakOff();
    expect(await client.ended).toBe("reset");
    client.destroy();
  });
});

describe("kill -9 of the service in the middle of a body", () => {
  // It reads nothing: what lies unread when a process dies makes the kernel reset the connection, as on a busy one.
  const program = `
    const [framings, framing] = [${JSON.stringify(framings)}, process.argv[1]];
    const server = require("node:net").createServer({ pauseOnConnect: true }, (socket) => {
      socket.on("error", () => {});
      socket.write(framings[framing].head + framings[framing].piece);
    });
    server.listen(0, "127.0.0.1", () => process.send(server.address().port));
  `;

  it.each(["length", "chunked", "close"] as const)("resets the client: body framed by %s", async (framing) => {
    const child = spawn(process.execPath, ["-e", program, framing], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const [upstreamPort] = (await once(child, "message")) as [number];
    const proxy = await proxyFor([{ name: "shop", variants: { stable: { endpoints: [`http://127.0.0.1:${upstreamPort}`] } } }]);
    const client = await RawClient.connect(proxy.port, get());
    await client.until("x".repeat(1_000));
    child.kill("SIGKILL");
    expect(await client.ended).toBe("reset");
    expect(client.received.endsWith("0\r\n\r\n")).toBe(false);
    client.destroy();
    await expectAtRest(proxy);
  });
});

it("4,000 requests to a service that truncates, resets, stalls and garbles 45% of its answers: none hangs, none is wrong, none looks whole that is not", async () => {
  const random = seededRandom(7);
  const body = (target: string): string => `${target}:${"0123456789".repeat(20 + (Number(target.slice(1)) % 300))}`;
  const faults: ((request: UpstreamRequest, whole: string) => void)[] = [
    ({ connection: { socket } }) => void socket.end(),
    ({ connection: { socket } }) => void socket.resetAndDestroy(),
    ({ connection: { socket } }, whole) => void socket.end(whole.slice(0, whole.length >> 1)),
    ({ connection: { socket } }, whole) => void socket.write(whole.slice(0, whole.length >> 1), () => socket.resetAndDestroy()),
    ({ connection: { socket } }, whole) => void socket.end(whole.slice(0, 20)),
    ({ connection: { socket } }, whole) => void socket.write(whole.slice(0, -30)),
    () => {},
    ({ connection: { socket } }) => void socket.write("garbage garbage\r\n\r\n"),
    ({ connection: { socket } }) => void socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n"),
    ({ connection: { socket } }) => void socket.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello"),
    ({ connection: { socket } }, whole) => void socket.write(`${whole}HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong`),
  ];
  const { port, proxy, upstream } = await stage(
    (request) => {
      const text = body(request.target);
      const whole = random() < 0.5 ? ok(text) : `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${(text.length).toString(16)}\r\n${text}\r\n0\r\n\r\n`;
      if (random() >= 0.45) return whole;
      return faults[Math.floor(random() * faults.length)]!(request, whole);
    },
    { timeouts: { firstByteMs: 400, idleMs: 400 } },
  );
  const tally = { good: 0, reset: 0, refused: 0, wrong: 0 };
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < 4_000) {
      const target = `/${next++}`;
      const client = await RawClient.connect(port, get(target));
      try {
        const { status, body: text } = await client.response();
        if (status === 200 && text === body(target)) tally.good++;
        else if (status === 502 || status === 504 || status === 503) tally.refused++;
        else tally.wrong++;
      } catch {
        expect(await client.ended).toBe("reset");
        tally.reset++;
      }
      client.destroy();
    }
  };
  await Promise.all(Array.from({ length: 100 }, worker));
  expect(tally.wrong).toBe(0);
  expect(tally.good + tally.refused + tally.reset).toBe(4_000);
  expect(tally.good).toBeGreaterThan(1_000);
  expect(tally.reset).toBeGreaterThan(100);
  expect(tally.refused).toBeGreaterThan(100);
  await expectAtRest(proxy);
  expect(upstream.requests.length).toBeGreaterThanOrEqual(4_000);
}, 25_000);
