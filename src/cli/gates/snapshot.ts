/** The snapshot that a sidecar of this region runs, as far as document and store tell it. */
import type { RouteDefinition } from "../../config/definition.ts";
import type { RolloutPlan } from "../../config/rollout-plan.ts";
import type { RouteSnapshot, Snapshot } from "../../config/snapshot.ts";
import type { Closure } from "../../core/gates.ts";
import type { BucketRange } from "../../core/buckets.ts";
import { killsKey, parseKills } from "../../gates/kills.ts";
import { rolloutStateOf } from "../../gates/report.ts";
import { closureOf } from "../../rollout/closure.ts";
import { regionalWeight } from "../../rollout/regions.ts";
import { initial, remap, reweigh } from "../../split/allocation.ts";
import { checkAllocation } from "../../split/allocation-check.ts";
import type { GateWorld } from "./world.ts";

export async function snapshotOf(world: Pick<GateWorld, "dynamic" | "get">, region: string | null): Promise<Snapshot> {
  const { routes, jwt } = world.dynamic;
  const killed = new Set(Object.keys(parseKills((await world.get(killsKey))?.value)));
  return { revision: 0, jwt, routes: await Promise.all(routes.map((route) => routeOf(route, world, region, killed))) };
}

async function routeOf(route: RouteDefinition, { get }: Pick<GateWorld, "get">, region: string | null, killed: ReadonlySet<string>): Promise<RouteSnapshot> {
  const { rollouts, variants, gates, ...rest } = route;
  const moved = new Map(await Promise.all(rollouts.map(async (plan) => [plan.candidate, await movedBy(plan, get, region)] as const)));
  const ranges = await allocationOf(get, route);
  return {
    ...rest,
    allocation: reweigh(ranges, variants.map(({ name, weight }) => moved.get(name)?.weight ?? weight ?? 0)),
    variants: variants.map(({ name, endpoints, headers }) => ({ name, endpoints, headers, slot: 0 })),
    gates: gates.map((gate) => ({ ...gate, closed: killed.has(gate.name) ? "killed" : (moved.get(variants[gate.variant]!.name)?.closed ?? null) })),
    judged: false, epoch: 0, seen: null, goals: [], number: null,
  };
}

async function movedBy(plan: RolloutPlan, get: GateWorld["get"], region: string | null): Promise<{ readonly weight: number; readonly closed: Closure | null }> {
  const state = await rolloutStateOf(get, plan.name);
  if (state === undefined || state.candidate !== plan.candidate || state.revision !== plan.revision) return { weight: 0, closed: state?.quarantined.includes(plan.revision) === true ? "rolledBack" : null };
  const weight = regionalWeight(plan, state, region);
  return { weight, closed: closureOf(plan, state, weight, region) };
}

/** Before the first sidecar has run, nobody has been given anything. */
async function allocationOf(get: GateWorld["get"], { name, variants }: RouteDefinition): Promise<readonly BucketRange[]> {
  const stored = (await get(`allocations/${name}`))?.value as { readonly variants: readonly string[]; readonly ranges: readonly BucketRange[] } | undefined;
  if (stored === undefined) return initial();
  checkAllocation(stored.ranges, stored.variants.length);
  return remap(stored.ranges, stored.variants, variants.map((variant) => variant.name));
}
