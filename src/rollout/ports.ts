/** What the controller needs of the world. The composition root gives it; `RolloutStore` is satisfied by src/store/. */
import type { RolloutPlan } from "../config/rollout-plan.ts";
import type { Clock } from "../core/clock.ts";
import type { SlotReader } from "../observe/reader.ts";
import type { LatencyEdges } from "../observe/recorder.ts";
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

/** Documents by key with compare-and-set, and the append-only audit log. */
export interface RolloutStore {
  /** @returns undefined where there is none */
  get(key: string): Promise<{ readonly value: unknown; readonly revision: number } | undefined>;
  /**
   * @param expected the revision that the caller read; 0: there must be none yet
   * @param options audit records that are written with it, both or none; ids make a repeated write count once
   * @returns the new revision, or undefined where `expected` no longer holds
   */
  put(key: string, value: unknown, expected: number, options: { readonly id: string; readonly audit: readonly { readonly id: string; readonly record: DecisionRecord }[] }): Promise<number | undefined>;
  append(record: DecisionRecord, options: { readonly id: string }): Promise<void>;
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
  /** The store failed: the decision stands, the write is tried again. */
  storeFailed(error: unknown): void;
}

/** What one rollout is configured with. */
export interface RolloutInput {
  readonly plan: RolloutPlan;
  /** Of the route; 0: none. The late edge stays below it. */
  readonly firstByteTimeoutMs: number;
}
