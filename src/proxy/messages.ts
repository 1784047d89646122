/** What the control thread and a proxy thread say to each other. */
import type { ProxySettings } from "../config/settings.ts";
import type { Snapshot } from "../config/snapshot.ts";
import type { LatencyEdges } from "../observe/edges.ts";
import type { SpanRecord } from "../trace/span.ts";
import type { MirrorSample } from "./mirror-capture.ts";
import type { SnapshotChange } from "./snapshot-change.ts";

/** What a proxy thread is started with (`workerData`). */
export interface ThreadStart {
  readonly thread: number;
  readonly threads: number;
  readonly settings: ProxySettings;
  /** Slab pages so far; the first is always there. */
  readonly pages: readonly SharedArrayBuffer[];
  /** What it runs from its first connection on; null: it answers 503 until one comes. */
  readonly snapshot: Snapshot | null;
  /** Compiled and forgotten before that, so that the first one that comes does not meet unused code; null: not. */
  readonly rehearsal: Snapshot | null;
}

export type ToThread =
  | { readonly type: "snapshot"; readonly change: SnapshotChange; readonly pages: readonly SharedArrayBuffer[] }
  | { readonly type: "edges"; readonly slot: number; readonly edges: LatencyEdges }
  | { readonly type: "health"; readonly endpoint: string; readonly healthy: boolean }
  /** A copy is done with: the thread may ask for another. */
  | { readonly type: "mirrored" }
  /** So many spans have arrived. */
  | { readonly type: "spansHeard"; readonly spans: number }
  /** Stop accepting after `drainDelayMs`, finish what is in flight, then say `drained`. */
  | { readonly type: "drain" };

export type FromThread =
  | { readonly type: "listening"; readonly listeners: readonly { readonly name: string; readonly host: string; readonly port: number }[] }
  | { readonly type: "acknowledged"; readonly revision: number }
  /** @property cut exchanges that were still in flight at the deadline */
  | { readonly type: "drained"; readonly cut: number }
  | { readonly type: "mirror"; readonly sample: MirrorSample }
  | { readonly type: "spans"; readonly spans: readonly SpanRecord[] }
  /** Our own code failed while it handled a socket's event: a bug. That connection was ended, the thread goes on. */
  | { readonly type: "fault"; readonly detail: string }
  /** The thread cannot start; it ends by itself. */
  | { readonly type: "failed"; readonly detail: string; readonly code: string };
