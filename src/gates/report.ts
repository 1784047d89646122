/** Every gate: how far it is open, how it was used, and whether it should go. */
import type { DynamicConfiguration, GateDefinition } from "../config/definition.ts";
import { parseState, stateKey } from "../rollout/stored-state.ts";
import type { RolloutState } from "../rollout/types.ts";
import type { StoredDocument } from "../store/store.ts";
import { factsKey, parseFacts, type GateFacts } from "./facts.ts";
import { killsKey, parseKills, type Kill } from "./kills.ts";
import { staleOf, type Stale } from "./stale.ts";
import { exposureOf, rolloutOf, type GateExposure } from "./state.ts";

export interface GateReport extends Omit<GateDefinition, "rules"> {
  readonly rules: number;
  readonly exposure: GateExposure;
  readonly kill: Kill | null;
  /** Null: no sidecar has seen it yet. */
  readonly facts: GateFacts | null;
  readonly stale: readonly Stale[];
}

export type ReadDocument = (key: string) => Promise<StoredDocument | undefined>;

/** @param get reads the store @throws StoreError */
export async function gateReports(dynamic: DynamicConfiguration, get: ReadDocument, nowMs: number): Promise<GateReport[]> {
  const { gates, policy } = dynamic;
  const kills = parseKills((await get(killsKey))?.value);
  const facts = parseFacts((await get(factsKey))?.value);
  return Promise.all(gates.map(async (gate): Promise<GateReport> => {
    const { rules, ...said } = gate;
    const known = facts.get(gate.name);
    const kill = kills[gate.name] ?? null;
    const exposure = exposureOf(gate, dynamic, await rolloutStateOf(get, rolloutOf(gate, dynamic) ?? gate.route), kill !== null);
    return { ...said, rules: rules.length, exposure, kill, facts: known ?? null, stale: staleOf(gate, known, policy, nowMs) };
  }));
}

/** @param name of a rollout @returns undefined where the store has none */
export async function rolloutStateOf(get: ReadDocument, name: string): Promise<RolloutState | undefined> {
  const parsed = parseState((await get(stateKey(name)))?.value);
  return typeof parsed === "string" ? undefined : parsed;
}
