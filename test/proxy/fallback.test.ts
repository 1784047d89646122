import { describe, expect, it } from "vitest";
import { counters } from "../../src/observe/layout.ts";
import type { ErrorCode } from "../../src/core/errors.ts";
import { ask, RawClient } from "../support/raw-client.ts";
import { valuesOf } from "../support/raw-messages.ts";
import { ok, type Answer, type RawUpstream } from "../support/raw-upstream.ts";
import { expectAtRest, proxyFor, upstreamFor } from "../support/stage.ts";
import type { TestProxy, TestRoute } from "../support/proxy.ts";

const send = (method = "GET", rest = "\r\n"): string => `${method} /path HTTP/1.1\r\nHost: a\r\nx-user: someone\r\n${rest}`;
const bad = (status: number): string => `HTTP/1.1 ${status} Bad\r\ncontent-length: 3\r\n\r\nbad`;

interface Pair {
  readonly proxy: TestProxy;
  readonly port: number;
  readonly baseline: RawUpstream;
  readonly candidate: RawUpstream;
}

/** A candidate that has all the traffic, and a baseline that says so. */
async function pair(candidateAnswer: Answer, route: Partial<TestRoute> = {}, baselineAnswer: Answer = (request) => ok(`baseline ${request.method}`)): Promise<Pair> {
  const baseline = await upstreamFor(baselineAnswer);
  const candidate = await upstreamFor(candidateAnswer);
  const variants = { stable: { endpoints: [baseline.id], headers: [["x-v", "stable"]] as const }, canary: { endpoints: [candidate.id], headers: [["x-v", "canary"]] as const, weight: 100 } };
  const proxy = await proxyFor([{ name: "shop", timeouts: { firstByteMs: 150, connectMs: 150 }, ...route, variants }]);
  return { proxy, port: proxy.port, baseline, candidate };
}

const cells = (proxy: TestProxy, variant: string, ...names: (keyof typeof counters)[]): number[] => {
  const reader = proxy.reader("shop", variant);
  reader.refresh();
  return names.map((name) => reader.counter(counters[name]));
};

describe("a safe request that the candidate fails is answered by the baseline, and counts against the candidate", () => {
  const failures: [what: string, answer: Answer, code: ErrorCode][] = [
    ["502", () => bad(502), "status_5xx"],
    ["503", () => bad(503), "status_5xx"],
    ["504", () => bad(504), "status_5xx"],
    ["no answer in time", () => undefined, "first_byte_timeout"],
    ["a reset", ({ connection: { socket } }) => void socket.resetAndDestroy(), "reset"],
    ["a close", ({ connection: { socket } }) => void socket.end(), "reset"],
    ["garbage", () => "garbage\r\n\r\n", "malformed_response"],
    ["a 103, then a close", ({ connection: { socket } }) => void socket.end("HTTP/1.1 103 Early Hints\r\n\r\n"), "reset"],
  ];
  it.each(failures)("%s", async (_what, answer, code) => {
    const { proxy, port, baseline, candidate } = await pair(answer);
    for (const method of ["GET", "OPTIONS"]) expect(await ask(port, send(method))).toMatchObject({ status: 200, body: `baseline ${method}` });
    expect((await ask(port, send("HEAD"))).status).toBe(200);
    await expectAtRest(proxy);
    expect(cells(proxy, "canary", "requests", "fallbacks", "failed", "settled", "breakerBad", "breakerOk")).toEqual([3, 3, 3, 3, 3, 0]);
    expect(proxy.reader("shop", "canary").error(code)).toBe(3);
    expect(cells(proxy, "stable", "requests", "fallbackAnswers", "failed")).toEqual([0, 3, 0]);
    // The baseline gets the request as its own.
    expect(baseline.requests.map((request) => [valuesOf(request, "ebbgate-variant"), valuesOf(request, "x-v")])).toEqual(Array.from({ length: 3 }, () => [["stable"], ["stable"]]));
    expect(valuesOf(candidate.requests[0]!, "ebbgate-variant")).toEqual(["canary"]);
  });

  it("nobody listens", async () => {
    const baseline = await upstreamFor(() => ok("baseline"));
    const proxy = await proxyFor([{ name: "shop", variants: { stable: { endpoints: [baseline.id] }, canary: { endpoints: ["http://127.0.0.1:1"], weight: 100 } } }]);
    for (let i = 0; i < 20; i++) expect((await ask(proxy.port, send())).body).toBe("baseline");
    await expectAtRest(proxy);
    const reader = proxy.reader("shop", "canary");
    // After five the endpoint is out, and not even a connection is tried.
    expect(reader.error("connect_failed")).toBeGreaterThanOrEqual(5);
    expect(reader.error("connect_failed") + reader.error("no_endpoint")).toBe(20);
    expect(cells(proxy, "canary", "fallbacks")).toEqual([20]);
  });

  it("no endpoint at all", async () => {
    const baseline = await upstreamFor(() => ok("baseline"));
    const proxy = await proxyFor([{ name: "shop", variants: { stable: { endpoints: [baseline.id] }, canary: { endpoints: [], weight: 100 } } }]);
    expect((await ask(proxy.port, send())).body).toBe("baseline");
    expect((await ask(proxy.port, send("POST"))).status).toBe(503);
  });

  it("keeps a client's connection, and its pipelined requests in order", async () => {
    let n = 0;
    const { port } = await pair(({ connection: { socket } }) => (n++ % 3 === 0 ? ok("candidate") : void socket.resetAndDestroy()));
    const client = await RawClient.connect(port, send().repeat(6));
    const bodies: string[] = [];
    for (let i = 0; i < 6; i++) bodies.push((await client.response()).body);
    // A reset on a reused connection is sent to the candidate again first; then the baseline answers.
    expect(new Set(bodies)).toEqual(new Set(["candidate", "baseline GET"]));
    client.destroy();
  });
});

