/** The demo's child processes: started, watched, and gone when the demo goes, whatever ends it. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const outputBytesMax = 16_384;
const startTimeoutMs = 15_000;
const stopTimeoutMs = 3_000;

/**
 * Loaded into every child: its channel to the demo closes even when the demo is killed with SIGKILL, and then the
 * child ends too. Proxy threads load it as well, and have no channel.
 */
const endWithParent =
  "data:text/javascript," + encodeURIComponent("if (process.channel) { process.once('disconnect', () => process.exit(1)); process.channel.unref(); }");

export interface Child {
  readonly pid: number;
  /** The last 16 KiB of both output streams. */
  output(): string;
  /** True once it has ended. */
  ended(): boolean;
  /** SIGTERM, and SIGKILL after 3 s. Resolves when it is gone. */
  stop(): Promise<void>;
}

/** Where a script of this package is: as source in a checkout, or built beside the bundle. */
export function findScript(source: string, built: string): string {
  for (const candidate of [new URL(`../../../${source}`, import.meta.url), new URL(`./${built}`, import.meta.url)]) {
    if (existsSync(candidate)) return fileURLToPath(candidate);
  }
  throw new Error(`the demo needs ${source} (or ${built}), which is not there: run it from a checkout, or install the package again`);
}

export class Children {
  readonly #children = new Set<ChildProcess>();
  readonly #killAll = (): void => {
    for (const child of this.#children) child.kill("SIGKILL");
  };

  constructor() {
    process.once("exit", this.#killAll);
  }

  /** Starts a Node script. @param name for messages */
  start(name: string, script: string, args: readonly string[], cwd: string): Child {
    const child = spawn(process.execPath, ["--import", endWithParent, script, ...args], { cwd, stdio: ["ignore", "pipe", "pipe", "ipc"] });
    this.#children.add(child);
    let output = "";
    const keep = (bytes: Buffer): void => {
      output = (output + bytes.toString("utf8")).slice(-outputBytesMax);
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    const gone = new Promise<void>((resolve) => {
      const end = (): void => {
        this.#children.delete(child);
        resolve();
      };
      child.once("exit", end);
      child.once("error", (error) => {
        output += `${name} could not be started: ${error.message}`;
        end();
      });
    });
    return {
      pid: child.pid ?? -1,
      output: () => output,
      ended: () => !this.#children.has(child),
      stop: async () => {
        child.kill("SIGTERM");
        const kill = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
        await gone;
        clearTimeout(kill);
      },
    };
  }

  /** Nothing is left to kill at exit. */
  release(): void {
    process.off("exit", this.#killAll);
  }
}

/**
 * Waits until `ready` gives something else than null, asking every 25 ms.
 *
 * @throws when the child ends first, or after 15 s; with what the child wrote
 */
export async function untilReady<T>(name: string, child: Child, ready: () => T | null | Promise<T | null>): Promise<T> {
  const deadline = performance.now() + startTimeoutMs;
  for (;;) {
    const found = await ready();
    if (found !== null) return found;
    const problem = child.ended() ? "ended at once" : performance.now() > deadline ? `is not ready after ${startTimeoutMs / 1000} s` : null;
    if (problem !== null) throw new Error(`${name} ${problem}\n${child.output().trim()}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
