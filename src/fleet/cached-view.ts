/** What the last process knew of each rollout, read back with suspicion: a wrong view could give users to a candidate. */
import { parseState } from "../rollout/stored-state.ts";
import { compareCommits, noView, type CommittedRollout, type Lowered, type View } from "./merge.ts";

export type { View } from "./merge.ts";

/** @param value as the cache had it; anything that is no view is as if it had never been known */
export function parseView(value: unknown): Readonly<Record<string, View>> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(Object.entries(value as Record<string, unknown>).map(([route, view]) => [route, viewOf(view)]));
}

function viewOf(value: unknown): View {
  const { committed, lowered } = (value ?? {}) as { committed?: Partial<CommittedRollout> | null; lowered?: unknown };
  if (committed == null) return noView;
  const { state, marks, epoch, revision, commit } = committed;
  const parsed = parseState(state);
  if (typeof parsed === "string" || typeof marks !== "object" || marks === null || typeof epoch !== "number" || typeof revision !== "number" || typeof commit !== "string") return noView;
  const known: CommittedRollout = { state: parsed, marks, epoch, revision, commit };
  if (!Number.isFinite(compareCommits(known, known))) return noView;
  return { committed: known, lowered: Array.isArray(lowered) ? lowered.filter(isLowered) : [] };
}

const isLowered = (value: unknown): value is Lowered => {
  const { era, weight, reason, by } = (value ?? {}) as Partial<Lowered>;
  return typeof era === "string" && typeof weight === "number" && weight >= 0 && weight <= 100 && typeof reason === "string" && typeof by === "string";
};
