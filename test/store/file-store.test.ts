import { appendFile, chmod, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FileStore } from "../../src/store/file-store.ts";

let directory = "";
let warnings: string[] = [];
const open = (): Promise<FileStore> => FileStore.open({ directory, warn: (message) => warnings.push(message) });
const fileOf = (key: string): string => join(directory, "documents", `${encodeURIComponent(key)}.json`);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ebbgate-file-store-"));
  warnings = [];
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function use<T>(work: (store: FileStore) => Promise<T>): Promise<T> {
  const store = await open();
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

test("everything is there after a restart, and revisions go on", async () => {
  await use(async (store) => {
    await store.put("rollout/shop", { weight: 5 }, 0);
    await store.append({ reason: "advanced" });
  });
  await use(async (store) => {
    expect(await store.get("rollout/shop")).toEqual({ value: { weight: 5 }, revision: 1 });
    expect(await store.put("rollout/shop", { weight: 10 }, 1)).toBe(2);
    await store.append({ reason: "rolledBack" });
    expect((await store.audit(1, 10)).map((one) => one.seq)).toEqual([1, 2]);
  });
  expect(warnings).toEqual([]);
});

test.each<[string, (path: string) => Promise<void>]>([
  ["cut short", (path) => truncate(path, 90)],
  ["emptied", (path) => truncate(path, 0)],
  ["altered by one byte", async (path) => writeFile(path, (await readFile(path, "utf8")).replace("20", "21"))],
  ["overwritten with garbage", (path) => writeFile(path, "\0\0\0\0")],
])("a document that was %s is noticed, and the previous one serves", async (_, damage) => {
  await use(async (store) => {
    await store.put("a", { weight: 10 }, 0);
    await store.put("a", { weight: 20 }, 1);
  });
  await damage(fileOf("a"));
  await use(async (store) => {
    expect(await store.get("a")).toEqual({ value: { weight: 10 }, revision: 1 });
    await store.get("a");
    expect(warnings).toEqual([expect.stringContaining("fails its checksum")]);
    // Somebody may have seen the lost revision 2: it is not given to another value.
    expect(await store.put("a", { weight: 30 }, 1)).toBe(3);
    expect(await store.get("a")).toEqual({ value: { weight: 30 }, revision: 3 });
  });
  expect(await readdir(join(directory, "documents"))).toContain("a.json.corrupt");
  await use(async (store) => expect(await store.get("a")).toEqual({ value: { weight: 30 }, revision: 3 }));
});

test("a document without any good version is an error, never an empty answer", async () => {
  await use((store) => store.put("a", 1, 0));
  await truncate(fileOf("a"), 10);
  await use(async (store) => {
    await expect(store.get("a")).rejects.toMatchObject({ code: "corrupt" });
    await expect(store.put("a", 2, 0)).rejects.toMatchObject({ code: "corrupt" });
    expect(await store.put("b", 1, 0)).toBe(1);
  });
});

test("what a crash left of a write in progress is ignored", async () => {
  await use((store) => store.put("a", 1, 0));
  await writeFile(`${fileOf("a")}.new`, "half a docum");
  await use(async (store) => {
    expect(await store.get("a")).toEqual({ value: 1, revision: 1 });
    expect(await store.keys("")).toEqual(["a"]);
    expect(await store.put("a", 2, 1)).toBe(2);
  });
  expect(warnings).toEqual([]);
});

test("an audit line that a crash cut short is removed, and the chain goes on", async () => {
  await use((store) => store.append({ n: 1 }));
  await appendFile(join(directory, "audit.jsonl"), '{"seq":2,"time":"2026-');
  await use((store) => store.append({ n: 2 }));
  expect(warnings).toEqual([expect.stringContaining("cut short by a crash")]);
  await use(async (store) => expect((await store.audit(1, 10)).map((one) => one.record)).toEqual([{ n: 1 }, { n: 2 }]));
});

test("an altered audit log is refused: at its end when it is opened, before that when it is read", async () => {
  const log = join(directory, "audit.jsonl");
  await use(async (store) => {
    for (const who of ["alice", "bob", "carol"]) await store.append({ who });
  });
  const good = await readFile(log, "utf8");
  await writeFile(log, good.replace("carol", "clara"));
  await expect(open()).rejects.toMatchObject({ code: "corrupt" });
  await writeFile(log, good.replace("alice", "alyce"));
  await use(async (store) => expect(store.audit(1, 10)).rejects.toThrow("audit.jsonl:1: is altered or damaged"));
  await writeFile(log, good.split("\n").filter((line) => !line.includes("bob")).join("\n"));
  await use(async (store) => expect(store.audit(1, 10)).rejects.toThrow("audit.jsonl:2: records 2 to 2 are missing before it"));
});

test("a long audit log is read from any place, whether it was written or only found, and its chain is held all the same", async () => {
  const count = 500;
  const all = (store: FileStore) => async (): Promise<void> => {
    for (const seq of [1, 63, 64, 65, 128, 300, count, 2]) expect((await store.audit(seq, 3)).map((one) => one.seq)).toEqual([seq, seq + 1, seq + 2].filter((one) => one <= count));
    expect(await store.auditEnd()).toBe(count);
  };
  await use(async (store) => {
    expect(await store.auditEnd()).toBe(0);
    for (let n = 1; n <= count; n++) await store.append({ n });
    await all(store)();
  });
  await use((store) => all(store)());
  const log = join(directory, "audit.jsonl");
  await writeFile(log, (await readFile(log, "utf8")).replace('"record":{"n":301}', '"record":{"n":999}'));
  await use(async (store) => {
    expect((await store.audit(250, 3)).map((one) => one.seq)).toEqual([250, 251, 252]);
    await expect(store.audit(299, 3)).rejects.toThrow("audit.jsonl:301: is altered or damaged");
  });
});

test("an audit line longer than the first look back is found", async () => {
  await use((store) => store.append({ text: "x".repeat(300_000) }));
  await use((store) => store.append({ n: 2 }));
  await use(async (store) => expect((await store.audit(2, 1))[0]!.record).toEqual({ n: 2 }));
});

test("a directory in use is refused with the process that has it, and free again after closing", async () => {
  await use(async () => {
    await expect(open()).rejects.toMatchObject({ code: "locked", message: expect.stringContaining(`process ${process.pid}`) as string });
  });
  await use(() => Promise.resolve());
});

test.each([
  ["whose process is gone", "lock.999999999.5.aa"],
  ["whose process id has another process now", `lock.${process.pid}.1.aa`],
])("a lock %s is taken over", async (_, name) => {
  await writeFile(join(directory, name), "");
  await use((store) => store.put("a", 1, 0));
  expect((await readdir(directory)).filter((one) => one.startsWith("lock"))).toEqual([]);
});

test("of contenders that take over a dead lock at once, one wins, each time", async () => {
  for (let round = 0; round < 5; round++) {
    await writeFile(join(directory, "lock.999999999.5.aa"), "");
    const results = await Promise.allSettled([open(), open(), open(), open(), open(), open()]);
    const winners = results.filter((one) => one.status === "fulfilled");
    expect(winners).toHaveLength(1);
    await winners[0]!.value.close();
  }
});

test("a path that is no directory, or may not be written, says so", async () => {
  const file = join(directory, "file");
  await writeFile(file, "");
  await expect(FileStore.open({ directory: join(file, "below") })).rejects.toMatchObject({ code: "unavailable" });
  if (process.getuid?.() === 0) return;
  await chmod(directory, 0o500);
  await expect(open()).rejects.toMatchObject({ code: "unavailable", message: expect.stringContaining("store.directory") as string });
});
