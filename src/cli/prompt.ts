/** A question to whoever sits at the terminal. */
import { createInterface } from "node:readline/promises";
import type { CliIo } from "./args.ts";

/** Whether there is somebody to ask. */
export const canAsk = (io: CliIo): boolean => io.stderr.isTTY === true && process.stdin.isTTY;

/** On stderr: stdout is for data. @returns false for anything but a yes, and for Ctrl-C and Ctrl-D */
export async function confirm(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const ended = new Promise<string>((resolve) => {
      lines.once("close", () => resolve(""));
      lines.once("SIGINT", () => resolve(""));
    });
    return /^\s*y(?:es)?\s*$/i.test(await Promise.race([lines.question(`${question} [y/N] `).catch(() => ""), ended]));
  } finally {
    lines.close();
  }
}
