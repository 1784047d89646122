import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { findCommand, versionOf } from "../processes.ts";

/** What one timed load found. */
export interface LoadResult {
  readonly completed: number;
  /** Answers that were no 2xx, and requests without one. */
  readonly failed: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** A closed-loop generator: every connection sends its next request when it has the answer to the last. */
export interface Load {
  readonly name: string;
  run(port: number, seconds: number, core: number | null): Promise<LoadResult>;
}

export const connections = 64;
/** Cohort keys that the load rotates through. */
export const users = 1_024;

/** @returns null where that generator is not installed */
export function findLoad(name: "wrk" | "autocannon"): Load | null {
  if (name === "autocannon") return autocannonLoad;
  return findCommand("wrk") === null ? null : wrkLoad(findCommand("wrk")!);
}

const autocannonLoad: Load = {
  name: "autocannon",
  run(port, seconds, core) {
    const script = fileURLToPath(new URL("./autocannon-load.ts", import.meta.url));
    return runJson(process.execPath, [script, String(port), String(seconds)], core);
  },
};

function wrkLoad(command: string): Load {
  const script = fileURLToPath(new URL("./wrk.lua", import.meta.url));
  return {
    name: `wrk ${versionOf(command, "-v")}`,
    run(port, seconds, core) {
      const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "-s", script, `http://127.0.0.1:${port}/`, "--", String(users)];
      return runJson(command, args, core);
    },
  };
}

/** Runs a generator and reads the JSON on the last line of its output. */
async function runJson(command: string, args: readonly string[], core: number | null): Promise<LoadResult> {
  const [file, all] = core === null ? [command, args] : ["taskset", ["-c", String(core), command, ...args]];
  const child = spawn(file, all, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (bytes: Buffer) => (output += bytes.toString("utf8")));
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const line = output.trim().split("\n").at(-1) ?? "";
  if (status !== 0 || !line.startsWith("{")) throw new Error(`${command} ended with ${status}: ${output.slice(-500)}`);
  return JSON.parse(line) as LoadResult;
}
