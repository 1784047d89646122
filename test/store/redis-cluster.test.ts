import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { RedisStore } from "../../src/store/redis/redis-store.ts";
import { hasRedis, type RedisServer, redisSettings, startCluster, until } from "../support/redis.ts";

describe.skipIf(!hasRedis)("with a cluster of three", () => {
  let nodes: RedisServer[];
  let store: RedisStore;
  let namespaces = 0;
  beforeAll(async () => {
    nodes = await startCluster(undefined, ["--appendonly", "yes", "--appendfsync", "always"]);
  }, 60_000);
  afterAll(() => Promise.all(nodes.map((node) => node.stop())));
  beforeEach(async () => {
    const where = { kind: "cluster", nodes: nodes.map(({ port }) => ({ host: "127.0.0.1", port })) } as const;
    store = await RedisStore.open({ settings: redisSettings(0, { servers: where, namespace: `c${namespaces++}`, commandTimeoutMs: 500 }) });
  });
  afterEach(() => store.close());

  /** The node whose slots hold the namespace. */
  async function owner(): Promise<RedisServer> {
    for (const node of nodes) if (await node.command("GET", store.keyNames.config).then(() => true, () => false)) return node;
    throw new Error("no node has the slot");
  }
  const settled = (): Promise<void> => until(async () => store.reachable && String(await nodes[0]!.command("CLUSTER", "INFO")).includes("cluster_state:ok"));
  async function expectChain(upTo: number): Promise<void> {
    const records = await store.audit(1, 1_000);
    expect(records.map(({ record }) => (record as { n: number }).n)).toEqual(Array.from({ length: upTo }, (_, index) => index + 1));
  }
  async function decide(n: number): Promise<void> {
    for (;;) {
      try {
        const revision = (await store.get("rollout"))?.revision ?? 0;
        if ((await store.put("rollout", { n }, revision, { id: `d${n}`, audit: [{ record: { n }, id: `d${n}` }] })) !== undefined) return;
      } catch {
        await until(() => store.reachable);
      }
    }
  }

  test("all of a namespace is on one node, and namespaces are spread over the nodes", async () => {
    await store.put("a", 1, 0, { audit: [{ record: {} }], fence: { lease: "leader", epoch: (await store.lease("leader", "x", 1_000))!.epoch } });
    await store.setEphemeral("g", "n", 1, 60_000);
    const holding = await owner();
    const keys = (await holding.command("KEYS", `${store.keyNames.prefix}*`)) as string[];
    expect(keys.map((key) => key.slice(store.keyNames.prefix.length)).toSorted()).toEqual(["audit", "audit:head", "document:a", "documents", "ephemera:g", "ephemera:g:until", "epoch:leader", "lease:leader"]);
    const slots = await Promise.all(Array.from({ length: 30 }, (_, n) => nodes[0]!.command("CLUSTER", "KEYSLOT", `ebbgate:{${createHash("sha1").update(String(n)).digest("hex")}}:config`)));
    expect(new Set(slots.map((slot) => Math.floor(Number(slot) / 5_462))).size).toBe(3);
  });

  test("kill -9 of the node that holds the namespace: writes wait for it, and each decision is there once", async () => {
    for (let n = 1; n <= 5; n++) await decide(n);
    const holding = await owner();
    await holding.kill();
    await expect(store.put("rollout", 0, 0)).rejects.toMatchObject({ code: "unavailable" });
    await until(() => !store.reachable);
    const deciding = decide(6);
    await holding.start();
    await deciding;
    await settled();
    for (let n = 7; n <= 10; n++) await decide(n);
    await expectChain(10);
  }, 60_000);

  test("kill -9 of the node that hints come through: another one takes over, and everything is to be read again", async () => {
    let gaps = 0;
    const heard: (string | undefined)[] = [];
    store.watch("", (key) => (key === undefined ? gaps++ : heard.push(key)));
    await until(() => gaps === 1);
    const subscribed = await Promise.all(nodes.map((node) => node.command("PUBSUB", "NUMSUB", store.keyNames.changed)));
    const through = nodes[subscribed.findIndex((answer) => (answer as [string, number])[1] === 1)]!;
    await through.kill();
    await until(() => gaps >= 2);
    await through.start();
    await settled();
    await decide(1);
    await until(() => heard.includes("rollout"));
    expect(gaps).toBeGreaterThanOrEqual(2);
  }, 60_000);
});
