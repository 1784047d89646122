/** What a rollout was when the process ended: read back with suspicion, because a wrong state could expose users. */
import { rolloutPhases, waitReasons } from "../core/reasons.ts";
import type { DrillState } from "./drill.ts";
import type { RolloutState } from "./types.ts";

export const stateKey = (route: string): string => `rollouts/${route}`;

/** @returns the state, or what is wrong with it */
export function parseState(value: unknown): RolloutState | string {
  if (typeof value !== "object" || value === null) return "is not an object";
  const s = value as Partial<Record<keyof RolloutState, unknown>>;
  if (s.version !== 1) return `has version ${JSON.stringify(s.version)}, and only 1 is known`;
  for (const key of ["route", "candidate", "revision"] as const) if (typeof s[key] !== "string") return `has no ${key}`;
  for (const key of ["step", "weight", "sinceMs", "stepSinceMs", "trips", "shrinks", "approvedStep", "badResponses"] as const) {
    if (typeof s[key] !== "number" || !Number.isFinite(s[key])) return `has no number in ${key}`;
  }
  if (!(rolloutPhases as readonly unknown[]).includes(s.phase)) return `has the unknown phase ${JSON.stringify(s.phase)}`;
  if (s.waiting !== null && !(waitReasons as readonly unknown[]).includes(s.waiting)) return `waits for ${JSON.stringify(s.waiting)}, which is unknown`;
  if (!Array.isArray(s.quarantined) || !s.quarantined.every((revision) => typeof revision === "string")) return "has no list in quarantined";
  if (s.regionsOut !== undefined && !(Array.isArray(s.regionsOut) && s.regionsOut.every((region) => typeof region === "string"))) return "has no list in regionsOut";
  if (s.drill !== undefined && !isDrill(s.drill)) return "has no drill in drill";
  if ((s.phase === "waiting") !== (s.waiting !== null)) return "contradicts itself in phase and waiting";
  if ((s.phase === "paused") !== (typeof s.paused === "object" && s.paused !== null)) return "contradicts itself in phase and paused";
  // What was written before these were known.
  const later: Pick<RolloutState, "rollbacks" | "cooldownUntilMs" | "regionsOut" | "edition" | "authors"> = { rollbacks: 0, cooldownUntilMs: null, regionsOut: [], edition: null, authors: [] };
  return Object.assign(later, value) as RolloutState;
}

function isDrill(value: unknown): value is DrillState {
  if (typeof value !== "object" || value === null) return false;
  const { step, weight, atMs, by, why, over, outcome } = value as Partial<Record<keyof DrillState, unknown>>;
  return Number.isSafeInteger(step) && [weight, atMs].every((one) => typeof one === "number" && Number.isFinite(one))
    && [by, why, outcome].every((one) => typeof one === "string") && typeof over === "boolean";
}
