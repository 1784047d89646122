import type { CliIo } from "../../src/cli/args.ts";

/** An io that remembers what was written. */
export function capture(options: { cwd?: string; env?: Record<string, string> } = {}): CliIo & { out: () => string; err: () => string } {
  const out: string[] = [];
  const err: string[] = [];
  return {
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    env: options.env ?? {},
    cwd: options.cwd ?? process.cwd(),
    out: () => out.join(""),
    err: () => err.join(""),
  };
}
