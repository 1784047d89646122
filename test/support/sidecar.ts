/** `ebbgate run` as a real process, with its configuration in a directory of its own. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { entry } from "./entry.ts";

export interface LogLine {
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface SidecarProcess {
  readonly child: ChildProcess;
  readonly proxy: string;
  readonly admin: string;
  readonly lines: readonly LogLine[];
  /** The first line, old or new, that fits. */
  line(fits: (line: LogLine) => boolean): Promise<LogLine>;
  status(): Promise<Status>;
  /** @returns the exit code */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface Status {
  readonly ready: boolean;
  readonly revision: number;
  readonly configuration: { readonly lastLoadOk: boolean; readonly refusals: number; readonly lastRefusal: { readonly detail: string } | null };
  readonly routes: readonly { readonly name: string; readonly variants: readonly { readonly name: string; readonly weight: number; readonly totals: { readonly requests: number } }[] }[];
  readonly rollouts: readonly { readonly name: string; readonly phase: string; readonly weight: number; readonly quarantined: boolean }[];
}

export class Workplace {
  readonly directory = mkdtempSync(join(tmpdir(), "ebbgate-run-test-"));
  /** Added to the process's environment. */
  env: NodeJS.ProcessEnv = {};
  /** What runs the program, where something has to be made for it first: a program and its arguments, before the program's own. */
  within: readonly string[] = [];
  private readonly running: ChildProcess[] = [];

  /** Writes the configuration as an editor does: a new file, renamed over the old one. @param dynamic beside the routes */
  write(routes: unknown, bootstrap: object = {}, dynamic: object = {}): void {
    const document = { listeners: [{ address: "127.0.0.1:0" }], admin: { address: "127.0.0.1:0" }, ...bootstrap, dynamic: { routes, ...dynamic } };
    this.writeText(JSON.stringify(document));
  }

  writeText(text: string): void {
    const path = join(this.directory, "ebbgate.json");
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  }

  /** Starts the sidecar and waits until it is ready. */
  async start(): Promise<SidecarProcess> {
    const [program, ...args] = [...this.within, process.execPath, entry, "run", "--config", "ebbgate.json"];
    const child = spawn(program, args, { cwd: this.directory, env: { ...process.env, ...this.env }, stdio: ["ignore", "pipe", "pipe"] });
    this.running.push(child);
    let complaints = "";
    child.stderr.on("data", (bytes: Buffer) => (complaints += bytes.toString()));
    const exited = once(child, "exit").then(([code]) => code as number | null);
    const lines: LogLine[] = [];
    let wake: () => void = () => {};
    createInterface(child.stdout).on("line", (text) => {
      lines.push(JSON.parse(text) as LogLine);
      wake();
    });
    const line = async (fits: (line: LogLine) => boolean): Promise<LogLine> => {
      for (;;) {
        const found = lines.find(fits);
        if (found !== undefined) return found;
        const ended = await Promise.race([exited.then((code) => `the sidecar ended with code ${code}: ${complaints}`), new Promise<null>((resolve) => (wake = () => resolve(null)))]);
        if (ended !== null && lines.find(fits) === undefined) throw new Error(ended);
      }
    };
    const ready = await line(({ msg }) => msg === "Ebbgate is ready.");
    const admin = `http://${ready.admin as string}`;
    return {
      child, lines, line, admin,
      proxy: `http://${(ready.listeners as string[])[0]}`,
      status: async () => (await (await fetch(`${admin}/api/v1/status`)).json()) as Status,
      stop: (signal = "SIGTERM") => {
        child.kill(signal);
        return exited;
      },
    };
  }

  /** Everything that its store holds, as text. */
  async text(): Promise<string> {
    const names = await readdir(join(this.directory, ".ebbgate"), { recursive: true, withFileTypes: true });
    return (await Promise.all(names.flatMap((one) => (one.isFile() ? [readFile(join(one.parentPath, one.name), "utf8").catch(() => "")] : [])))).join("\n");
  }

  /** Ends what still runs and removes the directory. */
  clear(): void {
    for (const child of this.running) child.kill("SIGKILL");
    rmSync(this.directory, { recursive: true, force: true });
  }
}
