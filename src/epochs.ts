/**
 * Since which revision each route has the split that it has. An epoch lasts as long as nothing changes that decides who gets
 * which variant; what is counted within one epoch can be held against its weights (JUDGE 7).
 */
import { bucketCount } from "./core/buckets.ts";
import type { Goal, NumberSource, RouteSnapshot } from "./config/snapshot.ts";
import { newCohortBits } from "./observe/cohort-set.ts";
import type { Split } from "./rollout/ports.ts";

type Parts = Omit<RouteSnapshot, "epoch" | "seen" | "goals" | "number">;
type Epoch = Pick<RouteSnapshot, "epoch" | "seen" | "goals" | "number">;

/** What a rollout's limits follow on the path. */
export interface Followed {
  readonly goals: readonly Goal[];
  readonly number: NumberSource | null;
}

/** The window in which a cohort counts once: the judge's promise is for a day as well. Bins that are full are empty again then. */
export const cohortWindowMs = 86_400_000;

interface Known {
  readonly key: string;
  readonly beganMs: number;
  readonly since: Epoch;
  /** Null: a gate is closed that has buckets, so that nobody gets what the weights say. */
  readonly split: Split | null;
}

export class Epochs {
  private readonly known = new Map<string, Known>();
  private readonly nowMs: () => number;

  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
  }

  /** The epoch that the route is in at this revision; a new one where its split has changed, or its window has ended. */
  at(revision: number, route: Parts, { goals, number }: Followed): Epoch {
    const nowMs = this.nowMs();
    const key = JSON.stringify([route.judged, route.cohort, route.allocation, route.variants.map(({ name, slot }) => [name, slot]), route.gates.map(({ name, closed }) => [name, closed]), goals, number]);
    const before = this.known.get(route.name);
    if (before?.key === key && nowMs - before.beganMs < cohortWindowMs) return before.since;
    const keyed = route.cohort.mode === "key";
    const followed = route.judged && keyed;
    const since: Epoch = {
      epoch: revision, seen: followed ? newCohortBits() : null,
      goals: followed ? goals.map((goal) => ({ goal, reached: newCohortBits() })) : [],
      number: route.judged && number !== null ? { ...number, counted: keyed ? newCohortBits() : null } : null,
    };
    const shares = sharesOf(route);
    const closed = route.gates.some((gate) => gate.closed !== null && shares[route.variants[gate.variant]!.name]! > 0);
    const split: Split | null = closed ? null : { epoch: revision, counts: keyed ? "cohorts" : "requests", shares };
    this.known.set(route.name, { key, beganMs: nowMs, since, split });
    return since;
  }

  /** Whether a window has ended in which cohorts were counted: then the next snapshot begins another one. */
  windowEnded(): boolean {
    const nowMs = this.nowMs();
    for (const { since, beganMs } of this.known.values()) if (since.seen !== null && nowMs - beganMs >= cohortWindowMs) return true;
    return false;
  }

  keepOnly(routes: ReadonlySet<string>): void {
    for (const name of this.known.keys()) if (!routes.has(name)) this.known.delete(name);
  }

  /** What the newest snapshot gives to whom; null for an unknown route. */
  split(route: string): Split | null {
    return this.known.get(route)?.split ?? null;
  }
}

/** Of the buckets as they were really dealt: a region's cap, or weights that could not be given, are in it. */
function sharesOf({ variants, allocation }: Parts): Record<string, number> {
  const shares: Record<string, number> = Object.fromEntries(variants.map(({ name }) => [name, 0]));
  for (const { from, to, variant } of allocation) shares[variants[variant]!.name]! += (to - from) / bucketCount;
  return shares;
}
