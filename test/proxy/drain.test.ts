import { describe, expect, it } from "vitest";
import { ask, RawClient } from "../support/raw-client.ts";
import { valueOf } from "../support/raw-messages.ts";
import { startProxy } from "../support/proxy.ts";
import { ok, startUpstream, type Answer } from "../support/raw-upstream.ts";

const get = (path = "/"): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

async function draining(answer: Answer, limits = {}): Promise<{ port: number; stop: () => Promise<number>; upstream: Awaited<ReturnType<typeof startUpstream>> }> {
  const upstream = await startUpstream(answer);
  const proxy = await startProxy([{ variants: { stable: { endpoints: [upstream.id] } } }], { limits });
  return { port: proxy.port, stop: () => proxy.stop(), upstream };
}

describe("a drain", () => {
  it("lets 25 of 25 requests in flight complete, whether their answers have begun or not, and cuts none", async () => {
    const finish: (() => void)[] = [];
    const { port, stop, upstream } = await draining(({ connection: { socket }, nth, body }) => {
      if (nth % 2 === 0 && finish.length % 2 === 0) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf");
      const begun = finish.length % 2 === 0;
      finish.push(() => void socket.write(begun ? "half" : ok(`halfhalf${body}`)));
    });
    const clients = await Promise.all(Array.from({ length: 25 }, () => RawClient.connect(port, get())));
    await upstream.until(() => finish.length === 25);
    const stopped = stop();
    for (const done of finish) done();
    for (const client of clients) {
      expect((await client.response()).body).toBe("halfhalf");
      expect(await client.ended).toBe("clean");
      client.destroy();
    }
    expect(await stopped).toBe(0);
    upstream.stop();
  });

  it("lets an upload in flight complete", async () => {
    const { port, stop, upstream } = await draining((request) => ok(`${request.body.length}`));
    const client = await RawClient.connect(port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
    await upstream.until(() => upstream.received().endsWith("hello"));
    const stopped = stop();
    client.send("world");
    const response = await client.response("POST");
    expect([response.body, valueOf(response, "connection")]).toEqual(["10", "close"]);
    client.destroy();
    expect(await stopped).toBe(0);
    upstream.stop();
  });

  it("closes idle connections, and accepts no new ones", async () => {
    const { port, stop, upstream } = await draining(() => ok());
    const idle = await RawClient.connect(port, get());
    await idle.response();
    expect(await stop()).toBe(0);
    expect(await idle.ended).toBe("clean");
    idle.destroy();
    await expect(RawClient.connect(port)).rejects.toThrow("ECONNREFUSED");
    await upstream.until(() => upstream.open === 0);
    upstream.stop();
  });

  it("says Connection: close during the drain delay, and still serves", async () => {
    const { port, stop, upstream } = await draining(() => ok(), { drainDelayMs: 300 });
    const kept = await RawClient.connect(port, get());
    expect(valueOf(await kept.response(), "connection")).toBeUndefined();
    const stopped = stop();
    kept.send(get());
    expect(valueOf(await kept.response(), "connection")).toBe("close");
    expect(await kept.ended).toBe("clean");
    expect((await ask(port, get())).status).toBe(200);
    kept.destroy();
    expect(await stopped).toBe(0);
    upstream.stop();
  });

  it("cuts at the deadline what is still in flight, tunnels too, and says how many", async () => {
    const { port, stop, upstream } = await draining(({ target, connection: { socket } }) => {
      if (target === "/tunnel") socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    }, { drainTimeoutMs: 200 });
    const tunnel = await RawClient.connect(port, "GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    await tunnel.response();
    const hanging = await RawClient.connect(port, get());
    await upstream.until(() => upstream.requests.length === 2);
    expect(await stop()).toBe(2);
    await Promise.all([tunnel.ended, hanging.ended]);
    expect(hanging.received).toBe("");
    await upstream.until(() => upstream.open === 0);
    tunnel.destroy();
    hanging.destroy();
    upstream.stop();
  });
});
