/** What of the running configuration each part of the sidecar is told to follow. */
import type { Configuration, DynamicConfiguration, RouteDefinition } from "./config/definition.ts";
import { editionOf } from "./config/edition.ts";
import type { Log } from "./core/log.ts";
import type { DeclaredProbes } from "./proxy/probes.ts";
import type { RolloutController } from "./rollout/controller.ts";
import type { RolloutInput } from "./rollout/ports.ts";
import type { Store } from "./store/store.ts";

/** A candidate whose gate is killed has nobody: its rollout waits as if the plan said `paused`, and goes on when the gate is revived. */
export function rolloutInputs({ dynamic, edits }: Pick<Configuration, "dynamic" | "edits">, killed: ReadonlySet<string>): RolloutInput[] {
  return dynamic.routes.flatMap((route) => {
    const { name, rollouts, timeouts } = route;
    if (rollouts.length === 0) return [];
    const edited = edits?.get(name) ?? [{ edition: editionOf(route), by: null }];
    return rollouts.map((rollout): RolloutInput => {
      const held = isKilled(dynamic, rollout.route, rollout.candidate, killed);
      return { plan: held ? { ...rollout, paused: true } : rollout, firstByteTimeoutMs: timeouts.firstByteMs, edits: edited };
    });
  });
}

/** Whether the kill switch has closed the gate of a variant. */
export const isKilled = ({ gates }: DynamicConfiguration, route: string, variant: string, killed: ReadonlySet<string>): boolean =>
  gates.some((gate) => gate.route === route && gate.variant === variant && killed.has(gate.name));

export function probedEndpoints(routes: readonly RouteDefinition[], controller: RolloutController): Parameters<DeclaredProbes["follow"]>[0] {
  return controller.probing().flatMap((probed) => {
    const variant = routes.find(({ name }) => name === probed.route)?.variants.find(({ name }) => name === probed.variant);
    return variant === undefined ? [] : [{ ...probed, endpoints: variant.endpoints }];
  });
}

export function tellReachable(store: Store, log: Log): void {
  store.onReachable((reachable) => {
    if (reachable) log.info("The store can be reached again.");
    else log.warn("The store cannot be reached: what was last known serves on.");
  });
}
