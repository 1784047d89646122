import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createServer, connect } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** A child process of a benchmark, and how to end it. */
export interface Running {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Everything that it wrote so far, both streams, for the message when it fails. At most the last 8 KiB. */
  output(): string;
  /** SIGTERM, and SIGKILL after 5 s. Resolves when it is gone. */
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();
const directories = new Set<string>();
const outputBytesMax = 8_192;
const stopTimeoutMs = 5_000;
const listenTimeoutMs = 20_000;

process.once("exit", () => {
  // SIGTERM, never SIGKILL: nginx's master would leave its worker behind.
  for (const child of running) child.kill("SIGTERM");
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

/** A directory that goes when the benchmark goes. */
export function scratchDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "ebbgate-bench-"));
  directories.add(directory);
  return directory;
}

/** The first of the names that the PATH knows, or null. */
export function findCommand(name: string): string | null {
  for (const directory of `${process.env["PATH"] ?? ""}:/usr/sbin:/usr/local/sbin`.split(":")) {
    const path = join(directory, name);
    if (directory !== "" && spawnSync("test", ["-x", path]).status === 0) return path;
  }
  return null;
}

/** What a command prints when asked for its version: the first number with dots in it. */
export function versionOf(command: string, flag: string): string {
  const { stdout, stderr } = spawnSync(command, [flag], { encoding: "utf8" });
  // Without what only looks like a version in the command's own path: Envoy prints it first.
  return /(?<![\d.])\d+(\.\d+)+/.exec(`${stdout}${stderr}`.replaceAll(/\S*\/bin\/\S*/g, ""))?.[0] ?? "unknown";
}

/** Starts a command, on one core only where one is given. */
export function start(command: string, args: readonly string[], options: { core?: number | null; cwd?: string } = {}): Running {
  const core = options.core ?? null;
  const [file, all] = core === null ? [command, args] : ["taskset", ["-c", String(core), command, ...args]];
  const child = spawn(file, all, { stdio: ["ignore", "pipe", "pipe"], cwd: options.cwd });
  running.add(child);
  let output = "";
  const keep = (bytes: Buffer): void => {
    output = (output + bytes.toString("utf8")).slice(-outputBytesMax);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const ended = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      output += error.message;
      running.delete(child);
      resolve();
    });
    child.once("exit", () => {
      running.delete(child);
      resolve();
    });
  });
  return {
    pid: child.pid ?? -1,
    child,
    output: () => output,
    async stop() {
      child.kill("SIGTERM");
      const kill = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
      await ended;
      clearTimeout(kill);
    },
  };
}

/** A port that was free a moment ago, on 127.0.0.1. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** @throws when the process ends first, or nothing listens on the port after 20 s */
export async function untilListening(process: Running, port: number): Promise<void> {
  const deadline = performance.now() + listenTimeoutMs;
  while (performance.now() < deadline) {
    if (process.child.exitCode !== null || process.pid < 0) throw new Error(`it ended at once: ${process.output().trim()}`);
    if (await accepts(port)) return;
    await delay(50);
  }
  throw new Error(`nothing listens on port ${port} after ${listenTimeoutMs} ms: ${process.output().trim()}`);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/**
 * User and system time of a process, its threads and all its living descendants, in milliseconds, and of descendants
 * that have ended. Grain: one clock tick, 10 ms (proc(5), /proc/pid/stat fields 14-17).
 */
export function cpuMs(pid: number): number {
  const parents = new Map<number, number>();
  const ticks = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readStat(Number(name));
    if (stat === null) continue;
    parents.set(Number(name), stat.parent);
    ticks.set(Number(name), stat.ticks);
  }
  let sum = 0;
  for (const [candidate, used] of ticks) {
    let at: number | undefined = candidate;
    while (at !== undefined && at !== pid) at = parents.get(at);
    if (at === pid) sum += used;
  }
  return sum * msPerTick;
}

const msPerTick = 1_000 / Number(spawnSync("getconf", ["CLK_TCK"], { encoding: "utf8" }).stdout || 100);

function readStat(pid: number): { parent: number; ticks: number } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The command may hold blanks and brackets: count from behind its last bracket.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const at = (field: number): number => Number(fields[field - 3]);
    return { parent: at(4), ticks: at(14) + at(15) + at(16) + at(17) };
  } catch {
    return null;
  }
}

/** Resident memory in bytes: now, or the highest so far. */
export function residentBytes(pid: number, which: "now" | "peak" = "now"): number {
  const text = readFileSync(`/proc/${pid}/status`, "latin1");
  const line = which === "now" ? /^VmRSS:\s+(\d+) kB/m : /^VmHWM:\s+(\d+) kB/m;
  return Number(line.exec(text)?.[1] ?? Number.NaN) * 1_024;
}

/** Open file descriptors of a process. */
export function openDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