describe("no fallback", () => {
  it.each([
    ["for a POST", send("POST", "Content-Length: 2\r\n\r\nhi")],
    ["for a POST without a body", send("POST")],
    ["for a PUT", send("PUT")],
    ["for a DELETE", send("DELETE")],
    ["for a GET with a body", send("GET", "Content-Length: 2\r\n\r\nhi")],
    ["for an unknown method", send("FROBNICATE")],
  ])("%s", async (_what, bytes) => {
    const { proxy, port, baseline } = await pair(() => bad(503));
    expect(await ask(port, bytes)).toMatchObject({ status: 503, body: "bad" });
    expect(baseline.requests).toHaveLength(0);
    await expectAtRest(proxy);
    expect(cells(proxy, "canary", "fallbacks", "failed", "responses5xx")).toEqual([0, 1, 1]);
  });

  it.each([500, 501, 505, 404, 429])("for %d: that is an answer", async (status) => {
    const { port, baseline } = await pair(() => bad(status));
    expect((await ask(port, send())).status).toBe(status);
    expect(baseline.requests).toHaveLength(0);
  });

  it("after the first byte: the client is reset", async () => {
    const { port, baseline } = await pair(({ connection: { socket } }) => void socket.end("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello"));
    const client = await RawClient.connect(port, send());
    expect(await client.ended).toBe("reset");
    client.destroy();
    expect(baseline.requests).toHaveLength(0);
  });

  it("where the route switches it off", async () => {
    const { port, baseline } = await pair(() => bad(503), { fallback: false });
    expect(await ask(port, send())).toMatchObject({ status: 503, body: "bad" });
    expect(baseline.requests).toHaveLength(0);
  });

  it("of the baseline's own failures", async () => {
    const baseline = await upstreamFor(() => bad(503));
    const candidate = await upstreamFor();
    const proxy = await proxyFor([{ name: "shop", variants: { stable: { endpoints: [baseline.id] }, canary: { endpoints: [candidate.id], weight: 0 } } }]);
    expect((await ask(proxy.port, send())).status).toBe(503);
    expect(candidate.requests).toHaveLength(0);
  });

  it("twice: what the baseline fails then is what the user sees, and no error of the baseline's record", async () => {
    const { proxy, port, baseline, candidate } = await pair(() => bad(503), {}, ({ connection: { socket } }) => void socket.resetAndDestroy());
    expect((await ask(port, send())).status).toBe(502);
    expect([candidate.requests.length, baseline.requests.length]).toEqual([1, 1]);
    await expectAtRest(proxy);
    expect(cells(proxy, "canary", "failed", "fallbacks")).toEqual([1, 1]);
    expect(cells(proxy, "stable", "failed", "requests")).toEqual([0, 0]);
  });
});

describe("a candidate that loses its weight while it hangs", () => {
  const weightless = (baseline: RawUpstream, candidate: RawUpstream): TestRoute => ({
    name: "shop", timeouts: { firstByteMs: 60_000 }, variants: { stable: { endpoints: [baseline.id] }, canary: { endpoints: [candidate.id], weight: 0 } },
  });

  it("keeps no reader waiting: the baseline answers those who have waited a while, at once", async () => {
    const { proxy, port, baseline, candidate } = await pair(() => undefined, { timeouts: { firstByteMs: 60_000 } });
    const client = await RawClient.connect(port, send());
    await candidate.until(() => candidate.requests.length === 1);
    const answered = client.response();
    // Each snapshot looks at who waits; the first ones come too early for this reader.
    let done = false;
    void answered.then(() => (done = true));
    while (!done) await proxy.publish([weightless(baseline, candidate)]);
    expect((await answered).body).toBe("baseline GET");
    client.destroy();
    await expectAtRest(proxy);
    expect(cells(proxy, "canary", "requests", "fallbacks", "settled", "inFlight")).toEqual([1, 1, 1, 0]);
  });

  it("leaves a write where it is: it may be done already", async () => {
    const { proxy, port, baseline, candidate } = await pair(() => undefined, { timeouts: { firstByteMs: 400 } });
    const client = await RawClient.connect(port, send("POST", "Content-Length: 2\r\n\r\nhi"));
    await candidate.until(() => candidate.requests.length === 1);
    const answered = client.response();
    let done = false;
    void answered.then(() => (done = true));
    while (!done) await proxy.publish([weightless(baseline, candidate)]);
    expect((await answered).status).toBe(504);
    expect(baseline.requests).toHaveLength(0);
    client.destroy();
    await expectAtRest(proxy);
  });
});
