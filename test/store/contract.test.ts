import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Clock } from "../../src/core/clock.ts";
import { auditLine } from "../../src/store/audit-line.ts";
import { FileStore } from "../../src/store/file-store.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import { auditRecordBytesMax, documentBytesMax } from "../../src/store/checks.ts";
import { RedisStore } from "../../src/store/redis/redis-store.ts";
import type { Store } from "../../src/store/store.ts";
import { describeProgram, RedisServer, redisPrograms, redisSettings, startCluster, startSentinels } from "../support/redis.ts";

let wallMs = 0;
let monotonicMs = 0;
const clock: Clock = { wallMs: () => wallMs, monotonicMs: () => monotonicMs };
let directory = "";

const servers: RedisServer[] = [];
afterAll(() => Promise.all(servers.map((server) => server.stop())));

interface Kind {
  readonly name: string;
  /** Once, for all tests. */
  readonly prepare?: () => Promise<void>;
  readonly open: () => Promise<Store>;
}

let namespaces = 0;

function single(program: string): Kind {
  let server: RedisServer;
  return {
    name: describeProgram(program),
    prepare: async () => void servers.push((server = await RedisServer.start({ program }))),
    open: () => RedisStore.open({ settings: redisSettings(server.port, { namespace: `n${namespaces++}` }), clock }),
  };
}

function cluster(program: string): Kind {
  let nodes: RedisServer[];
  return {
    name: `${describeProgram(program)}, a cluster of three`,
    prepare: async () => void servers.push(...(nodes = await startCluster(program))),
    open: () => {
      const where = { kind: "cluster", nodes: nodes.map(({ port }) => ({ host: "127.0.0.1", port })) } as const;
      return RedisStore.open({ settings: redisSettings(0, { servers: where, namespace: `n${namespaces++}` }), clock });
    },
  };
}

function sentinel(program: string): Kind {
  let ports: number[];
  return {
    name: `${describeProgram(program)}, watched by Sentinels`,
    prepare: async () => {
      const { master, replica, sentinels } = await startSentinels(program);
      servers.push(master, replica, ...sentinels);
      ports = sentinels.map(({ port }) => port);
    },
    open: () => {
      const where = { kind: "sentinel", sentinels: ports.map((port) => ({ host: "127.0.0.1", port })), master: "ebb", username: null, password: null } as const;
      return RedisStore.open({ settings: redisSettings(0, { servers: where, replicas: 1, namespace: `n${namespaces++}` }), clock });
    },
  };
}

const kinds: Kind[] = [
  { name: "memory", open: () => Promise.resolve(new MemoryStore(clock)) },
  { name: "file", open: () => FileStore.open({ directory, clock }) },
  ...redisPrograms.flatMap((program) => [single(program), cluster(program), sentinel(program)]),
];

