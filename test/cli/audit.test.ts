import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { run as replay } from "../../src/cli/replay.ts";
import { FileStore } from "../../src/store/file-store.ts";
import { archiveAudit } from "../../src/store/redis/audit-archiver.ts";
import { RedisStore } from "../../src/store/redis/redis-store.ts";
import { ebbgate } from "../support/fleet.ts";
import { hasRedis, RedisServer, redisSettings } from "../support/redis.ts";
import { capture } from "./capture.ts";

let directory = "";
let wallMs = 0;
const clock = { wallMs: () => wallMs, monotonicMs: () => 0 };
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ebbgate-audit-"));
  wallMs = Date.UTC(2026, 0, 2, 12);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const decision = (route: string, reason: string): object => ({ route, candidate: "v2", reason, from: "progressing", to: "progressing", step: 0, fromWeight: 1, weight: 5, limit: null, subject: null, command: null, breaker: null });
const store = (auditBytesMax?: number): Promise<FileStore> => FileStore.open({ directory, clock, ...(auditBytesMax === undefined ? {} : { auditBytesMax }) });
const audit = (...argv: string[]): ReturnType<typeof ebbgate> => ebbgate(directory, "audit", ...argv, "--file", directory);
const log = (): string => join(directory, "audit.jsonl");

async function fill(records: number, auditBytesMax?: number): Promise<void> {
  const opened = await store(auditBytesMax);
  for (let n = 1; n <= records; n++) await opened.append({ n, text: "x".repeat(20) });
  await opened.close();
}

test("it lists what happened, beside a sidecar that is writing, by route, reason and time", async () => {
  const running = await store();
  await running.append(decision("shop", "started"));
  wallMs += 3_600_000;
  await running.append({ kind: "configuration", action: "applied", who: "ann@host", revision: 3, reason: "more of it" });
  await running.append(decision("cart", "stepCompleted"));
  const listed = await audit("list");
  expect(listed.stdout).toBe(
    "     1  2026-01-02T12:00:00.000Z  started: shop: v2 starts at 5%.\n" +
      "     2  2026-01-02T13:00:00.000Z  configuration: revision 3 applied by ann@host: more of it\n" +
      "     3  2026-01-02T13:00:00.000Z  stepCompleted: cart: v2 goes from 1% to 5% (step 1): nothing is held against it.\n",
  );
  const seqs = async (...argv: string[]): Promise<number[]> => (await audit("list", "--json", ...argv)).stdout.split("\n").slice(0, -1).map((line) => (JSON.parse(line) as { seq: number }).seq);
  expect(await seqs("--route", "cart")).toEqual([3]);
  expect(await seqs("--reason", "started", "--reason", "stepCompleted")).toEqual([1, 3]);
  expect(await seqs("--since", "2026-01-02T12:30:00Z")).toEqual([2, 3]);
  expect(await seqs("--until", "2026-01-02T12:30:00Z")).toEqual([1]);
  expect(await seqs("--since", "1h")).toEqual([]);
  expect(await seqs("--limit", "2")).toEqual([2, 3]);
  expect(await audit("list", "--since", "yesterday")).toMatchObject({ code: 2 });
  await running.close();
});

test("verify says that a whole log is whole", async () => {
  expect(await ebbgate(directory, "audit", "verify", "--file", join(directory, "none"))).toMatchObject({ code: 1 });
  await fill(5);
  expect(await audit("verify")).toMatchObject({ code: 0, stdout: expect.stringMatching(/5 records, 1 to 5, in one unbroken chain\nlast hash: [0-9a-f]{64}\n$/) as string });
});

test("verify finds one altered byte, wherever it is", async () => {
  await fill(4, 600);
  const files = readdirSync(directory).filter((name) => name.endsWith(".jsonl") && readFileSync(join(directory, name)).length > 0);
  expect(files.length).toBeGreaterThan(1);
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...files), fc.nat(), fc.integer({ min: 1, max: 255 }), async (name, at, change) => {
      const path = join(directory, name);
      const good = readFileSync(path);
      const bad = Buffer.from(good);
      // The very last line's end is what a write in progress has not got either.
      const index = at % (good.length - 1);
      bad[index] = bad[index]! ^ change;
      writeFileSync(path, bad);
      const verified = await audit("verify", "--json");
      writeFileSync(path, good);
      expect(verified.code).toBe(1);
      expect(JSON.parse(verified.stdout)).toMatchObject({ whole: false });
    }),
    { numRuns: 150 },
  );
  expect((await audit("verify")).code).toBe(0);
});

