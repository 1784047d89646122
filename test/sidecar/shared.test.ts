import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { Agent, get } from "node:http";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import { ebbgate, Fleet } from "../support/fleet.ts";
import { Relay } from "../support/relay.ts";
import { hasRedis, RedisServer, until as untilWithin } from "../support/redis.ts";
import { loadConfiguration } from "../../src/config/load.ts";
import type { Configuration } from "../../src/config/definition.ts";
import { openStore } from "../../src/store/open-store.ts";
import { SharedConfiguration } from "../../src/shared-configuration.ts";
import type { SidecarProcess } from "../support/sidecar.ts";

/** Real processes start and stop in each test, on a machine that others use as well, and wait for each other: several tests at once, each with a Redis of its own. */
vi.setConfig({ testTimeout: 120_000, maxConcurrency: 3 });

/** Asks often enough, and waits as long as a machine takes that others use as well. */
const until = (holds: () => Promise<boolean> | boolean): Promise<void> => untilWithin(holds, 60_000, 50);

const key = "ebbgate:{shop}:config";

/** Of one test. @param atEnd of the test */
async function scene(atEnd: (end: () => Promise<void>) => void) {
  const fleet = new Fleet();
  atEnd(() => fleet.clear());
  const redis = await RedisServer.start();
  atEnd(() => redis.stop());
  const [v1, v2] = [await fleet.service("v1"), await fleet.service("v2")];
  return {
    fleet, redis, v1, v2,
    routes: (weight: number, revision?: number): string => `${revision === undefined ? "" : `revision: ${revision}\n`}routes:
  - name: shop
    cohort: { key: ["header:x-user"] }
    variants:
      - { name: v1, endpoints: ["${v1}"] }
      - { name: v2, endpoints: ["${v2}"], weight: ${weight} }
`,
    /** As `redis-cli SET` and `redis-cli PUBLISH` do. */
    byHand: async (text: string, publish = true): Promise<void> => {
      await redis.command("SET", key, text);
      if (publish) await redis.command("PUBLISH", key, "look");
    },
  };
}

const weightOf = async (sidecar: SidecarProcess): Promise<number | undefined> => (await sidecar.status()).routes[0]?.variants[1]?.weight;
const expectWeight = (sidecar: SidecarProcess, weight: number): Promise<void> => until(async () => (await weightOf(sidecar)) === weight);
const readyz = async (sidecar: SidecarProcess): Promise<number> => (await fetch(`${sidecar.admin}/readyz`)).status;

/** Between an answer and the next request of a connection: a thousand requests a second in all are load enough. */
const pauseMs = 5;

/** Requests one after the other on several connections, until it is stopped. @returns what was not a good answer */
function load(sidecar: SidecarProcess): { readonly stop: () => Promise<{ readonly sent: number; readonly failed: string[] }>; readonly sentMore: (more: number) => Promise<void> } {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const failed: string[] = [];
  let sent = 0;
  let running = true;
  const worker = async (user: number): Promise<void> => {
    while (running) {
      sent++;
      try {
        const request = get(sidecar.proxy, { agent, headers: { "x-user": `user-${(user += 8)}` }, timeout: 20_000 });
        request.on("timeout", () => request.destroy(new Error("timeout")));
        const [response] = (await once(request, "response")) as [import("node:http").IncomingMessage];
        response.resume();
        await once(response, "end");
        if (response.statusCode !== 200) failed.push(String(response.statusCode));
      } catch (error) {
        failed.push(String(error));
      }
      await delay(pauseMs);
    }
  };
  const workers = Array.from({ length: 8 }, (_, user) => worker(user));
  return {
    sentMore: (more) => {
      const goal = sent + more;
      return until(() => sent >= goal);
    },
    stop: async () => {
      running = false;
      await Promise.all(workers);
      agent.destroy();
      return { sent, failed };
    },
  };
}

