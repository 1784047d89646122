/**
 * Makes snapshots: the configuration's routes, the weights that rollouts ask for, and the allocation that says which
 * users that is. The allocation is remembered in the store, so that a restart moves no user.
 */
import { initial, remap, reweigh, weightsOf } from "./split/allocation.ts";
import { checkAllocation } from "./split/allocation-check.ts";
import type { DynamicConfiguration, RouteDefinition } from "./config/definition.ts";
import { goalsOf, numberOf } from "./config/rollout-plan.ts";
import type { JwtSettings, RouteSnapshot, Snapshot } from "./config/snapshot.ts";
import type { BucketRange } from "./core/buckets.ts";
import { Epochs } from "./epochs.ts";
import type { Slab } from "./observe/slab.ts";
import type { RolloutWeight, Split } from "./rollout/ports.ts";
import type { Fence, Store } from "./store/store.ts";

/** One route's allocation, with the names that its variant indexes meant. */
interface Allocation {
  readonly variants: readonly string[];
  readonly ranges: readonly BucketRange[];
}

const noneKilled: ReadonlySet<string> = new Set();
const keyOf = (route: string): string => `allocations/${route}`;

export class Snapshots {
  private readonly slab: Slab;
  private readonly store: Store;
  private readonly failed: (error: unknown) => void;
  /** In a fleet: the lease that the allocations are written under; null: another sidecar makes them. */
  private readonly fence: () => Fence | undefined | null;
  private readonly allocations = new Map<string, Allocation>();
  /** In a fleet: what the newest snapshot has of routes whose allocation another sidecar is about to make. */
  private readonly expected = new Map<string, Allocation>();
  private changed = false;
  /** Made here, and not stored yet. */
  private readonly unwritten = new Set<string>();
  /** Revisions of the stored documents; 0: none yet. */
  private readonly revisions = new Map<string, number>();
  private readonly epochs: Epochs;
  private routes: readonly RouteDefinition[] = [];
  private jwt: JwtSettings | null = null;
  /** Names of gates that the kill switch has closed. */
  private readonly killed: () => ReadonlySet<string>;
  private revision = 0;
  /** Writes follow each other, so that the last one wins. */
  private writing: Promise<void> = Promise.resolve();

  /** @param nowMs monotonic @param fence absent: this sidecar is alone @param killed names of gates; absent: none ever is */
  constructor(slab: Slab, store: Store, nowMs: () => number, failed: (error: unknown) => void, fence: () => Fence | undefined | null = () => undefined, killed: () => ReadonlySet<string> = () => noneKilled) {
    this.epochs = new Epochs(nowMs);
    this.fence = fence;
    this.killed = killed;
    this.slab = slab;
    this.store = store;
    this.failed = failed;
  }

  /** Takes a new configuration, and reads the allocations of routes that it does not know. */
  async follow({ routes, jwt }: Pick<DynamicConfiguration, "routes" | "jwt">): Promise<void> {
    await Promise.all(routes.filter(({ name }) => !this.allocations.has(name)).map((route) => this.read(route)));
    for (const { name } of this.routes) {
      if (routes.some((route) => route.name === name)) continue;
      this.allocations.delete(name);
      this.queue(() => this.forget(name));
    }
    this.routes = routes;
    this.jwt = jwt;
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
    this.changed = false;
    this.expected.clear();
    this.revision++;
    return { revision: this.revision, jwt: this.jwt, routes: this.routes.map((route) => this.compile(route, weights)) };
  }

  /** Routes whose allocation is known. */
  known(): readonly string[] {
    return [...this.allocations.keys()];
  }

  /**
   * Makes the allocation for a weight that is about to be committed. Nobody is given more by it: each sidecar gives what is committed at most.
   * @throws where it cannot be stored: then the weight must not be committed either
   */
  async prepare(route: string, variant: string, weight: number): Promise<void> {
    const definition = this.routes.find(({ name }) => name === route);
    if (definition === undefined) return;
    const { names, ranges } = this.current(definition);
    const wanted = definition.variants.map((of, i) => (of.name === variant ? weight : i === 0 ? 0 : shareOf(ranges, i, names.length)));
    this.make(route, names, this.reweighed(route, ranges, wanted));
    await this.writing;
    if (this.unwritten.has(route)) throw new Error(`the allocation of route ${route} is not stored`);
  }

  /** This sidecar begins or ceases to make the allocations: only what is stored is known to be everybody's. */
  distrust(): void {
    this.changed = true;
    for (const route of this.unwritten) this.revisions.delete(route);
    this.unwritten.clear();
  }

