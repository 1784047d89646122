/** What the controller needs of the world. The composition root gives it; `RolloutStore` is satisfied by src/store/. */
import type { RolloutPlan } from "../config/rollout-plan.ts";
import type { Clock } from "../core/clock.ts";
import type { SlotReader } from "../observe/reader.ts";
import type { LatencyEdges } from "../observe/edges.ts";
import type { DecisionRecord, ProbeEvidence } from "./types.ts";

/** The candidate's weight on a route, in percent; the baseline has what the route's other variants leave. */
export interface RolloutWeight {
  readonly route: string;
  readonly variant: string;
  readonly weight: number;
}

/** Latency edges of one variant, for every proxy thread's recorder of that slot. */
export interface VariantEdges {
  readonly variant: string;
  readonly slot: number;
  readonly edges: LatencyEdges;
}

/** What the split gives to a route's variants. */
export interface Split {
  /** The revision in which it began; another number for every change of who gets what. */
  readonly epoch: number;
  /** What is independent of each other, and so may be counted: requests, or cohorts that keep their variant. */
  readonly counts: "requests" | "cohorts";
  /** By variant: shares of the buckets, which sum to 1. */
  readonly shares: Readonly<Record<string, number>>;
}

/** Documents by key with compare-and-set, and the append-only audit log. */
export interface RolloutStore {
  /** @returns undefined where there is none */
  get(key: string): Promise<{ readonly value: unknown; readonly revision: number } | undefined>;
  /**
   * @param expected the revision that the caller read; 0: there must be none yet
   * @returns the new revision, or undefined where `expected` no longer holds
   */
  put(key: string, value: unknown, expected: number): Promise<number | undefined>;
  append(record: DecisionRecord): Promise<void>;
}

export interface RolloutPorts {
  readonly clock: Clock;
  readonly slab: {
    refresh(): void;
    slotOf(route: string, variant: string): number;
    reader(slot: number): SlotReader;
  };
  /** Makes the next snapshot with these weights (all rollouts, each time) and posts it to the proxy threads, at once. */
  publish(weights: readonly RolloutWeight[]): void;
  /** Posts edges to the proxy threads. */
  sendEdges(route: string, edges: readonly VariantEdges[]): void;
  readonly store: RolloutStore;
  /** The sidecar's own region; absent or null: none. */
  readonly region?: string | null;
  /** Whether this sidecar is cut off from the others (no lease); absent: never. A store that fails counts as well. */
  partitioned?(): boolean;
  /** Declared probes of a variant since it was first probed; null: none. Absent: none are ever sent. */
  probes?(route: string, variant: string): ProbeEvidence | null;
  /** What became of the copies that the variant got; null or absent: nothing is copied to it. */
  copies?(route: string, variant: string): { readonly compared: number; readonly differing: number } | null;
  /** The split that every proxy thread runs; null while some still run another one. Absent: it is not known, and not watched. */
  split?(route: string): Split | null;
  /** The store failed: the decision stands, the write is tried again. */
  storeFailed(error: unknown): void;
}

/** What one rollout is configured with. */
export interface RolloutInput {
  readonly plan: RolloutPlan;
  /** Of the route; 0: none. The late edge stays below it. */
  readonly firstByteTimeoutMs: number;
}
