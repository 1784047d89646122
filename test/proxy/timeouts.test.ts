import { spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { describe, expect, it } from "vitest";
import { ask, RawClient } from "../support/raw-client.ts";
import { ok } from "../support/raw-upstream.ts";
import { expectAtRest, proxyFor, stage } from "../support/stage.ts";

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const codeOf = (body: string): unknown => (JSON.parse(body) as { code: unknown }).code;

describe("a client that is slow", () => {
  it("to send its first request is closed after headTimeoutMs", async () => {
    const { port } = await stage(undefined, {}, { limits: { headTimeoutMs: 150 } });
    const client = await RawClient.connect(port);
    expect(await client.ended).toBe("clean");
    expect(client.received).toBe("");
    client.destroy();
  });

  it("to finish its head gets 408, however steadily it drips", async () => {
    const { port, upstream } = await stage(undefined, {}, { limits: { headTimeoutMs: 300 } });
    const client = await RawClient.connect(port, "GET / HTTP/1.1\r\nHost: a\r\n");
    const drip = setInterval(() => client.send("X: y\r\n"), 20);
    const response = await client.response();
    clearInterval(drip);
    expect(response.status).toBe(408);
    expect(codeOf(response.body)).toBe("head_timeout");
    expect(upstream.connections).toHaveLength(0);
    client.destroy();
  });

  it("to send a further request is closed after keepAliveTimeoutMs", async () => {
    const { port } = await stage(undefined, {}, { limits: { keepAliveTimeoutMs: 150 } });
    const client = await RawClient.connect(port, get);
    expect((await client.response()).status).toBe(200);
    expect(await client.ended).toBe("clean");
    expect(client.rest).toBe("");
    client.destroy();
  });

  it("to close after its last answer is closed for good", async () => {
    const { port, proxy } = await stage();
    const client = await RawClient.connect(port, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(await client.ended).toBe("clean");
    // It never closes its own side.
    await expectAtRest(proxy);
    client.destroy();
  });

  it("to read is cut after idleMs without progress, and frees the service", async () => {
    const { port, proxy, upstream } = await stage(() => ok("x".repeat(40_000_000)), { timeouts: { idleMs: 1_000 } });
    const client = await RawClient.connect(port, get);
    client.socket.pause();
    await upstream.until(() => upstream.connections.length === 1);
    await upstream.connections[0]!.closed;
    client.socket.resume();
    expect(await client.ended).toBe("reset");
    client.destroy();
    await expectAtRest(proxy);
    expect(proxy.own().error("slow_reader")).toBe(1);
    expect(proxy.reader("shop", "stable").error("body_timeout")).toBe(0);
  });
});

describe("a service that is slow", () => {
  it("to answer gives 504 after firstByteMs", async () => {
    const { port, proxy, upstream } = await stage(() => undefined, { timeouts: { firstByteMs: 150 } });
    const response = await ask(port, get);
    expect(response.status).toBe(504);
    expect(codeOf(response.body)).toBe("first_byte_timeout");
    await upstream.connections[0]!.closed;
    await expectAtRest(proxy);
    expect(proxy.reader("shop", "stable").error("first_byte_timeout")).toBe(1);
  });

  it("to go on with its answer resets the client after idleMs", async () => {
    const { port, proxy } = await stage(() => "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello", { timeouts: { idleMs: 150 } });
    const client = await RawClient.connect(port, get);
    expect(await client.ended).toBe("reset");
    client.destroy();
    await expectAtRest(proxy);
    expect(proxy.reader("shop", "stable").error("body_timeout")).toBe(1);
  });

  it("to take a request's body gives 504 after idleMs, and is not the client's fault", async () => {
    const { port, proxy } = await stage(undefined, { timeouts: { idleMs: 200 } }, { onConnection: ({ socket }) => void socket.pause() });
    const client = await RawClient.connect(port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40000000\r\n\r\n");
    client.send(Buffer.alloc(40_000_000));
    const response = await client.response("POST");
    expect(response.status).toBe(504);
    expect(codeOf(response.body)).toBe("body_timeout");
    client.destroy();
    await expectAtRest(proxy);
    expect(proxy.reader("shop", "stable").error("body_timeout")).toBe(1);
  });

  it("in all gives 504 after totalMs, or a reset where its answer has begun", async () => {
    const { port, proxy } = await stage((request) => {
      if (request.target === "/begun") request.connection.socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello");
    }, { timeouts: { totalMs: 150 } });
    expect((await ask(port, get)).status).toBe(504);
    const client = await RawClient.connect(port, get.replace("/", "/begun"));
    expect(await client.ended).toBe("reset");
    client.destroy();
    await expectAtRest(proxy);
    expect(proxy.reader("shop", "stable").error("total_timeout")).toBe(2);
  });

  it("to accept gives 504 after connectMs, and where nobody listens it is a 502 at once", async () => {
    // A stopped process with a full backlog: its kernel answers no further SYN.
    const program = `require("node:net").createServer().listen({ host: "127.0.0.1", port: 0, backlog: 1 }, function () { process.send(this.address().port); })`;
    const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const [full] = (await once(child, "message")) as [number];
    child.kill("SIGSTOP");
    const fillers = Array.from({ length: 2 }, () => net.connect(full, "127.0.0.1"));
    await Promise.all(fillers.map((filler) => once(filler, "connect")));
    const proxy = await proxyFor([
      { name: "nobody", match: { hosts: ["nobody"], path: { kind: "prefix", value: "/" }, methods: [], headers: [] }, variants: { stable: { endpoints: ["http://127.0.0.1:1"] } } },
      { name: "slow", variants: { stable: { endpoints: [`http://127.0.0.1:${full}`] } }, timeouts: { connectMs: 150 } },
    ]);
    const slow = await ask(proxy.port, get);
    expect([slow.status, codeOf(slow.body)]).toEqual([504, "connect_timeout"]);
    const refused = await ask(proxy.port, get.replace("Host: a", "Host: nobody"));
    expect([refused.status, codeOf(refused.body)]).toEqual([502, "connect_failed"]);
    for (const filler of fillers) filler.destroy();
    child.kill("SIGKILL");
    await expectAtRest(proxy);
  });
});