test("verify finds a live record whose number was made that of an archived one", async () => {
  await fill(4, 600);
  const good = readFileSync(log(), "utf8");
  for (let seq = 1; seq <= 2; seq++) {
    writeFileSync(log(), good.replace(/^\{"seq":\d+/, `{"seq":${seq}`));
    const verified = await audit("verify", "--json");
    expect(verified.code).toBe(1);
    expect(JSON.parse(verified.stdout)).toMatchObject({ whole: false });
  }
  writeFileSync(log(), good);
  expect((await audit("verify")).code).toBe(0);
});

test("verify finds a record that was taken out, put elsewhere, or put in again", async () => {
  await fill(4);
  const lines = readFileSync(log(), "utf8").split("\n").slice(0, -1);
  for (const [altered, why] of [
    [[lines[0], lines[2], lines[3]], "audit.jsonl:2: records 2 to 2 are missing before it"],
    [lines.slice(1), "audit.jsonl:1: records 1 to 1 are missing before it"],
    [[lines[0], lines[2], lines[1], lines[3]], "audit.jsonl:2: records 2 to 2 are missing before it"],
    [[lines[0], lines[1], lines[1], lines[2]], "audit.jsonl:3: record 2 stands after record 2"],
  ] as const) {
    writeFileSync(log(), `${altered.join("\n")}\n`);
    expect(await audit("verify")).toMatchObject({ code: 1, stderr: `ebbgate audit: ${why}\n` });
  }
});

test("the log stays within its bound: old records are archives beside it, and the chain goes through them, across restarts and a crash", async () => {
  await fill(10, 600);
  // A crash between the two renames: the old log has its archive's name, and the next has no name yet.
  const live = await store(600);
  const head = (await live.audit(1, 100)).length;
  await live.close();
  expect(head).toBeLessThan(4);
  const next = JSON.parse(readFileSync(log(), "utf8").split("\n")[0] || '{"seq":11}') as { seq: number };
  if (next.seq <= 10) renameSync(log(), join(directory, `audit.${String(next.seq).padStart(12, "0")}-${"10".padStart(12, "0")}.jsonl`));
  await fill(3, 600);
  expect(await audit("verify")).toMatchObject({ code: 0, stdout: expect.stringContaining("13 records, 1 to 13") as string });
  // Whoever takes the oldest away keeps a chain that says where it begins.
  rmSync(join(directory, readdirSync(directory).filter((name) => name.startsWith("audit.0")).toSorted()[0]!));
  expect(await audit("verify")).toMatchObject({ code: 0, stdout: expect.stringMatching(/in one unbroken chain; \d+ older ones are in archives, the last with hash [0-9a-f]{64}/) as string });
  rmSync(join(directory, readdirSync(directory).filter((name) => name.startsWith("audit.0")).toSorted()[1]!));
  expect(await audit("verify")).toMatchObject({ code: 1, stderr: expect.stringContaining("are missing before it") as string });
});

test("an id is known although its record is in an archive", async () => {
  const first = await store(100);
  await first.append({ n: 1, text: "x".repeat(100) }, { id: "d1" });
  await first.close();
  const second = await store(100);
  await second.append({ n: 1 }, { id: "d1" });
  await second.close();
  expect((await audit("list", "--json")).stdout.split("\n")).toHaveLength(2);
});

test("what is exported is what replay reads", async () => {
  await fill(2);
  const exported = await audit("export");
  expect(exported.stdout).toBe(readFileSync(log(), "utf8"));
  writeFileSync(join(directory, "out.jsonl"), exported.stdout);
  const io = capture({ cwd: directory });
  await replay(["out.jsonl"], io);
  expect(io.err()).toBe("ebbgate replay: out.jsonl holds no decision that can be recomputed\n");
});

describe.skipIf(!hasRedis)("in Redis", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis.stop());
  let namespace = 0;
  let shared: RedisStore;
  beforeEach(async () => {
    shared = await RedisStore.open({ settings: redisSettings(redis.port, { namespace: `audit${++namespace}` }), clock });
  });
  afterEach(() => shared.close());
  const inRedis = (...argv: string[]): ReturnType<typeof ebbgate> => ebbgate(directory, "audit", ...argv, "--store", `redis://127.0.0.1:${redis.port}`, "--namespace", `audit${namespace}`);
  const key = (): string => shared.keyNames.audit;

  test("the same commands read the same lines", async () => {
    for (let n = 1; n <= 450; n++) await shared.append({ n });
    expect(await inRedis("verify")).toMatchObject({ code: 0, stdout: expect.stringContaining("450 records, 1 to 450, in one unbroken chain\n") as string });
    expect((await inRedis("list", "--limit", "1")).stdout).toBe('   450  2026-01-02T12:00:00.000Z  {"n":450}\n');
    writeFileSync(log(), (await inRedis("export")).stdout);
    expect(await audit("verify")).toMatchObject({ code: 0 });
  });

  test("verify finds an entry that was altered, and a log that was cut at either end", async () => {
    for (let n = 1; n <= 5; n++) await shared.append({ n });
    const all = (await redis.command("XRANGE", key(), "-", "+")) as [string, [string, string]][];
    const rewrite = async (entries: readonly [string, string][]): Promise<void> => {
      await redis.command("DEL", key());
      for (const [id, line] of entries) await redis.command("XADD", key(), id, "line", line);
    };
    const good = all.map(([id, [, line]]): [string, string] => [id, line]);
    await rewrite(good.map(([id, line]) => [id, line.replace('"n":3', '"n":4')]));
    expect(await inRedis("verify")).toMatchObject({ code: 1, stderr: expect.stringContaining("3-0: is altered or damaged") as string });
    await rewrite(good.slice(0, 4));
    expect(await inRedis("verify")).toMatchObject({ code: 1, stderr: expect.stringContaining("ends with record 4, but record 5 was written") as string });
    await rewrite(good.slice(1));
    expect(await inRedis("verify")).toMatchObject({ code: 1, stderr: expect.stringContaining("records 1 to 1 are missing before it") as string });
    await rewrite(good);
    expect(await inRedis("verify")).toMatchObject({ code: 0 });
  });

  test("the stream stays within its bound: the oldest records move to files, the chain goes through both, and nothing is lost on the way", async () => {
    for (let n = 1; n <= 250; n++) await shared.append({ n }, { id: `d${n}` });
    expect(await archiveAudit(shared, directory, 1_000)).toBeUndefined();
    expect(await archiveAudit(shared, directory, 200)).toMatch(/audit\.000000000001-000000000070\.jsonl$/);
    // Killed after the file and before the stream was trimmed: the next one begins where the stream does.
    for (let n = 251; n <= 300; n++) await shared.append({ n }, { id: `d${n}` });
    await archiveAudit(shared, directory, 200);
    expect(readdirSync(directory).toSorted()).toEqual(["audit.000000000001-000000000070.jsonl", "audit.000000000071-000000000120.jsonl"]);
    expect(await inRedis("verify")).toMatchObject({ code: 0, stdout: expect.stringMatching(/180 records, 121 to 300, in one unbroken chain; 120 older ones are in archives/) as string });
    writeFileSync(log(), (await inRedis("export")).stdout);
    expect(await audit("verify")).toMatchObject({ code: 0, stdout: expect.stringContaining("300 records, 1 to 300") as string });
    await shared.append({ n: 7 }, { id: "d7" });
    await shared.append({ n: 301 });
    expect(await inRedis("verify")).toMatchObject({ code: 0, stdout: expect.stringContaining("121 to 301") as string });
  });

  test("nothing is archived, and nothing removed, from a stream that is no chain", async () => {
    for (let n = 1; n <= 10; n++) await shared.append({ n });
    await redis.command("XDEL", key(), "2-0");
    await expect(archiveAudit(shared, directory, 5)).rejects.toMatchObject({ code: "corrupt" });
    expect(await redis.command("XLEN", key())).toBe(9);
  });
});
