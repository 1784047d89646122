/**
 * What a sidecar holds of one rollout, and how two such views become one when a partition heals (DESIGN 7): the higher epoch wins, and
 * the lower weight. A view is the newest decision that the sidecar has seen committed, and how far it has lowered the weight by
 * itself since. Pure; commutative, associative and idempotent, so it does not matter who meets whom first, or how often.
 */
import type { RolloutState } from "../rollout/types.ts";
import { eraOf, type Marks } from "./marks.ts";

/** A rollout as the leader committed it: the stored document. */
export interface CommittedRollout {
  readonly state: RolloutState;
  readonly marks: Marks;
  /** The lease's, of the leader that decided. */
  readonly epoch: number;
  /** Counts the rollout's commits; with the epoch, what is newer. */
  readonly revision: number;
  /** Names the commit, so that whoever repeats it after a lost answer sees that it was done. */
  readonly commit: string;
}

/** A sidecar's own lowering: by what it saw itself, without asking anybody. */
export interface Lowered {
  /** The evidence that it was decided in (`eraOf`): another candidate, or a decision that used the evidence up, ends it. */
  readonly era: string;
  /** Percent; what the sidecar gives at most. */
  readonly weight: number;
  /** For people: the decision's reason, and whose it was. */
  readonly reason: string;
  readonly by: string;
}

export interface View {
  readonly committed: CommittedRollout | null;
  /** One for each era at most, ascending; mostly none. */
  readonly lowered: readonly Lowered[];
}

export const noView: View = { committed: null, lowered: [] };

/** What the sidecar gives, in percent. */
export function weightOf({ committed, lowered }: View): number {
  if (committed === null) return 0;
  const era = eraOf(committed.marks);
  return Math.min(committed.state.weight, ...lowered.filter((one) => one.era === era).map(({ weight }) => weight));
}

export function merge(a: View, b: View): View {
  return { committed: newer(a.committed, b.committed), lowered: lower(a.lowered, b.lowered) };
}

/** Positive: `a` is the newer decision. Never 0 for different ones. */
export function compareCommits(a: CommittedRollout, b: CommittedRollout): number {
  return a.epoch - b.epoch || a.revision - b.revision || compare(a.commit, b.commit);
}

function newer(a: CommittedRollout | null, b: CommittedRollout | null): CommittedRollout | null {
  if (a === null || b === null) return a ?? b;
  return compareCommits(a, b) >= 0 ? a : b;
}

/** Of each era the lowest, so that none is lost whichever decision turns out to be the newest. */
function lower(a: readonly Lowered[], b: readonly Lowered[]): readonly Lowered[] {
  if (a.length === 0 || b.length === 0) return a.length === 0 ? b : a;
  const lowest = new Map<string, Lowered>();
  for (const one of [...a, ...b]) {
    const other = lowest.get(one.era);
    if (other === undefined || (one.weight - other.weight || compare(one.by, other.by) || compare(one.reason, other.reason)) < 0) lowest.set(one.era, one);
  }
  return [...lowest.values()].toSorted((x, y) => compareEras(x.era, y.era));
}

/** Eras are `n.m`, and grow. */
function compareEras(a: string, b: string): number {
  const [x, y] = [a.split(".").map(Number), b.split(".").map(Number)];
  return (x[0] ?? 0) - (y[0] ?? 0) || (x[1] ?? 0) - (y[1] ?? 0);
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Lowerings that the committed decision has caught up with, or that were about earlier evidence, are over. */
export function settled(view: View): View {
  const { committed, lowered } = view;
  if (committed === null || lowered.length === 0) return view;
  const era = eraOf(committed.marks);
  const left = lowered.filter((one) => compareEras(one.era, era) > 0 || (one.era === era && one.weight < committed.state.weight));
  return left.length === lowered.length ? view : { committed, lowered: left };
}
