import { once } from "node:events";
import { connect, type AddressInfo } from "node:net";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { localAccess } from "../../src/admin/access/local-access.ts";
import { AdminServer } from "../../src/admin/server.ts";
import type { Status } from "../../src/admin/status.ts";
import { ask, loopback, type Problem, type Reply, start } from "./client.ts";
import { world } from "./world.ts";

const log = pino({ level: "silent" });

/** Sends bytes as they are, and reads to the end. */
async function raw({ port }: AddressInfo, bytes: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let got = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => (got += chunk));
  socket.on("error", () => socket.destroy());
  socket.write(bytes);
  await once(socket, "close");
  return got;
}

function expectProblem(reply: Reply, status: number): Problem {
  expect(reply.status).toBe(status);
  expect(reply.headers["content-type"]).toBe("application/problem+json");
  const body = JSON.parse(reply.body) as Problem;
  expect(body).toMatchObject({ type: "about:blank", status });
  return body;
}

describe("the admin server", () => {
  it("says that it is alive whatever the configuration does", async () => {
    const w = world();
    w.state.posted = null;
    const at = await start(w);
    expect((await ask(at, "/healthz")).status).toBe(200);
  });

  it("is ready only with a configuration that every thread has acknowledged, and says what is missing", async () => {
    const w = world();
    const at = await start(w);
    expect(await ask(at, "/readyz")).toMatchObject({ status: 200, body: '{"ready":true,"reasons":[]}\n' });
    w.state.threads = [w.state.threads[0]!, { ...w.state.threads[1]!, revision: 0 }];
    expect(await ask(at, "/readyz")).toMatchObject({ status: 503, body: expect.stringContaining("thread 1 has not acknowledged") as string });
    w.state.threads = [w.state.threads[0]!, { ...w.state.threads[1]!, alive: false }];
    expect((await ask(at, "/readyz")).body).toContain("thread 1 has ended");
    w.state.posted = null;
    expect((await ask(at, "/readyz")).body).toContain("No configuration");
  });

  it("stays ready while a new revision is on its way to the threads, not when one is stuck", async () => {
    const w = world();
    const at = await start(w);
    w.state.posted = { ...w.state.posted!, snapshot: { ...w.state.posted!.snapshot, revision: 4 }, atMs: w.state.nowMs };
    expect((await ask(at, "/readyz")).status).toBe(200);
    w.tick(6_000);
    expect(await ask(at, "/readyz")).toMatchObject({ status: 503, body: expect.stringContaining("still serves revision 3") as string });
  });

  it("fails readiness while it drains", async () => {
    const w = world();
    const at = await start(w);
    w.state.draining = true;
    expect(await ask(at, "/readyz")).toMatchObject({ status: 503, body: expect.stringContaining("shutting down") as string });
  });

  it("shows weights, rates, errors and latencies of both variants, and the rollouts", async () => {
    const w = world();
    w.answer(0, 90, 8_000, 200);
    w.answer(1, 8, 12_000, 200);
    w.answer(1, 2, 1_000, 503);
    w.tick(1000);
    const status = JSON.parse((await ask(await start(w), "/api/v1/status")).body) as Status;
    const [v1, v2] = status.routes[0]!.variants;
    expect(v1).toMatchObject({ name: "v1", baseline: true, weight: 90, totals: { requests: 90 }, recent: { requestsPerSecond: 90, errorRate: 0 } });
    expect(v2).toMatchObject({ name: "v2", baseline: false, weight: 10, recent: { requestsPerSecond: 10, errorRate: 0.2, errors: { status_5xx: 2 } } });
    expect(v1!.recent.p50Ms! / 8).toBeCloseTo(1, 1);
    expect(status.rollouts[0]).toMatchObject({ route: "shop", candidate: "v2", phase: "progressing" });
    expect(status).toMatchObject({ ready: true, revision: 3, version: "0.1.0", region: "eu-1" });
  });

  it("says 'no data', never 0%, for a variant without traffic", async () => {
    const status = JSON.parse((await ask(await start(), "/api/v1/status")).body) as Status;
    expect(status.routes[0]!.variants[1]!.recent).toMatchObject({ errorRate: null, p50Ms: null, p99Ms: null });
  });

  it("gives metrics to a scraper in the format that it asks for", async () => {
    const at = await start();
    expect((await ask(at, "/metrics")).headers["content-type"]).toContain("text/plain; version=0.0.4");
    expect((await ask(at, "/metrics", { headers: { accept: "application/openmetrics-text" } })).body.endsWith("# EOF\n")).toBe(true);
  });

  it("answers HEAD as GET without the body", async () => {
    const at = await start();
    const [get, head] = [await ask(at, "/healthz"), await ask(at, "/healthz", { method: "HEAD" })];
    expect(head.body).toBe("");
    expect(head.headers["content-length"]).toBe(get.headers["content-length"]);
  });

  it("says in a problem what is wrong with a request", async () => {
    const at = await start();
    expect(expectProblem(await ask(at, "/api/v2"), 404).detail).toContain("GET /openapi.json");
    const refused = await ask(at, "/metrics", { method: "POST" });
    expectProblem(refused, 405);
    expect(refused.headers.allow).toBe("GET, HEAD");
    expectProblem(await ask(at, "/metrics", { body: "x", headers: { "content-length": "1" } }), 413);
    expectProblem(await ask(at, "/metrics", { headers: Object.fromEntries(Array.from({ length: 80 }, (_, i) => [`x-${i}`, "1"])) }), 431);
  });

  it("shows a problem, and logs the cause, when something inside it fails", async () => {
    const w = world();
    w.ports.rollouts = () => {
      throw new Error("private detail");
    };
    const reply = await ask(await start(w), "/api/v1/status");
    expectProblem(reply, 500);
    expect(reply.body).not.toContain("private");
  });

  it("does not answer a page that reached it by DNS rebinding", async () => {
    const at = await start();
    for (const host of ["evil.example", "evil.example:9901", "127.0.0.1.evil.example", "localhost.evil.example", "user@127.0.0.1"]) {
      expectProblem(await ask(at, "/api/v1/status", { headers: { host } }), 421);
    }
    expect(await raw(at, "GET /api/v1/status HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n")).toMatch(/^HTTP\/1\.1 421 /);
    for (const host of ["localhost:9901", "LOCALHOST", "127.0.0.1", "[::1]:9901", "10.1.2.3:9901", "gate.internal"]) {
      expect((await ask(at, "/healthz", { headers: { host } })).status, host).toBe(200);
    }
  });

  it("lets no other origin read, frame or sniff its answers", async () => {
    const at = await start();
    const { headers } = await ask(at, "/", { headers: { origin: "https://evil.example" } });
    expect(headers["access-control-allow-origin"]).toBeUndefined();
    expect(headers["content-security-policy"]).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
    expect(headers).toMatchObject({ "x-content-type-options": "nosniff", "cache-control": "no-store" });
  });

  it("refuses what is not well-formed or too large, in words, and closes", async () => {
    const at = await start();
    expect(await raw(at, "GET / HTTP/1.1\r\nbad header\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 .*not well-formed/s);
    expect(await raw(at, `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${"y".repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
  });

  it("says which address is taken", async () => {
    const { port } = await start();
    const second = new AdminServer({ ...loopback, port }, world().ports, localAccess("127.0.0.1"), log);
    await expect(second.listen()).rejects.toThrow(`admin.address: 127.0.0.1:${port} is in use`);
  });

  it("does not start where other machines reach it, unless the operator says so", () => {
    for (const host of ["0.0.0.0", "::", "192.168.1.5"]) {
      expect(() => new AdminServer({ ...loopback, host }, world().ports, localAccess("127.0.0.1"), log), host).toThrow(/admin\.address: .*allowRemoteWithoutTls/);
      expect(() => new AdminServer({ ...loopback, host, allowRemoteWithoutTls: true }, world().ports, localAccess("127.0.0.1"), log)).not.toThrow();
    }
    for (const host of ["127.0.0.1", "127.9.9.9", "::1"]) expect(() => new AdminServer({ ...loopback, host }, world().ports, localAccess("127.0.0.1"), log)).not.toThrow();
  });
});
