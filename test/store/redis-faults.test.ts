import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import type { RedisSettings } from "../../src/config/definition.ts";
import { seededRandom } from "../../src/core/random.ts";
import { backoffFirstMs, backoffMs, backoffMsMax } from "../../src/store/redis/backoff.ts";
import { RedisStore } from "../../src/store/redis/redis-store.ts";
import { Relay } from "../support/relay.ts";
import { hasRedis, RedisServer, redisSettings, startSentinels, until } from "../support/redis.ts";

/** What a test starts ends with it. They wait most of the time, each for servers of its own: so several run at once. */
vi.setConfig({ maxConcurrency: 4 });

/** @param atEnd of the test */
const things = (atEnd: (end: () => Promise<void>) => void) => ({
  server: async (args: readonly string[] = []): Promise<RedisServer> => {
    const started = await RedisServer.start({ args });
    atEnd(() => started.stop());
    return started;
  },
  open: async (port: number, changes: Partial<RedisSettings> = {}, warn: (message: string) => void = () => undefined): Promise<RedisStore> => {
    const store = await RedisStore.open({ settings: redisSettings(port, { commandTimeoutMs: 1_000, ...changes }), warn });
    atEnd(() => store.close());
    return store;
  },
  relay: async (port: number): Promise<Relay> => {
    const opened = await Relay.open(port);
    atEnd(() => opened.close());
    return opened;
  },
  sentinels: async (): ReturnType<typeof startSentinels> => {
    const started = await startSentinels();
    for (const one of [started.master, started.replica, ...started.sentinels]) atEnd(() => one.stop());
    return started;
  },
});

const reachableAgain = (store: RedisStore): Promise<void> => until(() => store.reachable);
/** Resolves when a watch works; `again` when it then says that everything is to be read again. */
async function watching(store: RedisStore): Promise<{ readonly again: Promise<void> }> {
  const [works, again] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let gaps = 0;
  store.watch("", (key) => {
    if (key === undefined) (++gaps === 1 ? works : again).resolve();
  });
  await works.promise;
  return { again: again.promise };
}
const live = (store: RedisStore): Promise<void> => new Promise((resolve) => store.watch("", (key) => key === undefined && resolve()));
const unavailable = { code: "unavailable" };

/** What every outage has to leave as it was: one document, one record for each decision, and a chain that verifies. */
async function expectWhole(store: RedisStore, decisions: number): Promise<void> {
  const records = await store.audit(1, 1_000);
  expect(records.map(({ record }) => (record as { n: number }).n)).toEqual(Array.from({ length: decisions }, (_, index) => index + 1));
}

/** Decides `n`, and asks again until it is written: as the state writer does. */
async function decide(store: RedisStore, n: number): Promise<void> {
  for (;;) {
    try {
      const revision = (await store.get("rollout"))?.revision ?? 0;
      if ((await store.put("rollout", { n }, revision, { id: `d${n}`, audit: [{ record: { n }, id: `d${n}` }] })) !== undefined) return;
    } catch {
      await until(() => store.reachable);
    }
  }
}

test("reconnect with jittered backoff: waits between attempts grow, are bounded, and differ between sidecars", () => {
  const [a, b] = [seededRandom(1), seededRandom(2)];
  const waits = Array.from({ length: 12 }, (_, index) => [backoffMs(index + 1, a), backoffMs(index + 1, b)] as const);
  for (const [index, pair] of waits.entries()) {
    const ceiling = Math.min(backoffMsMax, backoffFirstMs * 2 ** index);
    for (const wait of pair) expect(wait >= Math.floor(ceiling / 2) && wait <= ceiling).toBe(true);
  }
  expect(waits.slice(3).every(([x, y]) => x !== y)).toBe(true);
});

test.concurrent("reconnect with jittered backoff: of both connections, each attempt waits a random time that grows, and neither gives up", async ({ onTestFinished: atEnd }) => {
  // Whoever connects is turned away at once.
  const door = createServer((socket) => void socket.destroy());
  door.listen(0, "127.0.0.1");
  await once(door, "listening");
  atEnd(() => void door.close());
  let attempts = 0;
  const many = Promise.withResolvers<void>();
  door.on("connection", () => void (++attempts === 12 && many.resolve()));
  const drawn: number[] = [];
  const random = seededRandom(3);
  // Drawn for nothing else before there is a connection.
  const store = await RedisStore.open({ settings: redisSettings((door.address() as AddressInfo).port), random: () => (drawn.push(random()), drawn.at(-1)!) });
  atEnd(() => store.close());
  await many.promise;
  expect(store.reachable).toBe(false);
  // The first attempt of each connection waits for nothing; all others drew their own wait.
  expect(drawn.length).toBeGreaterThanOrEqual(attempts - 2);
});