/** Callbacks as something to wait for. */
function queue<T>(): { readonly push: (value: T) => void; readonly next: () => Promise<T> } {
  const values: T[] = [];
  let wake: () => void = () => undefined;
  return {
    push: (value) => {
      values.push(value);
      wake();
    },
    next: async () => {
      while (values.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return values.shift()!;
    },
  };
}

describe.each(kinds)("every store keeps its word: $name", ({ prepare, open }) => {
  let store: Store;
  beforeAll(async () => prepare?.(), 60_000);
  beforeEach(async () => {
    [wallMs, monotonicMs] = [Date.UTC(2026, 0, 2), 0];
    directory = await mkdtemp(join(tmpdir(), "ebbgate-store-"));
    store = await open();
  });
  afterEach(async () => {
    await store.close();
    await rm(directory, { recursive: true, force: true });
  });

  test("a document that nobody wrote is undefined", async () => {
    expect(await store.get("rollout/shop")).toBeUndefined();
  });

  test("what was written is read back, as a copy of its own", async () => {
    const value = { phase: "progressing", weight: 12.5, none: null, text: "ünï\n\u0000" };
    expect(await store.put("rollout/shop", value, 0)).toBe(1);
    value.phase = "changed later";
    expect(await store.get("rollout/shop")).toEqual({ value: { phase: "progressing", weight: 12.5, none: null, text: "ünï\n\u0000" }, revision: 1 });
  });

  test("a write with a stale revision changes nothing", async () => {
    expect(await store.put("a", 1, 5)).toBeUndefined();
    await store.put("a", 1, 0);
    expect(await store.put("a", 2, 0)).toBeUndefined();
    expect(await store.put("a", 2, 1)).toBe(2);
    expect(await store.put("a", 3, 1)).toBeUndefined();
    expect(await store.get("a")).toEqual({ value: 2, revision: 2 });
  });

  test("of writers that race, exactly one wins each revision", async () => {
    const won: number[] = [];
    const writer = async (id: number): Promise<void> => {
      for (let wins = 0; wins < 10; ) {
        const read = await store.get("counter");
        const revision = await store.put("counter", { total: ((read?.value as { total: number } | undefined)?.total ?? 0) + 1, id }, read?.revision ?? 0);
        if (revision === undefined) continue;
        won.push(revision);
        wins++;
      }
    };
    await Promise.all([writer(1), writer(2), writer(3)]);
    expect(won.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    expect(await store.get("counter")).toMatchObject({ value: { total: 30 }, revision: 30 });
  });

  test("a removed document is gone, and its revisions are not used again", async () => {
    await store.put("a", 1, 0);
    expect(await store.remove("a", 7)).toBe(false);
    expect(await store.remove("a", 1)).toBe(true);
    expect(await store.remove("a", 1)).toBe(false);
    expect(await store.get("a")).toBeUndefined();
    const revision = await store.put("a", 2, 0);
    expect(revision).toBeGreaterThan(1);
    expect(await store.put("a", 3, 1)).toBeUndefined();
  });

  test("keys are listed by prefix, in order, without the removed ones", async () => {
    for (const key of ["rollout/b", "rollout/a", "rollout/c", "other/a", "roll"]) await store.put(key, 1, 0);
    await store.remove("rollout/c", 1);
    expect(await store.keys("rollout/")).toEqual(["rollout/a", "rollout/b"]);
    expect(await store.keys("")).toEqual(["other/a", "roll", "rollout/a", "rollout/b"]);
  });

  test.each(["", "/a", "a/", "a//b", "a b", "a\n", "ä", "a".repeat(181), "%2F"])("the key %j is refused", async (key) => {
    await expect(store.put(key, 1, 0)).rejects.toMatchObject({ code: "invalid" });
    await expect(store.get(key)).rejects.toMatchObject({ code: "invalid" });
  });

  test("keys of dots and slashes are keys like any other, and never paths", async () => {
    const keys = ["..", ".", "../../etc/passwd", "a/../b", "__proto__", "constructor", "x.json", "x.previous"];
    for (const key of keys) expect(await store.put(key, { key }, 0)).toBe(1);
    for (const key of keys) expect(await store.get(key)).toEqual({ value: { key }, revision: 1 });
    expect(await store.keys("")).toEqual(keys.toSorted());
  });

  test("a value that is not JSON or too large is refused", async () => {
    await expect(store.put("a", undefined, 0)).rejects.toMatchObject({ code: "invalid" });
    await expect(store.put("a", "x".repeat(documentBytesMax), 0)).rejects.toMatchObject({ code: "invalid" });
    await expect(store.append({ text: "x".repeat(auditRecordBytesMax) })).rejects.toMatchObject({ code: "invalid" });
    expect(await store.get("a")).toBeUndefined();
  });

  test("any JSON survives", async () => {
    let revision = 0;
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        revision = (await store.put("any", value, revision))!;
        expect((await store.get("any"))!.value).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      { numRuns: 30 },
    );
  });

  test("the audit log keeps every record in order, each holding on to the one before", async () => {
    await Promise.all(["a", "b", "c", "d"].map((reason) => store.append({ reason, nested: { hash: "x", '","hash":"': 1 } })));
    const records = await store.audit(1, 100);
    expect(records.map(({ seq, record }) => [seq, (record as { reason: string }).reason])).toEqual([[1, "a"], [2, "b"], [3, "c"], [4, "d"]]);
    expect(records[0]!.previousHash).toBe("0".repeat(64));
    for (const [index, one] of records.entries()) {
      if (index > 0) expect(one.previousHash).toBe(records[index - 1]!.hash);
      expect(one.time).toBe("2026-01-02T00:00:00.000Z");
      expect(auditLine(records[index - 1], one.time, JSON.stringify(one.record)).record.hash).toBe(one.hash);
    }
    expect((await store.audit(2, 2)).map((one) => one.seq)).toEqual([2, 3]);
    expect(await store.audit(5, 10)).toEqual([]);
    expect(await store.auditEnd()).toBe(4);
  });

  test("a document and its audit records are written together, or not at all", async () => {
    expect(await store.put("a", 1, 0, { audit: [{ record: { n: 1 } }, { record: { n: 2 } }] })).toBe(1);
    expect(await store.put("a", 2, 7, { audit: [{ record: { n: 3 } }] })).toBeUndefined();
    await expect(store.put("a", 2, 1, { audit: [{ record: { text: "x".repeat(auditRecordBytesMax) } }] })).rejects.toMatchObject({ code: "invalid" });
    expect(await store.get("a")).toEqual({ value: 1, revision: 1 });
    expect((await store.audit(1, 10)).map(({ record }) => record)).toEqual([{ n: 1 }, { n: 2 }]);
  });

  test("a write that is asked for again, because its answer was lost, happens once", async () => {
    const write = { id: "w1", audit: [{ record: { n: 1 }, id: "d1" }] };
    expect(await store.put("a", 1, 0, write)).toBe(1);
    expect(await store.put("a", 1, 0, write)).toBe(1);
    expect(await store.put("a", 2, 1, { id: "w2" })).toBe(2);
    // Somebody has written since: the document is theirs, and the record is kept as it is.
    expect(await store.put("a", 1, 0, write)).toBeUndefined();
    expect(await store.put("a", 3, 2, { id: "w3", audit: [...write.audit, { record: { n: 2 }, id: "d2" }] })).toBe(3);
    await store.append({ n: 1 }, { id: "d1" });
    await store.append({ n: 3 }, { id: "d3" });
    expect((await store.audit(1, 10)).map(({ record, id }) => [record, id])).toEqual([[{ n: 1 }, "d1"], [{ n: 2 }, "d2"], [{ n: 3 }, "d3"]]);
  });

  test("a watch says once that it works, and then which keys were written", async () => {
    const { next, push } = queue<string | undefined>();
    const end = store.watch("rollout/", push);
    expect(await next()).toBeUndefined();
    await store.put("rollout/a", 1, 0);
    await store.put("other", 1, 0);
    await store.put("rollout/b", 1, 0, { audit: [{ record: {} }] });
    await store.remove("rollout/a", 1);
    expect([await next(), await next(), await next()]).toEqual(["rollout/a", "rollout/b", "rollout/a"]);
    end();
  });

  test("a lease has one holder, and every taking has a higher epoch", async () => {
    const takings = await Promise.all(["x", "y", "z"].map((holder) => store.lease("leader", holder, 60_000)));
    const won = takings.findIndex((taking) => taking !== undefined);
    expect(takings.filter((taking) => taking !== undefined)).toHaveLength(1);
    const { epoch } = takings[won]!;
    expect(await store.leaseOf("leader")).toMatchObject({ holder: ["x", "y", "z"][won], epoch });
    expect(await store.renew("leader", epoch, 60_000)).toBe(true);
    expect(await store.renew("leader", epoch - 1, 60_000)).toBe(false);
    await store.release("leader", epoch - 1);
    expect(await store.lease("leader", "w", 60_000)).toBeUndefined();
    await store.release("leader", epoch);
    expect(await store.leaseOf("leader")).toBeUndefined();
    const second = (await store.lease("leader", "w", 60_000))!;
    expect(second.epoch).toBeGreaterThan(epoch);
    expect(await store.renew("leader", epoch, 60_000)).toBe(false);
    expect((await store.lease("another", "w", 60_000))!.epoch).toBeGreaterThan(0);
  });

  test("who lost the lease writes nothing any more, whatever it believes", async () => {
    const first = (await store.lease("leader", "x", 60_000))!;
    const old = { lease: "leader", epoch: first.epoch };
    expect(await store.put("a", 1, 0, { fence: old })).toBe(1);
    await store.append({ n: 1 }, { fence: old });
    await store.release("leader", first.epoch);
    const second = (await store.lease("leader", "y", 60_000))!;
    await expect(store.put("a", 2, 1, { fence: old, audit: [{ record: { n: 2 } }] })).rejects.toMatchObject({ code: "fenced" });
    await expect(store.append({ n: 3 }, { fence: old })).rejects.toMatchObject({ code: "fenced" });
    await expect(store.remove("a", 1, { fence: old })).rejects.toMatchObject({ code: "fenced" });
    await expect(store.put("a", 2, 1, { fence: { lease: "never taken", epoch: 1 } })).rejects.toBeInstanceOf(Error);
    expect(await store.get("a")).toEqual({ value: 1, revision: 1 });
    expect(await store.audit(1, 10)).toHaveLength(1);
    expect(await store.put("a", 2, 1, { fence: { lease: "leader", epoch: second.epoch } })).toBe(2);
  });

  test("a wall clock that jumps ends no lease, forgets nothing, and breaks no chain", async () => {
    const { epoch } = (await store.lease("leader", "x", 60_000))!;
    await store.setEphemeral("instances", "x", 1, 60_000);
    for (const jumpMs of [86_400_000, -2 * 86_400_000, 86_400_000]) {
      wallMs += jumpMs;
      expect(await store.lease("leader", "y", 60_000)).toBeUndefined();
      expect(await store.renew("leader", epoch, 60_000)).toBe(true);
      expect((await store.ephemeral("instances")).size).toBe(1);
      expect(await store.put("a", jumpMs, (await store.get("a"))?.revision ?? 0, { fence: { lease: "leader", epoch }, audit: [{ record: { jumpMs } }] })).toBeGreaterThan(0);
    }
    expect((await store.audit(1, 10)).map(({ time }) => time.slice(0, 10))).toEqual(["2026-01-03", "2026-01-01", "2026-01-02"]);
  });

  test("what is published reaches who subscribed to that channel", async () => {
    const heard = queue<string>();
    const end = store.subscribe("trips", heard.push, () => heard.push("(works)"));
    expect(await heard.next()).toBe("(works)");
    await store.publish("other", "no");
    await store.publish("trips", "ünï\u0000");
    expect(await heard.next()).toBe("ünï\u0000");
    end();
  });

  test("what is ephemeral is there by group and name, the last word of each", async () => {
    await store.setEphemeral("instances", "b", { region: "eu" }, 60_000);
    await store.setEphemeral("instances", "a", 1, 60_000);
    await store.setEphemeral("instances", "a", 2, 60_000);
    await store.setEphemeral("seen", "c", 3, 60_000);
    expect([...(await store.ephemeral("instances"))]).toEqual([["a", 2], ["b", { region: "eu" }]]);
    expect(await store.ephemeral("nobody")).toEqual(new Map());
    await expect(store.setEphemeral("instances", "a", 1, 0)).rejects.toMatchObject({ code: "invalid" });
  });

  test("a closed store refuses everything, and closing twice is fine", async () => {
    await store.close();
    await store.close();
    await expect(store.get("a")).rejects.toMatchObject({ code: "closed" });
    await expect(store.put("a", 1, 0)).rejects.toMatchObject({ code: "closed" });
    await expect(store.append({})).rejects.toMatchObject({ code: "closed" });
  });
});
