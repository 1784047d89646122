/** What the controller needs of the world. The composition root gives it; `RolloutStore` is satisfied by src/store/. */
import type { Edit } from "../config/edition.ts";
import type { RolloutPlan } from "../config/rollout-plan.ts";
import type { Clock } from "../core/clock.ts";
import type { Closure } from "../core/gates.ts";
import type { SlotReader } from "../observe/reader.ts";
import type { LatencyEdges } from "../observe/edges.ts";
import type { RolloutJudge } from "./judging.ts";
import type { ExplainedDecision } from "./status.ts";
import type { GateQuestion } from "./questions.ts";
import type { Command, DecisionRecord, Effect, Evidence, GateAnswer, ProbeEvidence, RolloutState } from "./types.ts";

/** The candidate's weight on a route, in percent; the baseline has what the route's other variants leave. */
export interface RolloutWeight {
  readonly route: string;
  readonly variant: string;
  /** On this sidecar. */
  readonly weight: number;
  /** What the fleet's allocation is made for, where that may differ: neither the region's cap nor the sidecar's own lowering is in it. */
  readonly shared?: number;
  /** Why the candidate's gate gives it to nobody; absent: it may. */
  readonly closed?: Closure;
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
   * @param options audit records that are written with it, both or none; ids make a repeated write count once
   * @returns the new revision, or undefined where `expected` no longer holds
   */
  put(key: string, value: unknown, expected: number, options: { readonly id: string; readonly audit: readonly { readonly id: string; readonly record: DecisionRecord }[] }): Promise<number | undefined>;
  append(record: DecisionRecord, options: { readonly id: string }): Promise<void>;
}

/** Where a rollout's state and decisions go: behind the decision, in order, again and again until they are written. */
export interface RolloutWriter {
  /** Nothing waits. */
  readonly idle: boolean;
  /** The last write failed, and none has succeeded since. */
  readonly failing: boolean;
  /** The candidate's weight in the state that was written last, in percent: no more may be given. */
  readonly writtenWeight: number;
  put(state: RolloutState): void;
  append(record: DecisionRecord): void;
  /** Starts writing what waits. */
  pump(nowMs: number): void;
  /** Writes all that waits. @returns false where the store refused */
  flush(): Promise<boolean>;
}

/** What ties one rollout to the same rollout on other sidecars (src/fleet/). */
export interface FleetTie {
  readonly writer: RolloutWriter;
  /** This sidecar decides for all of them. The others follow. */
  readonly leading: boolean;
  /** The part of alpha that a sidecar's own evidence has. */
  readonly ownShare: number;
  /** The evidence starts over: at the start, and where another thing is judged. */
  begin(plan: RolloutPlan, state: RolloutState): void;
  /** After each tick of the judge. @param own within `ownShare` */
  observe(judge: RolloutJudge, own: Evidence, state: RolloutState, monotonicMs: number): void;
  /** What all sidecars saw; `own` where nothing is summed here. */
  evidence(own: Evidence, monotonicMs: number): Evidence;
  /** A decision of this sidecar, as the leader. */
  decided(effects: readonly Effect[]): void;
  /** What was decided elsewhere since this was asked the last time. */
  adopt(): { readonly state: RolloutState; readonly effects: readonly Effect[]; readonly decision: ExplainedDecision | null } | null;
  /** How much of the state's weight may be given here: raising waits until it is committed. And what the allocation is made for. */
  weights(state: RolloutState): { readonly own: number; readonly shared: number };
  /** When every sidecar that is heard ran what was committed last (monotonic); null: some do not yet, or it is not committed. */
  acknowledgedAtMs(monotonicMs: number): number | null;
  /** Hands a command to the leader. @returns what became of it, for people */
  forward(command: Command): string;
}

export interface FleetPorts {
  /** The state as it was committed last; from the cache where the store cannot be reached. Undefined: nobody has decided yet. */
  load(route: string): Promise<{ readonly value: unknown; readonly revision: number } | undefined>;
  /** After `load`. */
  tie(route: string): FleetTie;
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
  /** Absent: this sidecar is alone, and `store` is its own. */
  readonly fleet?: FleetPorts;
  /** The sidecar's own region; absent or null: none. */
  readonly region?: string | null;
  /** Whether this sidecar is cut off from the others (no lease); absent: never. A store that fails counts as well. */
  partitioned?(): boolean;
  /** Declared probes of a variant since it was first probed; null: none. Absent: none are ever sent. */
  probes?(route: string, variant: string): ProbeEvidence | null;
  /** What external gates have said of a step; absent: nobody asks them. */
  externalGates?(question: GateQuestion): readonly GateAnswer[];
  /** What became of the copies that the variant got; null or absent: nothing is copied to it. */
  copies?(route: string, variant: string): { readonly compared: number; readonly differing: number } | null;
  /** The split that every proxy thread runs; null while some still run another one. Absent: it is not known, and not watched. */
  split?(route: string): Split | null;
  /** When all proxy threads ran what was published last (monotonic); null: some do not yet. Absent: nobody can tell. In a fleet its tie is asked instead. */
  acknowledgedAtMs?(monotonicMs: number): number | null;
  /** The store failed: the decision stands, the write is tried again. */
  storeFailed(error: unknown): void;
}

/** What one rollout is configured with. */
export interface RolloutInput {
  readonly plan: RolloutPlan;
  /** Of the route; 0: none. The late edge stays below it. */
  readonly firstByteTimeoutMs: number;
  /** Of the route, newest first: the first one runs. Absent: editions are not told apart. */
  readonly edits?: readonly Edit[];
}

/** What the evidence was gathered for: while it is the same, a changed plan keeps it. */
export const judgedPart = ({ plan, firstByteTimeoutMs }: RolloutInput): string => JSON.stringify([plan.baseline, plan.candidate, plan.limits, plan.alpha, firstByteTimeoutMs]);

export interface Moment {
  /** The clock's monotonic time: the line of the strata. */
  readonly monotonicMs: number;
  /** The line of the states: see types.ts. */
  readonly nowMs: number;
}
