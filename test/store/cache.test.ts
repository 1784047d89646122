import { chmod, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CachedStore } from "../../src/store/cached-store.ts";
import { DiskCache } from "../../src/store/disk-cache.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import { StoreError } from "../../src/store/store.ts";

let directory = "";
let warnings: string[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ebbgate-cache-"));
  warnings = [];
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** A store a network away. */
class Remote extends MemoryStore {
  away = false;
  override get(key: string): ReturnType<MemoryStore["get"]> {
    return this.away ? Promise.reject(new StoreError("unavailable", "away")) : super.get(key);
  }
  override put(...args: Parameters<MemoryStore["put"]>): ReturnType<MemoryStore["put"]> {
    return this.away ? Promise.reject(new StoreError("unavailable", "away")) : super.put(...args);
  }
}

const open = (): Promise<DiskCache> => DiskCache.open(directory, (message) => warnings.push(message));

async function cached(remote: Remote): Promise<CachedStore> {
  return new CachedStore(remote, await open());
}

test("what was read or written is there after a restart without the store, marked as the cache's", async () => {
  const remote = new Remote();
  const first = await cached(remote);
  await remote.put("read", "by others", 0);
  await first.get("read");
  await first.put("written", { weight: 5 }, 0);
  await first.put("written", { weight: 10 }, 1);
  await first.put("removed", 1, 0);
  await first.remove("removed", 1);
  await first.close();

  const gone = new Remote();
  gone.away = true;
  const second = await cached(gone);
  expect(await second.get("read")).toEqual({ value: "by others", revision: 1, cached: true });
  expect(await second.get("written")).toEqual({ value: { weight: 10 }, revision: 2, cached: true });
  await expect(second.get("removed")).rejects.toMatchObject({ code: "unavailable" });
  await expect(second.get("never-seen")).rejects.toMatchObject({ code: "unavailable" });
  await expect(second.put("written", 3, 2)).rejects.toMatchObject({ code: "unavailable" });
  await second.close();
  expect(warnings).toEqual([]);
});

test("what is read from the store again, unchanged, is not written to the disk again; nor that there is nothing", async () => {
  const keeping = async (...revisions: number[]): Promise<number> => {
    const cache = await open();
    for (const revision of revisions) cache.keep("read", { weight: 5 }, revision);
    cache.forget("never-seen");
    await cache.close();
    return (await stat(join(directory, "read.json"))).ino;
  };
  const file = await keeping(1);
  expect((await readdir(directory)).filter((name) => name.includes("never-seen"))).toEqual([]);
  expect(await keeping(1)).toBe(file);
  // The same value under another revision is news.
  expect(await keeping(1, 2)).not.toBe(file);
  expect(await (await open()).read("read")).toEqual({ value: { weight: 5 }, revision: 2 });
  expect(warnings).toEqual([]);
});

test("of a value that changes quickly the newest is kept", async () => {
  const cache = await open();
  const slot = cache.slot("view");
  for (let n = 1; n <= 500; n++) slot.save({ n });
  expect(await slot.load()).toEqual({ n: 500 });
  await cache.close();
  const again = await open();
  expect(await again.slot("view").load()).toEqual({ n: 500 });
  await again.close();
});

test("a cache that another process has, or that cannot be written, stops nobody", async () => {
  const first = await open();
  const second = await open();
  expect(warnings).toEqual([expect.stringContaining("Nothing is remembered for a restart without the store")]);
  second.slot("a").save(1);
  expect(await second.slot("a").load()).toBe(1);
  await second.close();
  await first.close();
  expect(await readdir(directory)).toEqual([]);
});

test("a damaged entry is as if it had never been known", async () => {
  const cache = await open();
  cache.slot("a").save(1);
  await cache.close();
  await writeFile(join(directory, "a.json"), "half an ent");
  await chmod(join(directory, "a.json"), 0o600);
  const again = await open();
  expect(await again.slot("a").load()).toBeUndefined();
  again.slot("a").save(2);
  await again.close();
  const third = await open();
  expect(await third.slot("a").load()).toBe(2);
  await third.close();
});
