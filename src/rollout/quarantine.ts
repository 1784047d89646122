/** What was rolled back on a route stays quarantined, whatever the rollout that begins is called. */
import type { RolloutPlan } from "../config/rollout-plan.ts";
import type { RolloutStore } from "./ports.ts";
import { quarantinedMax } from "./rules-back.ts";
import { parseState, stateKey } from "./stored-state.ts";
import type { RolloutState } from "./types.ts";

/**
 * Looked up where a candidate begins: one that goes on may run by somebody's override.
 * @param own the rollout's stored state, if any
 * @returns revisions, of the route's other rollouts @throws where the store cannot say
 */
export async function quarantinedAround(store: Pick<RolloutStore, "get" | "keys">, { name, route, candidate, revision }: RolloutPlan, own: unknown): Promise<readonly string[]> {
  const known = parseState(own);
  if (store.keys === undefined || (typeof known !== "string" && known.candidate === candidate && known.revision === revision)) return [];
  const prefix = stateKey(route);
  const keys = (await store.keys(prefix)).filter((key) => key !== stateKey(name) && (key === prefix || key.startsWith(`${prefix}/`)));
  const states = await Promise.all(keys.map(async (key) => parseState((await store.get(key))?.value)));
  return states.flatMap((state) => (typeof state === "string" ? [] : state.quarantined));
}

/** What was rolled back on the route, whatever the rollout was called then. */
export function withQuarantined(state: RolloutState, others: readonly string[]): RolloutState {
  const unknown = others.filter((revision) => !state.quarantined.includes(revision));
  return unknown.length === 0 ? state : { ...state, quarantined: [...new Set([...unknown, ...state.quarantined])].slice(-quarantinedMax) };
}
