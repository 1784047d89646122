import { describe, expect, it } from "vitest";
import type { ErrorCode } from "../../src/core/errors.ts";
import { counters, threadCounters } from "../../src/observe/layout.ts";
import { ask, converse, RawClient } from "../support/raw-client.ts";
import { ok } from "../support/raw-upstream.ts";
import { expectAtRest, stage, type Stage } from "../support/stage.ts";

const get = (path = "/"): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);

/** Every cell that is not 0, once nothing is under way. */
async function seriesOf({ proxy }: Stage): Promise<Record<string, number>> {
  await expectAtRest(proxy);
  const reader = proxy.reader("shop", "stable");
  reader.refresh();
  const cells = Object.entries(counters).filter(([name]) => name !== "responses").map(([name, cell]): [string, number] => [name, reader.counter(cell)]);
  cells.push(["firstByte", sum(reader.histogram("firstByte"))], ["total", sum(reader.histogram("total"))]);
  return Object.fromEntries(cells.filter(([, value]) => value !== 0));
}

describe("the slab has, for each outcome, what happened and nothing else", () => {
  it("a good answer", async () => {
    const staged = await stage(() => ok("12345"));
    await ask(staged.port, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    expect(await seriesOf(staged)).toEqual({ requests: 1, responses2xx: 1, settled: 1, breakerOk: 1, requestBodyBytes: 3, responseBodyBytes: 5, firstByte: 1, total: 1 });
  });

  it("answers of every class", async () => {
    const staged = await stage(({ target }) => `HTTP/1.1 ${target.slice(1)} X\r\ncontent-length: 0\r\n\r\n`);
    for (const status of [200, 201, 304, 404, 500, 503]) await ask(staged.port, get(`/${status}`));
    expect(await seriesOf(staged)).toEqual({ requests: 6, responses2xx: 2, responses3xx: 1, responses4xx: 1, responses5xx: 2, settled: 6, failed: 2, breakerOk: 4, breakerBad: 2, firstByte: 6, total: 6 });
    expect(staged.proxy.reader("shop", "stable").error("status_5xx")).toBe(2);
  });

  it("no answer", async () => {
    const staged = await stage(({ connection: { socket } }) => void socket.resetAndDestroy());
    await ask(staged.port, get());
    expect(await seriesOf(staged)).toEqual({ requests: 1, settled: 1, failed: 1, breakerBad: 1 });
  });

  it("an answer that breaks off", async () => {
    const staged = await stage(({ connection: { socket } }) => void socket.end("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello"));
    await converse(staged.port, get());
    expect(await seriesOf(staged)).toEqual({ requests: 1, responses2xx: 1, settled: 1, failed: 1, breakerOk: 1, breakerBad: 1, responseBodyBytes: 5, firstByte: 1 });
  });

  it("a client that leaves before its answer", async () => {
    const staged = await stage(() => undefined);
    const client = await RawClient.connect(staged.port, get());
    await staged.upstream.until(() => staged.upstream.requests.length === 1);
    client.socket.resetAndDestroy();
    expect(await seriesOf(staged)).toEqual({ requests: 1, settled: 1, clientClosed: 1 });
  });

  it("a request whose body turns out malformed", async () => {
    const staged = await stage();
    await converse(staged.port, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
    expect(await seriesOf(staged)).toEqual({ requests: 1, settled: 1 });
    expect(staged.proxy.own().error("invalid_chunk")).toBe(1);
  });

  it("a tunnel: while it is open, and after", async () => {
    const staged = await stage(() => "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello");
    const client = await RawClient.connect(staged.port, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    await client.until("hello");
    const reader = staged.proxy.reader("shop", "stable");
    reader.refresh();
    expect([reader.counter(counters.tunnels), reader.counter(counters.inFlight)]).toEqual([1, 1]);
    client.destroy();
    expect(await seriesOf(staged)).toEqual({ requests: 1, responses1xx: 1, settled: 1, breakerOk: 1, responseBodyBytes: 5, firstByte: 1 });
  });
});

it("refusals are counted by their code, and belong to no variant", async () => {
  const staged = await stage(undefined, { match: { hosts: [], path: { kind: "prefix", value: "/api" }, methods: [], headers: [] } });
  const refused: [bytes: string, code: ErrorCode][] = [
    [get("/other"), "no_route"],
    ["GET / HTTP/1.1\r\n\r\n", "missing_host"],
    ["GET / HTTP/1.1\nHost: a\r\n\r\n", "malformed_request_line"],
    ["GET / HTTP/3.0\r\nHost: a\r\n\r\n", "unsupported_version"],
    ["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", "invalid_content_length"],
    ["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "conflicting_framing"],
    ["CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "method_refused"],
  ];
  for (const [bytes] of refused) await ask(staged.port, bytes);
  expect(await seriesOf(staged)).toEqual({});
  const own = staged.proxy.own();
  for (const [, code] of refused) expect(own.error(code), code).toBe(1);
});

it("connections are counted: accepted, open, and those to the service", async () => {
  const staged = await stage();
  const clients = await Promise.all([1, 2, 3].map(() => RawClient.connect(staged.port, get())));
  for (const client of clients) await client.response();
  const own = staged.proxy.own();
  const cells = (): number[] => {
    own.refresh();
    return [threadCounters.connectionsAccepted, threadCounters.connectionsActive, threadCounters.upstreamConnectionsOpened, threadCounters.upstreamConnectionsActive].map((cell) => own.counter(cell));
  };
  const { open } = staged.upstream;
  expect(cells()).toEqual([3, 3, open, open]);
  for (const client of clients) client.destroy();
  await expectAtRest(staged.proxy);
  expect(cells()[1]).toBe(0);
});
