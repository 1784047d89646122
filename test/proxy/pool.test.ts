import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { counters } from "../../src/observe/layout.ts";
import { ask, RawClient } from "../support/raw-client.ts";
import { ok, startUpstream } from "../support/raw-upstream.ts";
import { eventually, expectAtRest, proxyFor, stage, upstreamFor } from "../support/stage.ts";

const get = (path = "/"): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const post = (length: number): string => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n${"x".repeat(length)}`;

describe("a full pool", () => {
  const held = (): { answers: (() => void)[]; answer: Parameters<typeof stage>[0] } => {
    const answers: (() => void)[] = [];
    return { answers, answer: (request) => void answers.push(() => void request.connection.socket.write(ok(request.target))) };
  };

  it("lets requests wait, and serves them in their order as connections come free", async () => {
    const { answers, answer } = held();
    const { port, proxy, upstream } = await stage(answer, { limits: { connectionsPerEndpointMax: 1 } });
    const clients: RawClient[] = [];
    for (let i = 0; i < 6; i++) {
      clients.push(await RawClient.connect(port, get(`/${i}`)));
      await eventually(() => {
        const reader = proxy.reader("shop", "stable");
        reader.refresh();
        return reader.counter(counters.inFlight) === i + 1;
      }, "the request is under way");
    }
    for (let i = 0; i < 6; i++) {
      // One connection: requests on two of them could overtake each other on their way to this service.
      await upstream.until(() => answers.length > i);
      answers[i]!();
    }
    for (const [i, client] of clients.entries()) {
      expect((await client.response()).body).toBe(`/${i}`);
      client.destroy();
    }
    expect(upstream.requests.map(({ target }) => target)).toEqual(["/0", "/1", "/2", "/3", "/4", "/5"]);
    expect(upstream.connections).toHaveLength(1);
  });

  it("holds a waiting upload back, then passes it on whole", async () => {
    const { answers, answer } = held();
    const { port, upstream } = await stage(answer, { limits: { connectionsPerEndpointMax: 1 } });
    const first = await RawClient.connect(port, get("/first"));
    await upstream.until(() => answers.length === 1);
    const second = await RawClient.connect(port, post(300_000));
    const third = await RawClient.connect(port, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    answers[0]!();
    expect((await first.response()).body).toBe("/first");
    await upstream.until(() => answers.length === 2);
    answers[1]!();
    await upstream.until(() => answers.length === 3);
    answers[2]!();
    expect((await second.response()).status).toBe(200);
    expect((await third.response()).status).toBe(200);
    expect(upstream.requests.map(({ body }) => body.length).toSorted((a, b) => a - b)).toEqual([0, 5, 300_000]);
    for (const client of [first, second, third]) client.destroy();
  });

  it("answers 503 to what has waited for pendingMs, and at once beyond pendingPerEndpointMax", async () => {
    const { port, proxy, upstream } = await stage(() => undefined, { limits: { connectionsPerEndpointMax: 1, pendingPerEndpointMax: 2 }, timeouts: { pendingMs: 200 } });
    const busy = await RawClient.connect(port, get());
    await upstream.until(() => upstream.requests.length === 1);
    const answers = await Promise.all([ask(port, get()), ask(port, get()), ask(port, get()), ask(port, post(10))]);
    expect(answers.map(({ status }) => status)).toEqual([503, 503, 503, 503]);
    busy.destroy();
    await expectAtRest(proxy);
    expect(proxy.reader("shop", "stable").error("pool_full")).toBe(4);
    expect(upstream.requests).toHaveLength(1);
  });

  it("forgets a waiting request whose client has gone", async () => {
    const { answers, answer } = held();
    const { port, proxy, upstream } = await stage(answer, { limits: { connectionsPerEndpointMax: 1 } });
    const busy = await RawClient.connect(port, get("/busy"));
    await upstream.until(() => answers.length === 1);
    const gone = await RawClient.connect(port, get("/gone"));
    const reader = proxy.reader("shop", "stable");
    const inFlight = (n: number) => (): boolean => {
      reader.refresh();
      return reader.counter(counters.inFlight) === n;
    };
    await eventually(inFlight(2), "both are under way");
    gone.socket.resetAndDestroy();
    await eventually(inFlight(1), "one is forgotten");
    answers[0]!();
    await busy.response();
    busy.destroy();
    expect(upstream.requests.map(({ target }) => target)).toEqual(["/busy"]);
  });

  it("does not hang a healthy request behind 200 slow readers", async () => {
    const { port, proxy } = await stage((request) => ok(request.target === "/big" ? "x".repeat(4_000_000) : "healthy"));
    const readers = await Promise.all(Array.from({ length: 200 }, () => RawClient.connect(port, get("/big"))));
    for (const client of readers) client.socket.pause();
    expect((await ask(port, get("/ok"))).body).toBe("healthy");
    for (const client of readers) client.destroy();
    await expectAtRest(proxy);
  });
});

describe("endpoints", () => {
  it("are chosen by least in-flight of two: a slow one gets less", async () => {
    const slow = await upstreamFor(({ connection: { socket } }) => void setTimeout(() => socket.write(ok("slow")), 30));
    const fast = await upstreamFor(() => ok("fast"));
    const proxy = await proxyFor([{ name: "shop", variants: { stable: { endpoints: [slow.id, fast.id] } } }]);
    const counts = { slow: 0, fast: 0 };
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const client = await RawClient.connect(proxy.port);
        for (let i = 0; i < 20; i++) {
          client.send(get());
          counts[(await client.response()).body as "slow" | "fast"]++;
        }
        client.destroy();
      }),
    );
    expect(counts.slow + counts.fast).toBe(400);
    expect(counts.slow).toBeGreaterThan(0);
    expect(counts.fast).toBeGreaterThan(counts.slow * 2);
  });

  it("share evenly while they are alike", async () => {
    const all = await Promise.all(["a", "b", "c"].map((name) => upstreamFor(() => ok(name))));
    const proxy = await proxyFor([{ name: "shop", variants: { stable: { endpoints: all.map(({ id }) => id) } } }]);
    const client = await RawClient.connect(proxy.port);
    for (let i = 0; i < 600; i++) {
      client.send(get());
      await client.response();
    }
    client.destroy();
    for (const { requests } of all) expect(requests.length).toBeGreaterThan(130);
  });

  it("that fail five times in a row are left out for a while, so that users see no more of it", async () => {
    const good = await upstreamFor(() => ok("good"));
    const proxy = await proxyFor([{ name: "shop", variants: { stable: { endpoints: [good.id, "http://127.0.0.1:1"] } } }]);
    const statuses: number[] = [];
    for (let i = 0; i < 100; i++) statuses.push((await ask(proxy.port, get())).status);
    const failed = statuses.filter((status) => status === 502).length;
    // Five for an ejection of 1 s; a machine slow enough to need more than that for 100 requests may see a second one.
    expect(failed).toBeGreaterThanOrEqual(5);
    expect(failed).toBeLessThanOrEqual(10);
    await expectAtRest(proxy);
    expect(proxy.reader("shop", "stable").error("connect_failed")).toBe(failed);
  });

  it("that are all out are tried all the same by the baseline", async () => {
    const dead = await startUpstream();
    const port = Number(new URL(dead.id).port);
    const proxy = await proxyFor([{ name: "shop", variants: { stable: { endpoints: [dead.id] } } }]);
    dead.stop();
    for (let i = 0; i < 10; i++) expect((await ask(proxy.port, get())).status).toBe(502);
    const alive = await upstreamFor(() => ok("back"), { port });
    expect((await ask(proxy.port, get())).body).toBe("back");
    expect(alive.requests).toHaveLength(1);
  });

  it("that a health check calls unhealthy get nothing, until it calls them healthy", async () => {
    const [one, other] = [await upstreamFor(() => ok("one")), await upstreamFor(() => ok("other"))];
    const proxy = await proxyFor([{ name: "shop", variants: { stable: { endpoints: [one.id, other.id] } } }]);
    proxy.threads.sendHealth(one.id, false);
    for (let i = 0; i < 50; i++) expect((await ask(proxy.port, get())).body).toBe("other");
    proxy.threads.sendHealth(one.id, true);
    for (let i = 0; i < 50; i++) await ask(proxy.port, get());
    expect(one.requests.length).toBeGreaterThan(5);
  });

  it("may be unix sockets", async () => {
    const path = join(tmpdir(), `ebbgate-test-${process.pid}.sock`);
    const upstream = await upstreamFor((request) => ok(`${request.target} ${request.body}`), { path });
    const proxy = await proxyFor([{ name: "shop", variants: { stable: { endpoints: [upstream.id] } } }]);
    const client = await RawClient.connect(proxy.port, get("/1") + post(3));
    expect((await client.response()).body).toBe("/1 ");
    expect((await client.response()).body).toBe("/ xxx");
    client.destroy();
    expect(upstream.connections).toHaveLength(1);
  });

  it("that a snapshot no longer names finish what they do, and are closed", async () => {
    let answer: () => void = () => {};
    const { port, proxy, upstream } = await stage((request) => {
      if (request.target === "/quick") return ok();
      answer = (): void => void request.connection.socket.write(ok("finished"));
      return undefined;
    });
    const client = await RawClient.connect(port, get("/slow"));
    await ask(port, get("/quick"));
    const other = await upstreamFor(() => ok("other"));
    await proxy.publish([{ name: "shop", variants: { stable: { endpoints: [other.id] } } }]);
    expect((await ask(port, get())).body).toBe("other");
    await upstream.until(() => upstream.open === 1);
    answer();
    expect((await client.response()).body).toBe("finished");
    await upstream.until(() => upstream.open === 0);
    client.destroy();
  });
});
