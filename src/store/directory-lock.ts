import { readFileSync } from "node:fs";
import { link, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { readIfPresent, systemCode } from "./durable.ts";
import { StoreError } from "./store.ts";

/**
 * Takes a directory for this process. Two processes that both compare-and-set in one directory would each believe that
 * they won. A lock whose holder is gone (`kill -9`) is taken over: the process id counts only together with the time at
 * which that process started, because ids are used again, in containers almost at once.
 *
 * @returns what gives the directory back
 * @throws StoreError `locked`
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const path = join(directory, "lock");
  const own = holderText(process.pid);
  const draft = `${path}.${process.pid}.${attempts++}`;
  const file = await open(draft, "w", 0o600);
  await file.writeFile(own);
  await file.close();
  try {
    for (let attempt = 0; attempt < takeoverAttemptsMax; attempt++) {
      try {
        // A link fails if the name is taken, and shows the whole text at once: nobody reads half a lock.
        await link(draft, path);
        return async () => {
          if ((await readIfPresent(path)) === own) await rm(path, { force: true });
        };
      } catch (error) {
        if (systemCode(error) !== "EEXIST") throw error;
      }
      const holder = (await readIfPresent(path)) ?? "";
      const pid = Number(holder.split(" ")[0]);
      if (isAlive(pid) && holderText(pid) === holder) {
        throw new StoreError("locked", `${directory} is in use by process ${pid}: stop it, or give each sidecar its own store directory`);
      }
      await removeStale(path, holder);
    }
    throw new StoreError("locked", `${directory} is being taken by another process: give each sidecar its own store directory`);
  } finally {
    await rm(draft, { force: true });
  }
}

/** Removes a dead holder's lock, and only that one: another process may have taken it over a moment ago. */
async function removeStale(path: string, holder: string): Promise<void> {
  const aside = `${path}.stale.${process.pid}.${attempts++}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return;
    throw error;
  }
  // Not what was seen: it is a living process's lock, and goes back.
  if ((await readIfPresent(aside)) !== holder) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

const takeoverAttemptsMax = 10;
let attempts = 0;

/** Process id and, where the system tells, the start time in clock ticks since boot (proc(5), stat, field 22). */
function holderText(pid: number): string {
  let started = "";
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the command's name in parentheses, and may itself hold spaces and parentheses.
    started = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    // No /proc here: the process id alone has to do.
  }
  return `${pid} ${started}\n`;
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
}
