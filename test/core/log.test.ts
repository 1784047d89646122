import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { AccessLog, type AccessEntry } from "../../src/core/access-log.ts";
import { createLog, LogDestination } from "../../src/core/log.ts";

const directory = mkdtempSync(join(tmpdir(), "ebbgate-log-"));
afterAll(() => rmSync(directory, { recursive: true }));

const root = new URL("../../", import.meta.url);
const run = promisify(execFile);
const linesOf = (text: string): Record<string, unknown>[] => text.trimEnd().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);

const entry: AccessEntry = {
  traceId: "", spanId: "", wallMs: Date.UTC(2026, 0, 2, 3, 4, 5, 6), route: "shop", variant: "v2", reason: "weighted", method: "GET", target: "/cart?token=abc", status: 200,
  firstByteMs: 1.23456, totalMs: 2.5, requestBytes: 0, responseBytes: 210, error: "", retries: 0, fallback: false,
};

async function written(name: string, fill: (log: AccessLog) => void, options: { sample?: number; query?: boolean } = {}) {
  const to = join(directory, name);
  const destination = new LogDestination({ to });
  const log = new AccessLog({ destination, sample: 1, thread: 0, ...options });
  fill(log);
  await log.flush();
  await destination.close();
  return linesOf(readFileSync(to, "utf8"));
}

describe("the log", () => {
  it("says when, how grave and what, as JSON, without secrets", async () => {
    const to = join(directory, "plain");
    const destination = new LogDestination({ to });
    const log = createLog({ level: "info", destination, fields: { thread: 3 } });
    log.info({ headers: { authorization: "Bearer abcdefgh" }, route: "shop" }, "asked with Basic dXNlcjpwYXNz");
    log.error({ err: Object.assign(new Error("no answer", { cause: new Error("ECONNRESET") }), { request: { cookie: "sid=1" } }) }, "failed");
    log.debug("not said");
    await destination.close();
    const text = readFileSync(to, "utf8");
    const [first, second, ...rest] = linesOf(text);
    expect(rest).toEqual([]);
    expect(first).toMatchObject({ level: "info", thread: 3, route: "shop", headers: { authorization: "[redacted]" }, msg: "asked with Basic [redacted]" });
    expect(new Date(first!["time"] as string).getTime()).not.toBeNaN();
    expect(second).toMatchObject({ level: "error", err: { type: "Error", message: "no answer", cause: { message: "ECONNRESET" } } });
    expect(text).not.toContain("sid=1");
  });

  it.each(["socket", "pipe"])("loses no line into a %s when the process exits at once, from the main thread and from a worker, and mixes none", async (kind) => {
    const script = `
      import { isMainThread, Worker, threadId } from "node:worker_threads";
      import { createLog, LogDestination } from ${JSON.stringify(new URL("src/core/log.ts", root).href)};
      import { AccessLog } from ${JSON.stringify(new URL("src/core/access-log.ts", root).href)};
      const destination = new LogDestination({ to: 1 });
      const log = createLog({ level: "info", destination, fields: { thread: threadId } });
      const access = new AccessLog({ destination, sample: 1, thread: threadId });
      const fill = () => {
        for (let i = 0; i < 2000; i++) {
          log.info({ i, pad: "x".repeat(i % 300) }, "line");
          access.write({ ...${JSON.stringify(entry)}, retries: i });
        }
      };
      if (isMainThread) {
        const worker = new Worker(new URL(import.meta.url));
        fill();
        worker.on("exit", () => process.exit(0));
      } else {
        fill();
        process.exit(0);
      }`;
    const file = join(directory, "exit.mjs");
    writeFileSync(file, script);
    // What Node gives a child as a pipe is a socket; the shell's pipe is one.
    const [command, args] = kind === "socket" ? [process.execPath, [file]] : ["sh", ["-c", `"${process.execPath}" "${file}" | cat`]];
    const { stdout } = await run(command, args, { maxBuffer: 64 << 20 });
    const lines = linesOf(stdout);
    expect(lines.filter((line) => line["msg"] === "line")).toHaveLength(4000);
    expect(lines.filter((line) => line["msg"] === "request")).toHaveLength(4000);
  });

  it("drops and counts, instead of growing, when nobody reads its output; and says all it kept once someone does", async () => {
    const script = `
      import { createLog, LogDestination } from ${JSON.stringify(new URL("src/core/log.ts", root).href)};
      const destination = new LogDestination({ to: 1, bufferBytesMax: 200_000 });
      const log = createLog({ level: "info", destination });
      for (let i = 0; i < 20_000; i++) log.info({ i }, "line");
      process.stderr.write(JSON.stringify({ dropped: destination.dropped, pending: destination.pendingBytes }) + "\\n");
      process.stdin.once("data", async () => { await destination.flush(10_000); process.exit(0); });`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["pipe", "pipe", "pipe"] });
    let out = "";
    const [said] = (await once(child.stderr, "data")) as [Buffer];
    const { dropped, pending } = JSON.parse(said.toString()) as { dropped: number; pending: number };
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stdin.write("go\n");
    await once(child, "close");
    expect(pending).toBeLessThanOrEqual(200_000);
    expect(dropped).toBeGreaterThan(1_000);
    expect(linesOf(out)).toHaveLength(20_000 - dropped);
  });
});

