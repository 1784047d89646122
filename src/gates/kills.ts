/**
 * The kill switch: which gates are closed by hand. One document of the store, so that a sidecar learns all of it with one read; every change is in the audit log,
 * written in one with it.
 */
import type { GateRecord } from "./records.ts";
import type { Store } from "../store/store.ts";

export interface Kill {
  /** Wall time, RFC 3339. */
  readonly at: string;
  readonly who: string;
  readonly reason: string;
}

/** By gate. */
export type Kills = Readonly<Record<string, Kill>>;

export interface KillChange {
  readonly gate: string;
  readonly action: "kill" | "revive";
  readonly who: string;
  readonly reason: string;
}

export const killsKey = "kills";

/** Somebody else writes at the same moment: seldom, and never for long. */
const attemptsMax = 50;

/** @param value as stored; what is no kill is left out */
export function parseKills(value: unknown): Kills {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  return Object.fromEntries(Object.entries(value as Record<string, unknown>).filter((entry): entry is [string, Kill] => isKill(entry[1])));
}

const isKill = (value: unknown): boolean => {
  const { at, who, reason } = (value ?? {}) as Partial<Kill>;
  return typeof at === "string" && typeof who === "string" && typeof reason === "string";
};

/**
 * Kills or revives a gate for every sidecar of the store.
 * @returns `already` where it is killed, or not killed: then nothing is written
 * @throws StoreError `unavailable`: it may or may not be written
 */
export async function changeKill(store: Pick<Store, "get" | "put">, change: KillChange, at: string): Promise<"done" | "already"> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const stored = await store.get(killsKey);
    const { [change.gate]: known, ...others } = parseKills(stored?.value);
    if ((known !== undefined) === (change.action === "kill")) return "already";
    const kills: Kills = change.action === "revive" ? others : { ...others, [change.gate]: { at, who: change.who, reason: change.reason } };
    const record: GateRecord = { kind: "gate", ...change };
    if ((await store.put(killsKey, kills, stored?.revision ?? 0, { audit: [{ record }] })) !== undefined) return "done";
  }
  throw new Error(`the kill switch was written by others ${attemptsMax} times at the same moment`);
}

/** Forgets gates that are no more. @param exists whether a gate is still in the document @returns what was forgotten */
export async function forgetKills(store: Pick<Store, "get" | "put" | "remove">, exists: (gate: string) => boolean): Promise<readonly string[]> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const stored = await store.get(killsKey);
    if (stored === undefined || stored.cached === true) return [];
    const kills = parseKills(stored.value);
    const gone = Object.keys(kills).filter((gate) => !exists(gate));
    const left = Object.entries(kills).filter(([gate]) => exists(gate));
    if (gone.length === 0 && left.length > 0) return [];
    const written = left.length === 0 ? await store.remove(killsKey, stored.revision) : (await store.put(killsKey, Object.fromEntries(left), stored.revision)) !== undefined;
    if (written) return gone;
  }
  return [];
}