describe.skipIf(!hasRedis).concurrent("a fleet that reads its configuration from Redis", () => {
  it("is not ready before the first document, and takes it when it comes", async ({ onTestFinished: atEnd }) => {
    const { fleet, redis, routes, byHand } = await scene(atEnd);
    const sidecar = await fleet.sidecar("a", redis.port);
    expect(await readyz(sidecar)).toBe(503);
    await byHand(routes(5));
    await until(async () => (await readyz(sidecar)) === 200);
    expect(await weightOf(sidecar)).toBe(5);
  });

  it("takes what redis-cli SET and PUBLISH wrote, as YAML and as JSON, without losing a request", async ({ onTestFinished: atEnd }) => {
    const { fleet, redis, v1, v2, routes, byHand } = await scene(atEnd);
    await byHand(routes(5));
    const sidecars = [await fleet.sidecar("a", redis.port), await fleet.sidecar("b", redis.port)];
    for (const sidecar of sidecars) await expectWeight(sidecar, 5);
    const traffic = load(sidecars[0]!);
    await byHand(JSON.stringify({ routes: [{ name: "shop", variants: [{ name: "v1", endpoints: [v1] }, { name: "v2", endpoints: [v2], weight: 20 }] }] }));
    for (const sidecar of sidecars) await expectWeight(sidecar, 20);
    await byHand(routes(30));
    for (const sidecar of sidecars) await expectWeight(sidecar, 30);
    await traffic.sentMore(200);
    expect((await traffic.stop()).failed).toEqual([]);
    // Whoever noticed a document first put it into the history; the others did not put it there again.
    await until(async () => (await redis.command("LLEN", `${key}:history`)) === 3);
  });

  it("finds a document that nobody published, after a look of its own", async ({ onTestFinished: atEnd }) => {
    const { fleet, redis, routes, byHand } = await scene(atEnd);
    await byHand(routes(5));
    const sidecar = await fleet.sidecar("a", redis.port);
    await expectWeight(sidecar, 5);
    await byHand(routes(10), false);
    await expectWeight(sidecar, 10);
  });

  it("refuses an invalid document whole: the reason is in the log, the status, the metrics and on the event channel", async ({ onTestFinished: atEnd }) => {
    const { fleet, redis, routes, byHand } = await scene(atEnd);
    await byHand(routes(5));
    const sidecar = await fleet.sidecar("a", redis.port);
    await expectWeight(sidecar, 5);
    const listener = await RedisListener.open(redis.port, `${key}:events`);
    await byHand(routes(5).replace("weight", "wieght"));
    const line = await sidecar.line(({ msg }) => msg.includes("is refused"));
    const reason = /config:6:\d+: routes\[0\]\.variants\[1\]\.wieght: is not a known key\. Did you mean 'weight'/;
    expect(JSON.stringify(line)).toMatch(reason);
    const { configuration } = await sidecar.status();
    expect(configuration).toMatchObject({ lastLoadOk: false, refusals: 1 });
    expect(configuration.lastRefusal!.detail).toMatch(reason);
    expect(await (await fetch(`${sidecar.admin}/metrics`)).text()).toContain("ebbgate_config_refusals_total 1");
    const event = JSON.parse(await listener.next()) as { problems: string[] };
    expect(event).toMatchObject({ event: "refused", instance: "a" });
    expect(event.problems[0]).toMatch(reason);
    listener.close();
    expect(await weightOf(sidecar)).toBe(5);
    // The good one again is good news.
    await byHand(routes(5));
    await until(async () => (await sidecar.status()).configuration.lastLoadOk);
  });

  it("says of a key that is not text what is the matter, runs on, and puts back what runs when it is deleted", async ({ onTestFinished: atEnd }) => {
    const { fleet, redis, routes, byHand } = await scene(atEnd);
    await byHand(routes(5));
    const sidecar = await fleet.sidecar("a", redis.port);
    await expectWeight(sidecar, 5);
    await redis.command("DEL", key);
    await redis.command("LPUSH", key, "text");
    await redis.command("PUBLISH", key, "look");
    await sidecar.line(({ msg, ...line }) => msg.startsWith("The configuration is refused") && String(line["problems"]).includes(`${key}: is not a string, or its history not a list. Delete ${key}`));
    expect(await weightOf(sidecar)).toBe(5);
    await redis.command("DEL", key);
    await redis.command("PUBLISH", key, "look");
    await until(async () => (await redis.command("GET", key)) === routes(5));
  });

  it("refuses a stale document by its revision, and takes a newer one", async ({ onTestFinished: atEnd }) => {
    const { fleet, redis, routes, byHand } = await scene(atEnd);
    await byHand(routes(5, 7));
    const sidecar = await fleet.sidecar("a", redis.port);
    await until(async () => (await redis.command("LLEN", `${key}:history`)) === 1);
    await byHand(routes(9, 6));
    await until(async () => (await sidecar.status()).configuration.refusals === 1);
    expect((await sidecar.status()).configuration.lastRefusal!.detail).toContain("is revision 6, older than revision 7 that runs. Give it a revision above 7");
    expect(await weightOf(sidecar)).toBe(5);
    await byHand(routes(12, 8));
    await expectWeight(sidecar, 12);
  });

  it("is configured, and rolled back, by one command each", async ({ onTestFinished: atEnd }) => {
    const { fleet, redis, routes } = await scene(atEnd);
    const place = fleet.place("a", redis.port);
    const sidecar = await place.start();
    const file = join(place.directory, "routes.yaml");
    const apply = (weight: number): Promise<Awaited<ReturnType<typeof ebbgate>>> => {
      writeFileSync(file, routes(weight));
      return ebbgate(place.directory, "apply", "-f", "routes.yaml", "--config", "ebbgate.json", "--reason", `to ${weight}`);
    };
    expect(await apply(5)).toEqual({ code: 0, stdout: "routes.yaml: published as revision 1\ntaken by 1 sidecar: a\n", stderr: "" });
    expect(await apply(40)).toMatchObject({ code: 0, stdout: expect.stringContaining("revision 2") as string });
    await expectWeight(sidecar, 40);
    expect(await ebbgate(place.directory, "rollback-config", "--config", "ebbgate.json")).toMatchObject({ code: 0, stdout: expect.stringContaining("(revision 1) is published again, as revision 3\ntaken by 1 sidecar: a") as string });
    await expectWeight(sidecar, 5);
    const listed = await ebbgate(place.directory, "rollback-config", "--list", "--store", `redis://127.0.0.1:${redis.port}`, "--namespace", "shop");
    expect(listed.stdout.split("\n").map((line) => line.replace(/^ *(\d+) .*Z {2}/, "$1 "))).toEqual([
      expect.stringMatching(/^0 revision 3 +rolledBack by \S+@\S+$/) as string, expect.stringMatching(/^1 revision 2 +applied by .*: to 40$/) as string, expect.stringMatching(/^2 revision 1 +applied by .*: to 5$/) as string, "",
    ]);
    expect(await ebbgate(place.directory, "rollback-config", "9", "--config", "ebbgate.json")).toMatchObject({ code: 1, stderr: expect.stringContaining("the history holds 3") as string });
  });

  it("takes nothing that apply refuses, and says when Redis is away", async ({ onTestFinished: atEnd }) => {
    const { fleet, redis, routes } = await scene(atEnd);
    const place = fleet.place("a", redis.port);
    writeFileSync(join(place.directory, "routes.yaml"), routes(5).replace("routes:", "rotues:"));
    expect(await ebbgate(place.directory, "apply", "-f", "routes.yaml", "-c", "ebbgate.json")).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("routes.yaml:1:1: rotues: is not a known key. Did you mean 'routes'?") as string });
    expect(await redis.command("EXISTS", key)).toBe(0);
    writeFileSync(join(place.directory, "routes.yaml"), routes(5));
    expect(await ebbgate(place.directory, "apply", "-f", "routes.yaml", "-c", "ebbgate.json", "--dry-run")).toMatchObject({ code: 0, stdout: "routes.yaml: good, and would be revision 1\n" });
    await redis.kill();
    expect(await ebbgate(place.directory, "apply", "-f", "routes.yaml", "-c", "ebbgate.json")).toMatchObject({ code: 3, stderr: expect.stringContaining("Redis cannot be reached") as string });
  });

  it("fails static: with Redis gone for good a restart serves the last good snapshot from the disk, and takes the next when Redis is back", async ({ onTestFinished: atEnd }) => {
    const { fleet, redis, routes, byHand } = await scene(atEnd);
    await byHand(routes(5, 3));
    const place = fleet.place("a", redis.port);
    const first = await place.start();
    await expectWeight(first, 5);
    const answers = (sidecar: SidecarProcess): Promise<string[]> => Promise.all(Array.from({ length: 100 }, async (_, user) => (await fetch(sidecar.proxy, { headers: { "x-user": `u${user}` } })).text()));
    const before = await answers(first);
    await redis.kill();
    expect(await first.stop()).toBe(0);
    const second = await place.start();
    expect(await readyz(second)).toBe(200);
    expect(await answers(second)).toEqual(before);
    expect(second.lines.some(({ msg }) => msg.includes("the last good one from this machine's disk serves"))).toBe(true);
    await redis.start();
    await byHand(routes(50, 4));
    await expectWeight(second, 50);
  });

  it("gives a Redis that came back empty what it had lost", async ({ onTestFinished: atEnd }) => {
    const { fleet, redis, routes, byHand } = await scene(atEnd);
    await byHand(routes(5, 3));
    const sidecar = await fleet.sidecar("a", redis.port);
    await expectWeight(sidecar, 5);
    await redis.restart();
    await until(async () => (await redis.command("GET", key)) === routes(5, 3));
    expect(await weightOf(sidecar)).toBe(5);
    expect((await sidecar.status()).configuration.refusals).toBe(0);
    await expectWeight(await fleet.sidecar("late", redis.port), 5);
  });

  it("joins late, and runs what the others run, although a bad or stale document is in its place", async ({ onTestFinished: atEnd }) => {
    const { fleet, redis, routes, byHand } = await scene(atEnd);
    await byHand(routes(5, 7));
    const first = await fleet.sidecar("a", redis.port);
    await until(async () => (await redis.command("LLEN", `${key}:history`)) === 1);
    for (const [instance, bad] of [["b", routes(9, 7).replace("weight", "wieght")], ["c", routes(9, 6)]] as const) {
      await byHand(bad);
      const late = await fleet.sidecar(instance, redis.port);
      await until(async () => (await readyz(late)) === 200);
      expect(await weightOf(late)).toBe(5);
      await until(async () => (await late.status()).configuration.refusals > 0);
    }
    expect(await weightOf(first)).toBe(5);
  });

  it("takes a document in the end although every hint is lost on the network", async ({ onTestFinished: atEnd }) => {
    const { fleet, redis, routes, byHand } = await scene(atEnd);
    await byHand(routes(5));
    const network = await Relay.open(redis.port);
    network.filter = (piece) => (piece.includes("message") ? "drop" : piece);
    const sidecar = await fleet.sidecar("a", network.port);
    await byHand(routes(15));
    await expectWeight(sidecar, 15);
    await network.close();
  });
});

