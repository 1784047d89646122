/**
 * Makes snapshots: the configuration's routes, the weights that rollouts ask for, and the allocation that says which
 * users that is. The allocation is remembered in the store, so that a restart moves no user.
 */
import { initial, remap, reweigh } from "./split/allocation.ts";
import { checkAllocation } from "./split/allocation-check.ts";
import type { RouteDefinition } from "./config/definition.ts";
import { goalsOf, numberOf } from "./config/rollout-plan.ts";
import type { RouteSnapshot, Snapshot } from "./config/snapshot.ts";
import type { BucketRange } from "./core/buckets.ts";
import { Epochs } from "./epochs.ts";
import type { Slab } from "./observe/slab.ts";
import type { RolloutWeight, Split } from "./rollout/ports.ts";
import type { Store } from "./store/store.ts";

/** One route's allocation, with the names that its variant indexes meant. */
interface Allocation {
  readonly variants: readonly string[];
  readonly ranges: readonly BucketRange[];
}

const keyOf = (route: string): string => `allocations/${route}`;

export class Snapshots {
  private readonly slab: Slab;
  private readonly store: Store;
  private readonly failed: (error: unknown) => void;
  private readonly allocations = new Map<string, Allocation>();
  /** Revisions of the stored documents; 0: none yet. */
  private readonly revisions = new Map<string, number>();
  private readonly epochs: Epochs;
  private routes: readonly RouteDefinition[] = [];
  private revision = 0;
  /** Writes follow each other, so that the last one wins. */
  private writing: Promise<void> = Promise.resolve();

  /** @param nowMs monotonic */
  constructor(slab: Slab, store: Store, nowMs: () => number, failed: (error: unknown) => void) {
    this.epochs = new Epochs(nowMs);
    this.slab = slab;
    this.store = store;
    this.failed = failed;
  }

  /** Takes a new configuration, and reads the allocations of routes that it does not know. */
  async follow(routes: readonly RouteDefinition[]): Promise<void> {
    await Promise.all(routes.filter(({ name }) => !this.allocations.has(name)).map((route) => this.read(route)));
    for (const { name } of this.routes) {
      if (routes.some((route) => route.name === name)) continue;
      this.allocations.delete(name);
      this.queue(() => this.forget(name));
    }
    this.routes = routes;
    this.epochs.keepOnly(new Set(routes.map(({ name }) => name)));
  }

  /** Whether another snapshot is due although nothing has changed: cohorts are counted anew. */
  windowEnded(): boolean {
    return this.epochs.windowEnded();
  }

  /** What the newest snapshot gives to the route's variants; null for an unknown route. */
  split(route: string): Split | null {
    return this.epochs.split(route);
  }

  /** The next revision. @param weights the rollouts' candidates; other candidates have the document's weight */
  next(weights: readonly RolloutWeight[]): Snapshot {
    this.revision++;
    return { revision: this.revision, routes: this.routes.map((route) => this.compile(route, weights)) };
  }

  /** Resolves when all that was to be stored is stored. */
  flush(): Promise<void> {
    return this.writing;
  }

  private compile(route: RouteDefinition, weights: readonly RolloutWeight[]): RouteSnapshot {
    const { rollout, variants, ...rest } = route;
    const names = variants.map((variant) => variant.name);
    const known = this.allocations.get(route.name);
    const ranges = known === undefined ? initial() : remap(known.ranges, known.variants, names);
    const wanted = variants.map(({ name, weight }) => weights.find((one) => one.route === route.name && one.variant === name)?.weight ?? weight ?? 0);
    const next = this.reweighed(route.name, ranges, wanted);
    if (known === undefined || JSON.stringify(known.ranges) !== JSON.stringify(next) || known.variants.join() !== names.join()) {
      this.allocations.set(route.name, { variants: names, ranges: next });
      this.queue(() => this.write(route.name));
    }
    const parts = {
      ...rest,
      allocation: next,
      judged: rollout !== null,
      variants: variants.map(({ name, endpoints, headers }) => ({ name, endpoints, headers, slot: this.slab.slotOf(route.name, name) })),
    };
    return { ...parts, ...this.epochs.at(this.revision, parts, { goals: goalsOf(rollout), number: numberOf(rollout) }) };
  }

  /** A route whose weights cannot be met keeps its users where they are, and stops no other route's rollback. */
  private reweighed(route: string, ranges: readonly BucketRange[], wanted: readonly number[]): readonly BucketRange[] {
    try {
      return reweigh(ranges, wanted);
    } catch (error) {
      this.failed(new Error(`route ${route}: its weights ${wanted.join(", ")} cannot be given`, { cause: error }));
      return ranges;
    }
  }

  private async read({ name }: RouteDefinition): Promise<void> {
    try {
      const stored = await this.store.get(keyOf(name));
      if (stored === undefined) return;
      this.revisions.set(name, stored.revision);
      const { variants, ranges } = stored.value as Allocation;
      checkAllocation(ranges, variants.length);
      this.allocations.set(name, { variants, ranges });
    } catch (error) {
      // Without it users are dealt anew, in the order of the buckets: the shares are right, the people may differ.
      this.failed(error);
    }
  }

  private async write(route: string): Promise<void> {
    const allocation = this.allocations.get(route);
    if (allocation === undefined) return;
    const revision = await this.store.put(keyOf(route), allocation, this.revisions.get(route) ?? 0);
    if (revision !== undefined) this.revisions.set(route, revision);
    else this.revisions.set(route, (await this.store.get(keyOf(route)))?.revision ?? 0);
  }

  private async forget(route: string): Promise<void> {
    if (this.allocations.has(route)) return;
    await this.store.remove(keyOf(route), this.revisions.get(route) ?? 0);
    this.revisions.delete(route);
  }

  private queue(write: () => Promise<void>): void {
    this.writing = this.writing.then(write).catch(this.failed);
  }
}
