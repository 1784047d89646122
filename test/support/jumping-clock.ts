/** Wall clocks of real processes that jump when a test says so, by a library that is preloaded into them (jumping-clock.c). */
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const directory = mkdtempSync(join(tmpdir(), "ebbgate-clock-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
const library = join(directory, "clock.so");
const source = fileURLToPath(new URL("jumping-clock.c", import.meta.url));

/** Whether this machine can make one: Linux with a C compiler. */
export const clocksCanJump = process.platform === "linux" && spawnSync("cc", ["-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"]).status === 0;

let clocks = 0;

export class JumpingClock {
  private readonly file = join(directory, `clock-${++clocks}`);
  /** For the processes whose clock it is to be. */
  readonly env = { LD_PRELOAD: library, JUMPING_CLOCK: this.file };

  constructor() {
    writeFileSync(this.file, Buffer.alloc(8));
  }

  /** @param aheadMs of the true time, in whole seconds */
  jump(aheadMs: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(aheadMs));
    // In place: the file is mapped, and must never be shorter for a moment.
    const file = openSync(this.file, "r+");
    writeSync(file, bytes, 0, bytes.length, 0);
    closeSync(file);
  }
}
