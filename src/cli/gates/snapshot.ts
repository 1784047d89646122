/** The snapshot that a sidecar of this region runs, as far as document and store tell it. */
import type { RouteDefinition } from "../../config/definition.ts";
import type { RouteSnapshot, Snapshot } from "../../config/snapshot.ts";
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
  const { rollout, variants, gates, ...rest } = route;
  const state = rollout === null ? undefined : await rolloutStateOf(get, route.name);
  const known = state !== undefined && state.candidate === rollout?.candidate && state.revision === rollout.revision ? state : undefined;
  const weight = known === undefined ? 0 : regionalWeight(rollout!, known, region);
  const closed = known === undefined ? (state?.quarantined.includes(rollout!.revision) === true ? "rolledBack" : null) : closureOf(rollout!, known, weight, region);
  const ranges = await allocationOf(get, route);
  const wanted = variants.map((variant) => (variant.name === rollout?.candidate ? weight : (variant.weight ?? 0)));
  return {
    ...rest,
    allocation: reweigh(ranges, wanted),
    variants: variants.map(({ name, endpoints, headers }) => ({ name, endpoints, headers, slot: 0 })),
    gates: gates.map((gate) => ({ ...gate, closed: killed.has(gate.name) ? "killed" : variants[gate.variant]!.name === rollout?.candidate ? closed : null })),
    judged: false, epoch: 0, seen: null, goals: [], number: null,
  };
}

/** Before the first sidecar has run, nobody has been given anything. */
async function allocationOf(get: GateWorld["get"], { name, variants }: RouteDefinition): Promise<readonly BucketRange[]> {
  const stored = (await get(`allocations/${name}`))?.value as { readonly variants: readonly string[]; readonly ranges: readonly BucketRange[] } | undefined;
  if (stored === undefined) return initial();
  checkAllocation(stored.ranges, stored.variants.length);
  return remap(stored.ranges, stored.variants, variants.map((variant) => variant.name));
}
