import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import type { Summary } from "../../src/cli/demo/summary.ts";
import { entry } from "../support/entry.ts";

const demos: ChildProcess[] = [];
// A demo that is killed cannot take its directory away: it gets one of the test's own.
const directory = mkdtempSync(join(tmpdir(), "ebbgate-demo-test-"));
afterEach(() => {
  for (const demo of demos.splice(0)) demo.kill("SIGKILL");
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Demo {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly until: (text: string) => Promise<void>;
}

function startDemo(...args: string[]): Demo {
  const child = spawn(process.execPath, [entry, "demo", "--rate", "300", ...args], { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, TMPDIR: directory } });
  demos.push(child);
  let output = "";
  child.stdout.on("data", (bytes: Buffer) => (output += bytes.toString("utf8")));
  return {
    child,
    output: () => output,
    until: async (text) => {
      while (!output.includes(text)) await once(child.stdout, "data");
    },
  };
}

/** The processes that `pid` started, by what /proc says of their parents. */
function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => parentOf(name) === pid)
    .map(Number);
}

function parentOf(pid: string): number | null {
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  } catch {
    return null;
  }
}

function lives(pid: number): boolean {
  try {
    // A zombie has ended; only its parent has not looked yet.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

test("the demo takes a crashed candidate out by itself, and its readers notice nothing", async () => {
  const { child, output } = startDemo("--auto", "--fault", "crash");
  const [status] = (await once(child, "close")) as [number | null];
  const summary = JSON.parse(output().trim().split("\n").at(-1)!) as Summary;
  expect(summary, output()).toMatchObject({ fault: "crash", reason: "breakerTripped", secondsToRollback: expect.any(Number) });
  expect(summary.safeErrorsAfterFault / summary.safeRequestsAfterFault, output()).toBeLessThan(0.001);
  expect(summary.answeredAfterRollback["2"]).toBeUndefined();
  // Whether the verification ends within the demo's minute depends on how busy the machine is; the exit status tells.
  expect(status).toBe(summary.rolledBack ? 0 : 1);
  expect(summary.rolledBack).toBe(summary.phase === "rolledBack");
}, 90_000);

test("a demo that is interrupted ends its shops and its sidecar", async () => {
  const demo = startDemo("--auto");
  await demo.until("progressing");
  const started = childrenOf(demo.child.pid!);
  expect(started).toHaveLength(3);
  demo.child.kill("SIGINT");
  const [status] = (await once(demo.child, "close")) as [number | null];
  expect(status).toBe(130);
  expect(started.filter(lives)).toEqual([]);
}, 60_000);

test("a demo that is killed outright leaves no process behind", async () => {
  const demo = startDemo("--auto");
  await demo.until("progressing");
  const started = childrenOf(demo.child.pid!);
  expect(started).toHaveLength(3);
  demo.child.kill("SIGKILL");
  await expect.poll(() => started.filter(lives), { timeout: 20_000 }).toEqual([]);
}, 60_000);

test("an unknown fault is refused with the known ones", async () => {
  const child = spawn(process.execPath, [entry, "demo", "--fault", "fire"], { stdio: ["ignore", "ignore", "pipe"] });
  let message = "";
  child.stderr.on("data", (bytes: Buffer) => (message += bytes.toString("utf8")));
  const [status] = (await once(child, "close")) as [number | null];
  expect(status).toBe(2);
  expect(message).toMatch(/--fault is one of errors, latency, hang, crash, none, not 'fire'/);
});
