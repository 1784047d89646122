/** A rollout's document in a shared store: its state, as a sidecar by itself has it, and beside it what the fleet needs. */
import { parseState } from "../rollout/stored-state.ts";
import type { ExplainedDecision } from "../rollout/status.ts";
import type { RolloutState } from "../rollout/types.ts";
import { noMarks, type Marks } from "./marks.ts";
import type { CommittedRollout } from "./merge.ts";

interface FleetPart {
  readonly marks: Marks;
  readonly epoch: number;
  readonly revision: number;
  readonly commit: string;
  /** What led here, for the sidecars that follow to say; null: nothing of note. */
  readonly decision: ExplainedDecision | null;
}

export interface StoredRollout extends CommittedRollout {
  readonly decision: ExplainedDecision | null;
}

export function storedValue({ state, marks, epoch, revision, commit, decision }: StoredRollout): RolloutState & { readonly fleet: FleetPart } {
  return { ...state, fleet: { marks, epoch, revision, commit, decision } };
}

/** @returns what is wrong with it, where something is. A document without a fleet's part is of a sidecar that was alone: the oldest there is */
export function parseStored(value: unknown): StoredRollout | string {
  const parsed = parseState(value);
  if (typeof parsed === "string") return parsed;
  const { fleet, ...state } = parsed as RolloutState & { readonly fleet?: Partial<FleetPart> };
  if (fleet === undefined) return { state, marks: noMarks, epoch: 0, revision: 0, commit: "", decision: null };
  const { marks, epoch, revision, commit, decision } = fleet;
  if (typeof epoch !== "number" || typeof revision !== "number" || typeof commit !== "string") return "has no epoch, revision or commit in fleet";
  if (typeof marks !== "object" || marks === null || !Object.values(marks).every((times) => Number.isSafeInteger(times))) return "has no counts in fleet.marks";
  return { state, marks, epoch, revision, commit, decision: decision ?? null };
}
