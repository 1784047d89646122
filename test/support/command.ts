/** `ebbgate ...` as a real process, without a terminal or in one. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { entry } from "./entry.ts";

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Given to its standard input, which then ends. */
  readonly input?: string;
}

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export class RunningCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  private text = "";
  private complaints = "";
  private wake: () => void = () => undefined;

  constructor(program: string, args: readonly string[], { cwd, env = {}, input = "" }: CommandOptions) {
    // What this machine's own environment says is no part of the test.
    const { EBBGATE_ADMIN: _admin, EBBGATE_TOKEN: _token, NO_COLOR: _colour, ...inherited } = process.env;
    this.child = spawn(program, args, { ...(cwd !== undefined && { cwd }), env: { ...inherited, ...env }, stdio: ["pipe", "pipe", "pipe"] });
    this.child.stdin!.on("error", () => undefined);
    if (input !== "") this.child.stdin!.end(input);
    this.child.stdout!.on("data", (bytes: Buffer) => {
      this.text += bytes.toString();
      this.wake();
    });
    this.child.stderr!.on("data", (bytes: Buffer) => {
      this.complaints += bytes.toString();
      this.wake();
    });
    this.ended = once(this.child, "close").then(([code]) => {
      this.wake();
      return { code: code as number | null, out: this.text, err: this.complaints };
    });
  }

  get out(): string {
    return this.text;
  }

  get err(): string {
    return this.complaints;
  }

  /** Resolves when its output has it. Fails where the process ends first. */
  async says(wanted: string | RegExp): Promise<void> {
    const there = (): boolean => [this.text, this.complaints].some((text) => (typeof wanted === "string" ? text.includes(wanted) : wanted.test(text)));
    while (!there()) {
      const ended = await Promise.race([this.ended, new Promise<null>((resolve) => (this.wake = () => resolve(null)))]);
      if (ended !== null && !there()) throw new Error(`it ended with code ${ended.code} and never said ${String(wanted)}:\n${ended.out}\n${ended.err}`);
    }
  }
}

/** Started, and left running. */
export const start = (args: readonly string[], options: CommandOptions = {}): RunningCommand => new RunningCommand(process.execPath, [entry, ...args], options);

/** Run to its end. */
export const ebbgate = (args: readonly string[], options: CommandOptions = {}): Promise<Ended> => {
  const running = start(args, options);
  if (options.input === undefined) running.child.stdin!.end();
  return running.ended;
};

/** util-linux's `script` gives a process a terminal. */
export const hasTerminal = process.platform === "linux" && spawnSync("script", ["--version"]).status === 0;

/** In a terminal of that size, whose keys are the process's input; its device is the first line. */
export function inTerminal(args: readonly string[], { columns = 100, rows = 30, ...options }: CommandOptions & { readonly columns?: number; readonly rows?: number } = {}): RunningCommand {
  const quoted = [process.execPath, entry, ...args].map((arg) => `'${arg.replaceAll("'", "'\\''")}'`).join(" ");
  return new RunningCommand("script", ["-qefc", `stty cols ${columns} rows ${rows}; tty; exec ${quoted}`, "/dev/null"], { ...options, env: { TERM: "xterm", ...options.env } });
}