describe.skipIf(!hasRedis).concurrent("PITFALLS 27", () => {
  it("no Redis call on the request path: what Redis is asked does not grow with what users ask", async ({ onTestFinished: atEnd }) => {
    const { fleet, redis, routes, byHand } = await scene(atEnd);
    await byHand(routes(50, 1));
    const sidecar = await fleet.sidecar("a", redis.port);
    const commands = async (): Promise<number> => Number(/total_commands_processed:(\d+)/.exec(String(await redis.command("INFO", "stats")))![1]);
    await expectWeight(sidecar, 50);
    const before = await commands();
    const traffic = load(sidecar);
    await traffic.sentMore(4_000);
    const { failed } = await traffic.stop();
    expect(failed).toEqual([]);
    // Ten reports and a few heartbeats a second, however many requests there are.
    expect((await commands()) - before).toBeLessThan(2_000);
  });

  it("full re-read after reconnect: what was published meanwhile is taken, without a hint and without waiting for a look", async ({ onTestFinished: atEnd }) => {
    const { fleet, redis, routes, byHand } = await scene(atEnd);
    await byHand(routes(5, 1));
    const network = await Relay.open(redis.port);
    const place = fleet.place("a", network.port);
    const loaded = await loadConfiguration(join(place.directory, "ebbgate.json"), {});
    if (!loaded.ok) throw new Error(loaded.problems.map(({ message }) => message).join());
    const { store, shared } = await openStore(loaded.value.bootstrap.store, () => undefined);
    const following = new SharedConfiguration({ document: shared!.document, configuration: loaded.value, cache: shared!.cache.slot("configuration"), random: Math.random, warn: () => undefined, lookMs: 3_600_000 });
    try {
      const taken: (number | null | undefined)[] = [];
      const weight = ({ dynamic }: Configuration): number | null | undefined => dynamic.routes[0]?.variants[1]?.weight;
      expect(weight(await following.first())).toBe(5);
      following.follow({ onDocument: (document) => void taken.push(weight(document)), onRefused: () => undefined });
      network.reset();
      network.partition();
      await until(() => !store.reachable);
      await byHand(routes(30, 2));
      network.heal();
      await until(() => taken.at(-1) === 30);
    } finally {
      following.close();
      await store.close();
      await network.close();
    }
  });

  const faults: [string, (work: { readonly network: Relay; readonly redis: RedisServer }) => Promise<void>][] = [
    ["SIGSTOP", async ({ redis }) => redis.pause()],
    ["kill -9", ({ redis }) => redis.kill()],
    ["a partition", async ({ network }) => network.partition()],
    ["a link of 400 ms", async ({ network }) => void (network.delayMs = 400)],
    ["a restart with empty data", ({ redis }) => redis.restart()],
  ];
  it.for(faults)("Redis meets %s under load: 0 failed requests, and what is published afterwards is taken", async ([name, fault], { onTestFinished: atEnd }) => {
    const { fleet, redis, routes, byHand } = await scene(atEnd);
    await byHand(routes(50, 1));
    const network = await Relay.open(redis.port);
    const place = fleet.place("a", network.port);
    const sidecar = await place.start();
    await expectWeight(sidecar, 50);
    const traffic = load(sidecar);
    await traffic.sentMore(500);
    await fault({ network, redis });
    await traffic.sentMore(800);
    expect(await weightOf(sidecar)).toBe(50);
    if (name === "SIGSTOP" || name === "kill -9" || name === "a partition") {
      await sidecar.line(({ msg }) => msg.startsWith("The store cannot be reached"));
      await until(async () => (await (await fetch(`${sidecar.admin}/metrics`)).text()).includes("ebbgate_store_reachable 0"));
    }
    redis.resume();
    network.heal();
    network.delayMs = 0;
    await redis.command("PING").catch(() => redis.start());
    await byHand(routes(25, 2));
    await expectWeight(sidecar, 25);
    const { sent, failed } = await traffic.stop();
    expect(failed).toEqual([]);
    expect(sent).toBeGreaterThan(1_300);
    await network.close();
  });
});

/** Messages of one channel. */
class RedisListener {
  private readonly messages: string[] = [];
  private wake: () => void = () => undefined;
  private readonly end: () => void;

  private constructor(end: () => void) {
    this.end = end;
  }

  static async open(port: number, channel: string): Promise<RedisListener> {
    const { Redis } = await import("ioredis");
    const client = new Redis({ port, host: "127.0.0.1", retryStrategy: null });
    client.on("error", () => undefined);
    const listener = new RedisListener(() => client.disconnect());
    client.on("message", (_: string, message: string) => {
      listener.messages.push(message);
      listener.wake();
    });
    await client.subscribe(channel);
    return listener;
  }

  async next(): Promise<string> {
    while (this.messages.length === 0) await new Promise<void>((resolve) => (this.wake = resolve));
    return this.messages.shift()!;
  }

  close(): void {
    this.end();
  }
}
