/** What a fleet needs of the world, beside the store. The composition root gives it. */
import type { Store } from "../store/store.ts";

/** The part of the store that a fleet uses. */
export type FleetStore = Pick<Store, "get" | "put" | "watch" | "lease" | "renew" | "release" | "publish" | "subscribe" | "setEphemeral" | "ephemeral">;

/** Who owns the allocations (snapshots.ts). The leader alone makes them, so that all sidecars split alike. */
export interface Allocations {
  /** Routes that have one. */
  known(): readonly string[];
  /** Makes and stores the allocation for a weight that is about to be committed. @throws where it cannot be stored */
  prepare(route: string, variant: string, weight: number): Promise<void>;
  /** This sidecar begins or ceases to make them: only what is stored is known to be everybody's. */
  distrust(): void;
  /** What is stored is what counts now: written here, or by another sidecar. */
  adopt(route: string, value: unknown, revision: number): void;
}

/** What outlives the process where the store cannot be reached. */
export interface Cache {
  load(): Promise<unknown>;
  /** The newest value wins; never rejects, never waited for. */
  save(value: unknown): void;
}

export interface FleetLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