describe("a stuck reader of the log", () => {
  it.each(["socket", "pipe"])("neither blocks the process nor holds its exit, be it a %s", async (kind) => {
    const script = `
      import { createLog, LogDestination } from ${JSON.stringify(new URL("src/core/log.ts", root).href)};
      const destination = new LogDestination({ to: 1 });
      const log = createLog({ level: "info", destination });
      for (let i = 0; i < 5_000; i++) log.info({ i, pad: "x".repeat(100) }, "line");
      process.stderr.write("went on\\n");
      await destination.flush(50);
      process.exit(7);`;
    const fifo = join(directory, "stuck");
    if (kind === "pipe") execFileSync("mkfifo", [fifo]);
    const stdout = kind === "pipe" ? openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK) : ("pipe" as const);
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", stdout, "pipe"] });
    const exited = once(child, "exit");
    const [said] = (await once(child.stderr!, "data")) as [Buffer];
    expect(said.toString()).toBe("went on\n");
    expect((await exited)[0]).toBe(7);
    child.stdout?.destroy();
    if (typeof stdout === "number") closeSync(stdout);
  });

  it("that goes away does not end the process", async () => {
    const script = `
      import { createLog, LogDestination } from ${JSON.stringify(new URL("src/core/log.ts", root).href)};
      const destination = new LogDestination({ to: 1 });
      const log = createLog({ level: "info", destination });
      process.stdin.once("data", () => {
        log.info("to nobody");
        log.info("to nobody");
        process.stderr.write("dropped " + destination.dropped);
        process.exit(0);
      });
      log.info("to somebody");`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["pipe", "pipe", "pipe"] });
    await once(child.stdout, "data");
    child.stdout.destroy();
    await once(child.stdout, "close");
    child.stdin.write("go\n");
    const exited = once(child, "exit");
    const [said] = (await once(child.stderr, "data")) as [Buffer];
    expect([said.toString(), (await exited)[0]]).toEqual(["dropped 1", 0]);
  });
});

describe("the access log", () => {
  it("writes one line for a request, with units in the names and without the query", async () => {
    expect(await written("one", (log) => log.write(entry))).toEqual([
      {
        level: "info", time: "2026-01-02T03:04:05.006Z", msg: "request", route: "shop", variant: "v2", reason: "weighted", method: "GET", path: "/cart",
        status: 200, firstByteMs: 1.235, totalMs: 2.5, requestBytes: 0, responseBytes: 210, thread: 0,
      },
    ]);
  });

  it("says what failed, what was sent again and that the baseline answered", async () => {
    const failed = { ...entry, status: 0, firstByteMs: -1, error: "reset", retries: 1, fallback: true };
    const [line] = await written("failed", (log) => log.write(failed));
    expect(line).toMatchObject({ error: "reset", retries: 1, fallback: true });
    expect(line).not.toHaveProperty("firstByteMs");
  });

  it("stays valid JSON, of one line, whatever the target holds", async () => {
    const targets = ['/"quoted"\\', "/new\nline\u0000", "/\u{1f600}/\ud800", `/${"long".repeat(5000)}`];
    const lines = await written("hostile", (log) => targets.forEach((target) => log.write({ ...entry, target })));
    expect(lines).toHaveLength(targets.length);
    expect(lines[0]!["path"]).toBe(targets[0]);
    expect((lines[3]!["path"] as string).length).toBeLessThan(1100);
  });

  it("keeps the query only when asked to", async () => {
    const [line] = await written("query", (log) => log.write(entry), { query: true });
    expect(line!["path"]).toBe("/cart?token=abc");
  });

  it("logs the given share of requests, and every failed one", () => {
    const destination = new LogDestination({ to: join(directory, "sample") });
    let draw = 0;
    const log = new AccessLog({ destination, sample: 0.25, thread: 0, random: () => (draw++ % 100) / 100 });
    let wanted = 0;
    for (let i = 0; i < 100; i++) if (log.wants(false)) wanted++;
    expect(wanted).toBe(25);
    for (let i = 0; i < 100; i++) expect(log.wants(true)).toBe(true);
  });
});