  /** What is stored is what counts now: written here, or by another sidecar. One that is damaged changes nothing. */
  adopt(route: string, value: unknown, revision: number): void {
    // What is being written is newer than what is stored.
    if (this.revisions.get(route) === revision || this.unwritten.has(route)) return;
    try {
      const { variants, ranges } = value as Allocation;
      checkAllocation(ranges, variants.length);
      this.revisions.set(route, revision);
      const known = this.allocations.get(route) ?? this.expected.get(route);
      this.allocations.set(route, { variants, ranges });
      if (!same(known, variants, ranges)) this.changed = true;
    } catch (error) {
      this.failed(error);
    }
  }

  /** Whether an allocation was adopted since the last snapshot: then another one is due. */
  get due(): boolean {
    return this.changed;
  }

  /** Resolves when all that was to be stored is stored. */
  flush(): Promise<void> {
    return this.writing;
  }

  private compile(route: RouteDefinition, weights: readonly RolloutWeight[]): RouteSnapshot {
    const { rollouts, variants, ...rest } = route;
    const { names, ranges } = this.current(route);
    const weightOf = (name: string): RolloutWeight | undefined => weights.find((one) => one.route === route.name && one.variant === name);
    const wanted = variants.map(({ name, weight }) => weightOf(name)?.weight ?? weight ?? 0);
    const shared = this.fence() === null && this.allocations.has(route.name) ? ranges : this.reweighed(route.name, ranges, variants.map(({ name }, i) => weightOf(name)?.shared ?? wanted[i]!));
    if (this.fence() !== null) this.make(route.name, names, shared);
    else if (!this.allocations.has(route.name)) this.expected.set(route.name, { variants: names, ranges: shared });
    // What this sidecar gives less of than the others, it takes from whoever joined last: they all agree on that.
    const next = this.reweighed(route.name, shared, wanted.map((weight, i) => Math.min(weight, shareOf(shared, i, names.length))));
    const parts = {
      ...rest,
      allocation: next,
      judged: rollouts.length > 0,
      gates: route.gates.map((gate) => ({ ...gate, closed: this.killed().has(gate.name) ? ("killed" as const) : (weightOf(names[gate.variant]!)?.closed ?? null) })),
      variants: variants.map(({ name, endpoints, headers }) => ({ name, endpoints, headers, slot: this.slab.slotOf(route.name, name) })),
    };
    return { ...parts, ...this.epochs.at(this.revision, parts, // Candidates of one experiment have the same limits.
      { goals: goalsOf(rollouts[0] ?? null), number: numberOf(rollouts[0] ?? null) }) };
  }

  /** The route's allocation as it is, for the variants that it has now. */
  private current({ name, variants }: RouteDefinition): { readonly names: readonly string[]; readonly ranges: readonly BucketRange[] } {
    const names = variants.map((variant) => variant.name);
    const known = this.allocations.get(name);
    return { names, ranges: known === undefined ? initial() : remap(known.ranges, known.variants, names) };
  }

  private make(route: string, names: readonly string[], ranges: readonly BucketRange[]): void {
    if (same(this.allocations.get(route), names, ranges) && !this.unwritten.has(route)) return;
    this.allocations.set(route, { variants: names, ranges });
    this.unwritten.add(route);
    this.queue(() => this.write(route));
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
    const fence = this.fence();
    if (allocation === undefined || fence === null) return;
    const revision = await this.store.put(keyOf(route), allocation, this.revisions.get(route) ?? 0, fence === undefined ? {} : { fence });
    if (revision === undefined) {
      this.revisions.set(route, (await this.store.get(keyOf(route)))?.revision ?? 0);
      // In a fleet it is asked for again; a sidecar by itself is the only one who wrote, and goes on with what it has.
      return;
    }
    this.revisions.set(route, revision);
    if (this.allocations.get(route) === allocation) this.unwritten.delete(route);
  }

  private async forget(route: string): Promise<void> {
    const fence = this.fence();
    if (this.allocations.has(route) || fence === null) return;
    await this.store.remove(keyOf(route), this.revisions.get(route) ?? 0, fence === undefined ? {} : { fence });
    this.revisions.delete(route);
  }

  private queue(write: () => Promise<void>): void {
    this.writing = this.writing.then(write).catch(this.failed);
  }
}

const shareOf = (ranges: readonly BucketRange[], variant: number, variants: number): number => weightsOf(ranges, variants)[variant]!;

const same = (known: Allocation | undefined, variants: readonly string[], ranges: readonly BucketRange[]): boolean =>
  known !== undefined && known.variants.join() === variants.join() && JSON.stringify(known.ranges) === JSON.stringify(ranges);
