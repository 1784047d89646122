/** `ebbgate gates kill|revive NAME`. */
import { rm } from "node:fs/promises";
import { changeKill, killsKey, parseKills, type KillChange } from "../../gates/kills.ts";
import { FileStore } from "../../store/file-store.ts";
import { leaveMessage } from "../../store/inbox.ts";
import { isTaken } from "../../store/inbox-wait.ts";
import { StoreError } from "../../store/store.ts";
import type { CliIo } from "../args.ts";
import type { GateWorld } from "./world.ts";

/** A sidecar takes a message within milliseconds; after so long none is running. */
const takenWithinMs = 1_500;

export interface Switched {
  readonly outcome: "done" | "already";
  /** Who wrote it: a store that is shared, the sidecar that has the directory, or this command because none has it. */
  readonly by: "store" | "sidecar" | "command";
}

/** @throws StoreError, NoStore */
export async function switchGate(world: GateWorld, change: KillChange, io: CliIo): Promise<Switched | "memory"> {
  const at = new Date().toISOString();
  if (world.shared !== null) return { outcome: await changeKill(world.shared, change, at), by: "store" };
  if (world.directory === null) return "memory";
  const known = parseKills((await world.get(killsKey))?.value)[change.gate];
  if ((known !== undefined) === (change.action === "kill")) return { outcome: "already", by: "store" };
  const message = await leaveMessage(world.directory, change);
  if (await isTaken(message, takenWithinMs)) return { outcome: "done", by: "sidecar" };
  let store: FileStore;
  try {
    store = await FileStore.open({ directory: world.directory, warn: (warning) => io.stderr.write(`ebbgate gates: ${warning}\n`) });
  } catch (error) {
    // Somebody has the directory after all: it will take the message, or has.
    if (!(error instanceof StoreError) || error.code !== "locked" || !(await isTaken(message, takenWithinMs))) throw error;
    return { outcome: "done", by: "sidecar" };
  }
  try {
    const outcome = await changeKill(store, change, at);
    await rm(message, { force: true });
    return { outcome, by: "command" };
  } finally {
    await store.close();
  }
}
