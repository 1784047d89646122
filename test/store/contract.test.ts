import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Clock } from "../../src/core/clock.ts";
import { auditLine } from "../../src/store/audit-line.ts";
import { FileStore } from "../../src/store/file-store.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import { auditRecordBytesMax, documentBytesMax, type Store } from "../../src/store/store.ts";

const clock: Clock = { wallMs: () => Date.UTC(2026, 0, 2), monotonicMs: () => 0 };
let directory = "";

const kinds: [string, () => Promise<Store>][] = [
  ["memory", () => Promise.resolve(new MemoryStore(clock))],
  ["file", () => FileStore.open({ directory, clock })],
];

describe.each(kinds)("every store keeps its word: %s", (_kind, open) => {
  let store: Store;
  beforeEach(async () => {
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
  });

  test("a closed store refuses everything, and closing twice is fine", async () => {
    await store.close();
    await store.close();
    await expect(store.get("a")).rejects.toMatchObject({ code: "closed" });
    await expect(store.put("a", 1, 0)).rejects.toMatchObject({ code: "closed" });
    await expect(store.append({})).rejects.toMatchObject({ code: "closed" });
  });
});
