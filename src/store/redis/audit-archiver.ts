/** Keeps the audit stream within bounds: the oldest records move to files, and the last one there anchors what stays. */
import { mkdir, open, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { archiveName } from "../audit-archive.ts";
import { ChainCheck, isFault } from "../audit-chain.ts";
import { syncDirectory } from "../durable.ts";
import { StoreError } from "../store-error.ts";
import type { StoreWarning } from "../store.ts";
import type { RedisStore } from "./redis-store.ts";

const everyMs = 60_000;
const leaseName = "audit-archive";
const leaseMs = 300_000;

/**
 * Moves the oldest records to a file when there are more than `recordsMax`, so that nine tenths of that stay. Durable
 * there before they are removed here: a crash in between leaves them in both.
 *
 * @returns the file; undefined where nothing was to be moved @throws StoreError `corrupt` where they are no chain: nothing is moved then
 */
export async function archiveAudit(store: RedisStore, directory: string, recordsMax: number): Promise<string | undefined> {
  const { anchor, length } = await store.stream.bounds();
  if (length <= recordsMax) return undefined;
  const moved = length - Math.floor(recordsMax * 0.9);
  const chain = new ChainCheck(anchor);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const temporary = join(directory, "audit.new");
  const file = await open(temporary, "w", 0o600);
  try {
    for await (const placed of store.stream.lines()) {
      const taken = chain.take(placed);
      if (isFault(taken)) throw new StoreError("corrupt", `${placed.place}: ${taken.why}`);
      await file.appendFile(`${placed.line}\n`);
      if (chain.records >= moved) break;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  const path = join(directory, archiveName(chain.first!.seq, chain.last!.seq));
  await rename(temporary, path);
  await syncDirectory(dirname(path));
  await store.stream.trim(chain.last!);
  return path;
}

/** Looks once a minute; of a fleet's sidecars, whichever has the lease. @returns what ends it */
export function keepAuditBounded(store: RedisStore, directory: string, recordsMax: number, holder: string, warn: StoreWarning): () => void {
  const look = async (): Promise<void> => {
    const lease = await store.lease(leaseName, holder, leaseMs);
    if (lease === undefined) return;
    try {
      await archiveAudit(store, directory, recordsMax);
    } finally {
      await store.release(leaseName, lease.epoch);
    }
  };
  const timer = setInterval(() => {
    if (store.reachable) look().catch((error: unknown) => warn(`The audit log could not be archived: ${error instanceof Error ? error.message : String(error)}`));
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
