import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { systemCode } from "./durable.ts";
import { StoreError } from "./store.ts";

/**
 * Takes a directory for this process. Two processes that both compare-and-set in one directory would each believe that
 * they won.
 *
 * Each contender puts down a claim, a file whose name is its alone, and *then* looks for others: of two, at least one
 * sees the other, and only who sees no living other has the directory. A claim of a dead process (`kill -9`) is
 * removed; its name is never used again, so a living claim cannot be removed by mistake. A process id counts only
 * together with the time at which that process started, because ids are used again, in containers almost at once.
 *
 * @returns what gives the directory back
 * @throws StoreError `locked`
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const own = `lock.${process.pid}.${startOf(process.pid) ?? "0"}.${randomBytes(8).toString("hex")}`;
  const path = join(directory, own);
  const withdraw = (): Promise<void> => rm(path, { force: true });
  let holder = "";
  let claimed = false;
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    if (attempt > 0) await sleep(retryAfterMs);
    // Who has no claim puts one down only where there is none, so that whoever has one can see itself alone.
    if (!claimed && (holder = (await livingClaims(directory, own))[0] ?? "") !== "") continue;
    if (!claimed) await (await open(path, "w", 0o600)).close();
    claimed = true;
    holder = (await livingClaims(directory, own))[0] ?? "";
    if (holder === "") return withdraw;
    // Of contenders at the same time the first by name keeps its claim and the others make way, or none would win.
    if (holder > own) continue;
    await withdraw();
    claimed = false;
  }
  await withdraw();
  throw new StoreError("locked", `${directory} is in use by process ${holder.split(".")[1]}: stop it, or give each sidecar its own store directory`);
}

/** Whether a living process has the directory. */
export const isLocked = async (directory: string): Promise<boolean> => (await livingClaims(directory, "")).length > 0;

const attemptsMax = 10;
const retryAfterMs = 20;

/** Names of the claims of living processes other than `own`, ascending; those of dead ones are removed. */
async function livingClaims(directory: string, own: string): Promise<string[]> {
  const living: string[] = [];
  for (const name of (await readdir(directory)).toSorted()) {
    const [, pid, started] = /^lock\.(\d+)\.(\d+)\.[0-9a-f]+$/.exec(name) ?? [];
    if (name === own || pid === undefined || started === undefined) continue;
    if (isAlive(Number(pid), started)) living.push(name);
    else await rm(join(directory, name), { force: true });
  }
  return living;
}

function isAlive(pid: number, started: string): boolean {
  const now = startOf(pid);
  if (now !== undefined) return now === started;
  // No /proc here: the process id alone has to do.
  try {
    return process.platform !== "linux" && process.kill(pid, 0);
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
}

/** When a process started, in clock ticks since boot (proc(5), stat, field 22); undefined where that is not known. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the command's name in parentheses, and may itself hold spaces and parentheses.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