describe.skipIf(!hasRedis).concurrent("with a real Redis", () => {
  test("no offline queue: without a connection a command is refused at once, and never sent later", async ({ onTestFinished: atEnd }) => {
    const { server, open } = things(atEnd);
    const redis = await server();
    const store = await open(redis.port);
    await redis.kill();
    await until(() => !store.reachable);
    // Not "no answer within 1000 ms": it did not wait for one.
    await expect(store.put("a", "late", 0)).rejects.toMatchObject({ ...unavailable, message: "Redis failed: there is no connection" });
    await redis.start();
    await reachableAgain(store);
    expect(await store.get("a")).toBeUndefined();
  });

  test("every command has a timeout: a Redis that is stopped answers nothing, and nobody waits for it", async ({ onTestFinished: atEnd }) => {
    const { server, open } = things(atEnd);
    const redis = await server();
    const store = await open(redis.port);
    await store.put("a", 1, 0);
    redis.pause();
    const asked = [store.get("a"), store.put("a", 2, 1), store.append({}), store.keys(""), store.lease("l", "h", 1_000), store.leaseOf("l"), store.publish("c", "m"), store.ephemeral("g"), store.setEphemeral("g", "n", 1, 1_000), store.audit(1, 1), store.renew("l", 1, 1_000), store.release("l", 1), store.remove("a", 1)];
    for (const outcome of await Promise.allSettled(asked)) expect(outcome).toMatchObject({ status: "rejected", reason: unavailable });
    expect(store.reachable).toBe(false);
    redis.resume();
    await reachableAgain(store);
  });

  test("full re-read after reconnect: after each loss of the connection everything is to be read again", async ({ onTestFinished: atEnd }) => {
    const { server, open } = things(atEnd);
    const redis = await server();
    const store = await open(redis.port);
    const other = await open(redis.port);
    await live(store);
    const { again } = await watching(store);
    await redis.command("CLIENT", "KILL", "TYPE", "pubsub");
    // Nobody hears this hint.
    await other.put("a", 1, 0);
    await again;
    expect(await store.get("a")).toEqual({ value: 1, revision: 1 });
  });

  test("a subscription that is half open is noticed, and made anew", async ({ onTestFinished: atEnd }) => {
    const { server, open, relay } = things(atEnd);
    const redis = await server();
    const network = await relay(redis.port);
    const store = await open(network.port);
    const other = await open(redis.port);
    await live(store);
    const { again } = await watching(store);
    network.partition();
    await until(() => !store.reachable);
    await other.put("a", 1, 0);
    network.heal();
    await again;
    await reachableAgain(store);
    expect(await store.get("a")).toEqual({ value: 1, revision: 1 });
    const heard = Promise.withResolvers<void>();
    const working = Promise.withResolvers<void>();
    store.watch("b", (key) => (key === "b" ? heard.resolve() : working.resolve()));
    await working.promise;
    await other.put("b", 1, 0);
    await heard.promise;
  });

  test("a message that the network loses is a hint that was lost, and the key still holds the truth", async ({ onTestFinished: atEnd }) => {
    const { server, open, relay } = things(atEnd);
    const redis = await server();
    const network = await relay(redis.port);
    const store = await open(network.port);
    const other = await open(redis.port);
    await live(store);
    network.filter = (piece) => (piece.includes("changed") ? "drop" : piece);
    await other.put("a", 1, 0);
    expect(await store.get("a")).toEqual({ value: 1, revision: 1 });
  });

  test("kill -9 of Redis in the middle of writing: what was confirmed is there, once, and the chain verifies", async ({ onTestFinished: atEnd }) => {
    const { server, open } = things(atEnd);
    const redis = await server(["--appendonly", "yes", "--appendfsync", "always"]);
    const store = await open(redis.port);
    for (let n = 1; n <= 60; n++) {
      const deciding = decide(store, n);
      if (n % 20 === 10) await redis.restart({ keep: true });
      await deciding;
    }
    await expectWhole(store, 60);
    expect(await store.get("rollout")).toMatchObject({ value: { n: 60 } });
  });

  test("a connection that is cut between a write and its answer: the decision is written once", async ({ onTestFinished: atEnd }) => {
    const { server, open, relay } = things(atEnd);
    const redis = await server();
    const network = await relay(redis.port);
    const store = await open(network.port);
    for (let n = 1; n <= 20; n++) {
      let lost = n % 3 === 0;
      network.filter = (piece) => {
        if (!lost || !piece.includes("written")) return piece;
        lost = false;
        network.reset();
        return "drop";
      };
      await decide(store, n);
      expect(lost).toBe(false);
    }
    await expectWhole(store, 20);
  });

  test("Redis comes back with empty data: the old leader is fenced, the next epoch is higher, and everything is written anew", async ({ onTestFinished: atEnd }) => {
    const { server, open } = things(atEnd);
    const redis = await server();
    const store = await open(redis.port);
    const { epoch } = (await store.lease("leader", "x", 60_000))!;
    await store.put("a", 1, 0, { fence: { lease: "leader", epoch } });
    await redis.restart();
    await reachableAgain(store);
    expect(await store.get("a")).toBeUndefined();
    await expect(store.put("a", 2, 0, { fence: { lease: "leader", epoch } })).rejects.toMatchObject({ code: "fenced" });
    const next = (await store.lease("leader", "x", 60_000))!;
    expect(next.epoch).toBeGreaterThan(epoch);
    await decide(store, 1);
    await expectWhole(store, 1);
  });

  test("a lease whose holder is silent runs out, and what is ephemeral is forgotten", async ({ onTestFinished: atEnd }) => {
    const { server, open } = things(atEnd);
    const redis = await server();
    const store = await open(redis.port);
    const first = (await store.lease("leader", "x", 50))!;
    await store.setEphemeral("instances", "x", 1, 50);
    await store.setEphemeral("instances", "y", 1, 60_000);
    let second: { readonly epoch: number } | undefined;
    await until(async () => (second = await store.lease("leader", "y", 60_000)) !== undefined);
    expect(second!.epoch).toBeGreaterThan(first.epoch);
    await until(async () => (await store.ephemeral("instances")).size === 1);
  });

  test("a slow link is slow and nothing else", async ({ onTestFinished: atEnd }) => {
    const { server, open, relay } = things(atEnd);
    const redis = await server();
    const network = await relay(redis.port);
    network.delayMs = 40;
    const store = await open(network.port);
    for (let n = 1; n <= 5; n++) await decide(store, n);
    await expectWhole(store, 5);
    network.delayMs = 700;
    await expect(store.get("rollout")).rejects.toMatchObject(unavailable);
    network.delayMs = 0;
    await reachableAgain(store);
  });

  test("ten writers at once keep one chain, and each record is in it once", async ({ onTestFinished: atEnd }) => {
    const { server, open } = things(atEnd);
    const redis = await server();
    const stores = await Promise.all(Array.from({ length: 10 }, () => open(redis.port, { commandTimeoutMs: 5_000 })));
    await Promise.all(stores.flatMap((store, who) => Array.from({ length: 10 }, (_, n) => store.append({ who, n }, { id: `${who}-${n}` }))));
    const records = await stores[0]!.audit(1, 1_000);
    expect(new Set(records.map(({ id }) => id)).size).toBe(100);
    expect(records).toHaveLength(100);
  });

  test("an altered entry of the stream is found", async ({ onTestFinished: atEnd }) => {
    const { server, open } = things(atEnd);
    const redis = await server();
    const store = await open(redis.port);
    for (let n = 1; n <= 3; n++) await decide(store, n);
    const key = "ebbgate:{test}:audit";
    const [[, [, line]]] = (await redis.command("XRANGE", key, "2-0", "2-0")) as [[string, [string, string]]];
    await redis.command("XDEL", key, "2-0");
    await expect(store.audit(1, 10)).rejects.toMatchObject({ code: "corrupt" });
    expect(line).toContain('"n":2');
  });

  test("failover: Sentinels name another master, and nothing that was confirmed is lost", async ({ onTestFinished: atEnd }) => {
    const { open, sentinels: watched } = things(atEnd);
    const { master, replica, sentinels } = await watched();
    const addresses = sentinels.map(({ port }) => ({ host: "127.0.0.1", port }));
    const store = await open(0, { replicas: 1, commandTimeoutMs: 1_000, servers: { kind: "sentinel", sentinels: addresses, master: "ebb", username: null, password: null } });
    const { epoch } = (await store.lease("leader", "x", 60_000))!;
    for (let n = 1; n <= 10; n++) await decide(store, n);
    const { again } = await watching(store);
    await master.kill();
    await until(() => !store.reachable);
    await until(() => store.reachable, 120_000);
    for (let n = 11; n <= 20; n++) await decide(store, n);
    await again;
    await expectWhole(store, 20);
    expect(String(await replica.command("INFO", "replication"))).toContain("role:master");
    const taken = await store.lease("leader", "y", 60_000);
    expect(taken === undefined || taken.epoch > epoch).toBe(true);
    // Sentinels that are starved of CPU distrust their clocks for 30 s before they act.
  }, 150_000);

  test("a failover that is announced while the Sentinels are being asked for the master: the new one is found", async ({ onTestFinished: atEnd }) => {
    const { open, relay, sentinels: watched } = things(atEnd);
    const { master, replica, sentinels } = await watched();
    const network = await relay(sentinels[0]!.port);
    const store = await open(0, { servers: { kind: "sentinel", sentinels: [{ host: "127.0.0.1", port: network.port }], master: "ebb", username: null, password: null } });
    await store.put("a", 1, 0);
    await until(async () => (await replica.command("EXISTS", store.keyNames.document("a"))) === 1);
    const isMaster = async (): Promise<boolean> => String(await replica.command("ROLE").catch(() => "")).startsWith("master");
    await sentinels[0]!.command("SENTINEL", "FAILOVER", "ebb");
    await until(isMaster);
    // The Sentinels find that out within a second, and say so. Until then the client waits for an answer, which takes two.
    let asked = 0;
    network.filter = (piece) => (piece.includes(`$${String(master.port).length}\r\n${master.port}\r\n`) && !piece.includes("switch-master") && ++asked === 1 ? "drop" : piece);
    await master.command("CLIENT", "KILL", "TYPE", "normal");
    await until(() => asked > 0);
    let n = 0;
    // The old one takes writes, and loses them, until the Sentinels tell it.
    await until(async () => (await store.put(`b${++n}`, 1, 0).catch(() => undefined)) === 1 && (await replica.command("EXISTS", store.keyNames.document(`b${n}`)).catch(() => 0)) === 1, 60_000);
    expect(await isMaster()).toBe(true);
  }, 150_000);

  test("a user of an ACL needs no more rights than the documentation gives", async ({ onTestFinished: atEnd }) => {
    const { server, open } = things(atEnd);
    const documented = /ACL SETUSER ebbgate (.*)/.exec(readFileSync(join(import.meta.dirname, "../../docs/operations.md"), "utf8"))![1]!;
    const redis = await server();
    await redis.command("ACL", "SETUSER", "ebbgate", ...documented.replace(/>\S+/, ">s3cret").split(" "));
    const warnings: string[] = [];
    const store = await open(redis.port, { username: "ebbgate", password: "s3cret" }, (warning) => warnings.push(warning));
    await live(store);
    await decide(store, 1);
    await store.lease("leader", "x", 1_000);
    await store.setEphemeral("g", "n", 1, 1_000);
    expect(await store.keys("")).toEqual(["rollout"]);
    await store.publish("c", "m");
    await expectWhole(store, 1);
    expect(warnings).toEqual([]);
  });

  test("a wrong password is said, in words that do not show it", async ({ onTestFinished: atEnd }) => {
    const { server, open } = things(atEnd);
    const redis = await server(["--requirepass", "right"]);
    const warnings: string[] = [];
    const store = await open(redis.port, { password: "wrong-s3cret" }, (warning) => warnings.push(warning));
    await expect(store.get("a")).rejects.toMatchObject(unavailable);
    expect(warnings).toEqual(["Redis: it does not take the username and password: check store.username and store.password"]);
  });

  test.skipIf(spawnSync("openssl", ["version"]).status !== 0)("TLS: the server's certificate is verified, and a stranger's is refused", async ({ onTestFinished: atEnd, skip }) => {
    const { open } = things(atEnd);
    const directory = mkdtempSync(join(tmpdir(), "ebbgate-tls-"));
    atEnd(() => rmSync(directory, { recursive: true, force: true }));
    const [key, certificate] = [join(directory, "key.pem"), join(directory, "certificate.pem")];
    const made = spawnSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=redis.test", "-addext", "subjectAltName=DNS:redis.test", "-keyout", key, "-out", certificate]);
    expect(made.status).toBe(0);
    const redis = await RedisServer.start({ tls: { certificate, key } }).catch(() => null);
    if (redis === null) return skip("this build of the server has no TLS");
    atEnd(() => redis.stop());
    const tls = { ca: certificate, certificate: null, key: null, serverName: "redis.test" };
    const store = await open(redis.port, { tls });
    await store.put("a", 1, 0);
    await live(store);
    const warnings: string[] = [];
    const stranger = await open(redis.port, { tls: { ...tls, ca: null } }, (warning) => warnings.push(warning));
    await expect(stranger.get("a")).rejects.toMatchObject(unavailable);
    expect(warnings.join()).toContain("self-signed certificate");
  });
});
