/** The series of the configuration in force: what the metrics and the status walk over. */
import type { BucketRange } from "../core/buckets.ts";
import { bucketCount } from "../core/buckets.ts";
import type { GateSnapshot, RouteSnapshot } from "../config/snapshot.ts";
import type { SlotReader } from "../observe/reader.ts";
import type { AdminPorts } from "./ports.ts";

export interface Series {
  readonly route: string;
  readonly variant: string;
  readonly slot: number;
  readonly reader: SlotReader;
  /** 0 ... 1. */
  readonly share: number;
  /** Its gate; null: it has none. */
  readonly gated: GateSnapshot | null;
}

/** A variant's share of the buckets, 0 ... 1. */
export function shareOf(allocation: readonly BucketRange[], variant: number): number {
  let buckets = 0;
  for (const range of allocation) if (range.variant === variant) buckets += range.to - range.from;
  return buckets / bucketCount;
}

export function seriesOfRoute(ports: Pick<AdminPorts, "slab">, route: RouteSnapshot): Series[] {
  return route.variants.map((variant, index) => ({
    route: route.name,
    variant: variant.name,
    slot: variant.slot,
    reader: ports.slab.reader(variant.slot),
    share: shareOf(route.allocation, index),
    gated: route.gates.find((gate) => gate.variant === index) ?? null,
  }));
}

/** In the configuration's order; empty before the first configuration. */
export function seriesInForce(ports: Pick<AdminPorts, "slab" | "posted">): Series[] {
  return ports.posted()?.snapshot.routes.flatMap((route) => seriesOfRoute(ports, route)) ?? [];
}
