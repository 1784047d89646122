/** What the admin server sees of the process: the composition root gives it. Only `command`, `gates.change`, `letters` and `shared` change anything. */
import type { OwnAddresses } from "../config/bootstrap-checks.ts";
import type { DynamicConfiguration } from "../config/definition.ts";
import type { Snapshot } from "../config/snapshot.ts";
import type { Clock } from "../core/clock.ts";
import type { FleetStatus } from "../fleet/status.ts";
import type { KillChange } from "../gates/kills.ts";
import type { ReadDocument } from "../gates/report.ts";
import type { Hooks, TargetStatus } from "../hooks/hooks.ts";
import type { Slab } from "../observe/slab.ts";
import type { Windows } from "../observe/window.ts";
import type { MirrorCounts } from "../proxy/mirrors.ts";
import type { CommandResult, RolloutStatus } from "../rollout/status.ts";
import type { Command } from "../rollout/types.ts";
import type { SharedDocument } from "../store/shared-document.ts";
import type { Store } from "../store/store.ts";
import type { SpanCounts } from "../trace/exporter.ts";
import type { DecisionTally } from "./decision-tally.ts";
import type { Exemplars } from "./exemplars.ts";

export interface Identity {
  /** Ebbgate's own version. */
  readonly version: string;
  readonly instance: string;
  readonly region: string | null;
  readonly zone: string | null;
  /** Wall time. */
  readonly startedMs: number;
}

export interface ThreadStatus {
  readonly index: number;
  /** False once the thread has ended, wanted or not. */
  readonly alive: boolean;
  /** The last revision that the thread acknowledged; 0 before the first. */
  readonly revision: number;
  /** Addresses that it accepts connections on, as `127.0.0.1:8080`. */
  readonly listening: readonly string[];
}

export interface ConfigurationStatus {
  /** Where the dynamic document comes from, for people. */
  readonly source: string;
  /** Wall time at which the last document was taken; null before the first. */
  readonly loadedMs: number | null;
  /** Whether the last document seen was taken. */
  readonly lastLoadOk: boolean;
  /** Documents that were refused since the start. */
  readonly refusals: number;
  readonly lastRefusal: { readonly wallMs: number; readonly detail: string } | null;
}

export interface AdminPorts {
  readonly clock: Clock;
  readonly identity: Identity;
  /** Refreshed by the control loop; admin only reads. */
  readonly slab: Slab;
  readonly windows: Windows;
  readonly decisions: DecisionTally;
  /** What was last posted to the proxy threads, and when (`monotonicMs`); null before the first configuration. */
  posted(): { readonly snapshot: Snapshot; readonly atMs: number } | null;
  threads(): readonly ThreadStatus[];
  configuration(): ConfigurationStatus;
  rollouts(): readonly RolloutStatus[];
  /** What people ask of one, by its name; decides at once. */
  command(name: string, command: Command): CommandResult;
  readonly audit: Pick<Store, "audit" | "auditEnd">;
  readonly gates: {
    readonly dynamic: () => DynamicConfiguration;
    /** Reads a document of the store. */
    readonly get: ReadDocument;
    /** @throws StoreError */
    readonly change: (change: KillChange) => Promise<"done" | "already">;
  };
  /** The dynamic document that a fleet shares, and this sidecar's own addresses, which it is checked against; null: a file is watched. */
  readonly shared: { readonly document: SharedDocument; readonly own: OwnAddresses } | null;
  /** What became of a route's copies; null where nothing is copied. */
  mirrors(route: string): MirrorCounts | null;
  /** Null or absent: this sidecar shares its store with no other. */
  fleet?(): FleetStatus | null;
  /** Null or absent: no spans are exported. */
  spans?(): SpanCounts | null;
  /** Of the latency histograms. Absent: there are none. */
  readonly exemplars?: Exemplars;
  /** Calls to others; absent: none are configured. */
  webhooks?(): readonly TargetStatus[];
  /** What could not be told; with `webhooks`. */
  readonly letters?: Pick<Hooks, "deadLetters" | "replay">;
  /** Whether the store answered when it was last asked; absent: it is in this process. */
  storeReachable?(): boolean;
  /** True from SIGTERM on. */
  draining(): boolean;
}
