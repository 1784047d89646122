/** What is remembered of gates, for people who ask whether one can go: one document of the store, by gate. */
import type { Store } from "../store/store.ts";
import { gatedReasons } from "../observe/layout.ts";
import { gateStates, type GateState } from "./state.ts";

export interface GateFacts {
  readonly state: Exclude<GateState, "retired">;
  /** Since when in this state. Wall times, RFC 3339. */
  readonly since: string;
  /** When it was first seen. */
  readonly first: string;
  /** The last request of its route that was counted here; null: none yet. */
  readonly traffic: string | null;
  readonly requests: GateUsage;
}

export type GateUsage = Readonly<Record<(typeof gatedReasons)[number] | "weighted", number>>;

export const noUsage: GateUsage = { allowed: 0, targeted: 0, denied: 0, killed: 0, weighted: 0 };

export const addUsage = (a: GateUsage, b: GateUsage): GateUsage => ({
  allowed: a.allowed + b.allowed, targeted: a.targeted + b.targeted, denied: a.denied + b.denied, killed: a.killed + b.killed, weighted: a.weighted + b.weighted,
});

export const factsKey = "gates";

/** @param value as stored; what makes no sense is left out, and begins anew */
export function parseFacts(value: unknown): ReadonlyMap<string, GateFacts> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return new Map();
  return new Map(Object.entries(value as Record<string, unknown>).flatMap(([gate, one]): [string, GateFacts][] => (isFacts(one) ? [[gate, one]] : [])));
}

function isFacts(value: unknown): value is GateFacts {
  const { state, since, first, traffic, requests } = (value ?? {}) as Partial<GateFacts>;
  const isTime = (text: unknown): boolean => typeof text === "string" && !Number.isNaN(Date.parse(text));
  const counts = typeof requests === "object" && requests !== null && Object.keys(noUsage).every((key) => Number.isFinite(requests[key as keyof GateUsage]));
  return state !== undefined && state !== ("retired" as string) && gateStates.includes(state) && isTime(since) && isTime(first) && (traffic === null || isTime(traffic)) && counts;
}

export type FactsStore = Pick<Store, "get" | "put" | "remove" | "append">;
