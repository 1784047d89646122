/** How far a gate is open: hidden, partial, full. It follows the weight, which follows what was observed. Pure. */
import type { DynamicConfiguration, GateDefinition } from "../config/definition.ts";
import { closureOf } from "../rollout/closure.ts";
import type { RolloutState } from "../rollout/types.ts";
import type { Closure } from "../core/gates.ts";

/** `retired` is a gate that the document no longer has. */
export const gateStates = ["hidden", "partial", "full", "retired"] as const;
export type GateState = (typeof gateStates)[number];

/** What a gate's variant is given by weight. */
export interface GateExposure {
  readonly state: Exclude<GateState, "retired">;
  /** In percent, for all sidecars: no region's cap is in it. */
  readonly weight: number;
  /** Why it is closed everywhere; null: it is open, or only some regions are out. */
  readonly closed: Closure | null;
  /** Regions that get less than the weight: left by a limit, or capped below it. */
  readonly regionsBelow: readonly string[];
}

/** What the rollout is called that moves the gate's variant; undefined: none does. */
export const rolloutOf = (gate: GateDefinition, { routes }: DynamicConfiguration): string | undefined =>
  routes.find(({ name }) => name === gate.route)?.rollouts.find(({ candidate }) => candidate === gate.variant)?.name;

/**
 * - `hidden`: killed, closed by its rollout, or at weight 0.
 * - `full`: at all that the route's other candidates leave (100% where there are none), in every region.
 * - `partial`: everything between. One region that a limit has left, or that a cap keeps lower, makes a full gate partial.
 *
 * @param rollout the state of the rollout that moves the gate's variant; undefined: there is none, or it has not begun
 */
export function exposureOf(gate: GateDefinition, { routes }: DynamicConfiguration, rollout: RolloutState | undefined, killed: boolean): GateExposure {
  const route = routes.find(({ name }) => name === gate.route);
  const plan = route?.rollouts.find(({ candidate }) => candidate === gate.variant) ?? null;
  const known = plan !== null && rollout?.candidate === plan.candidate && rollout.revision === plan.revision ? rollout : undefined;
  const weight = plan === null ? (route?.variants.find(({ name }) => name === gate.variant)?.weight ?? 0) : (known?.weight ?? 0);
  const closed = killed ? "killed" : plan !== null && known !== undefined ? closureOf(plan, known, weight, null) : null;
  const caps = plan?.regions?.filter(({ weightMax }) => weightMax < weight).map(({ region }) => region) ?? [];
  const regionsBelow = [...new Set([...(known?.regionsOut ?? []), ...caps])];
  if (closed !== null || weight === 0) return { state: "hidden", weight, closed, regionsBelow };
  const others = route?.variants.reduce((sum, variant) => sum + (variant.name === gate.variant ? 0 : Math.round((variant.weight ?? 0) * 1000)), 0) ?? 0;
  return { state: Math.round(weight * 1000) >= 100_000 - others && regionsBelow.length === 0 ? "full" : "partial", weight, closed, regionsBelow };
}
