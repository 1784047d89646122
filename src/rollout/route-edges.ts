/**
 * What all rollouts of a route classify against. They share one baseline, and its recorders have one table of classes: so there is one set of
 * edges for them all, made by whoever looks first when a window is full, and taken over by the others.
 */
import { customLimitOf } from "../config/rollout-plan.ts";
import type { SlotReader } from "../observe/reader.ts";
import { EdgeKeeper } from "./edge-keeper.ts";
import { edgeMargins } from "./limit-tests.ts";
import { NumberEdges } from "./number-watch.ts";
import type { RolloutInput } from "./ports.ts";
import { turnOf } from "./turn-of.ts";

export class RouteEdges {
  readonly latency: EdgeKeeper;
  /** Null: no limit is on a number of the service. */
  readonly numbers: NumberEdges | null;

  constructor({ plan, firstByteTimeoutMs }: RolloutInput, baseline: SlotReader, nowMs: number) {
    const turnMs = turnOf(baseline.slot);
    this.latency = new EdgeKeeper(edgeMargins(plan.limits), firstByteTimeoutMs, baseline.histogram("firstByte"), nowMs, turnMs);
    const custom = customLimitOf(plan);
    this.numbers = custom === null ? null : new NumberEdges(custom, nowMs);
  }
}

/** The edges of every route with a rollout, and the numbers of their generations, which never repeat on a route: its recorders and rows remember theirs. */
export class EdgesByRoute {
  private readonly known = new Map<string, { readonly of: string; readonly edges: RouteEdges }>();
  private readonly generations = new Map<string, number>();

  /** Others as soon as others are needed. */
  of(input: RolloutInput, baseline: SlotReader, nowMs: number): RouteEdges {
    const { plan, firstByteTimeoutMs } = input;
    const of = JSON.stringify([plan.baseline, plan.limits, firstByteTimeoutMs]);
    const known = this.known.get(plan.route);
    if (known?.of === of) return known.edges;
    const edges = new RouteEdges(input, baseline, nowMs);
    this.known.set(plan.route, { of, edges });
    return edges;
  }

  generation(route: string): number {
    return this.generations.get(route) ?? 0;
  }

  made(route: string, generation: number): void {
    this.generations.set(route, Math.max(generation, this.generation(route)));
  }

  /** @param routes that still have a rollout */
  keepOnly(routes: ReadonlySet<string>): void {
    for (const route of this.known.keys()) if (!routes.has(route)) this.known.delete(route);
  }
}
