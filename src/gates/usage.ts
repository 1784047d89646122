/** Reads a gate's usage from the slab. */
import type { DynamicConfiguration } from "../config/definition.ts";
import { counters, gatedReasons } from "../observe/layout.ts";
import type { SlotReader } from "../observe/reader.ts";
import type { GateUsage } from "./facts.ts";

/** @param reader of a route's variant: counts since the process began */
export function usageOf({ gates, routes }: DynamicConfiguration, reader: (route: string, variant: string) => Pick<SlotReader, "counter">): ReadonlyMap<string, { readonly gate: GateUsage; readonly route: number }> {
  return new Map(gates.map(({ name, route, variant }) => {
    const own = reader(route, variant);
    const [allowed, targeted, denied, killed] = gatedReasons.map((_, i) => own.counter(counters.gated + i)) as [number, number, number, number];
    const weighted = Math.max(0, own.counter(counters.requests) - allowed - targeted);
    const variants = routes.find((one) => one.name === route)?.variants ?? [];
    return [name, { gate: { allowed, targeted, denied, killed, weighted }, route: variants.reduce((sum, one) => sum + reader(route, one.name).counter(counters.requests), 0) }];
  }));
}
