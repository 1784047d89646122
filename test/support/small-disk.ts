/** A small disk of its own for a process, in a namespace of its own: no rights are needed, and nothing stays mounted. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What runs a program with such a disk at `directory`: a program and its arguments, before the program's own. */
export const onSmallDisk = (directory: string, kibibytes: number): string[] =>
  ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", `mount -t tmpfs -o size=${kibibytes}k none "${directory}" && exec "$@"`, "sh"];

/** Whether this machine can make one. */
export function smallDisksArePossible(): boolean {
  const directory = mkdtempSync(join(tmpdir(), "ebbgate-disk-probe-"));
  const [program, ...args] = [...onSmallDisk(directory, 400), "true"];
  const { status } = spawnSync(program, args);
  rmdirSync(directory);
  return status === 0;
}
