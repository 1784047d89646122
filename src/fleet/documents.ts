/** What the fleet decided, as it stands in the store: read when a hint says so, when the connection is back, and from time to time. */
import type { Clock } from "../core/clock.ts";
import { routeOf } from "../config/rollout-plan.ts";
import { stateKey } from "../rollout/stored-state.ts";
import type { StoredDocument } from "../store/store.ts";
import { OneAtATime } from "./one-at-a-time.ts";
import type { Allocations, FleetLog, FleetStore } from "./ports.ts";
import { parseStored } from "./stored-rollout.ts";
import type { RolloutTie } from "./tie.ts";

/** What a lost hint left behind is read again. */
const rereadEveryMs = 10_000;

export interface DocumentsWorld {
  readonly store: FleetStore;
  readonly clock: Clock;
  readonly allocations: Allocations;
  readonly log: FleetLog;
  /** By the rollout's name. */
  readonly ties: ReadonlyMap<string, RolloutTie>;
  /** Something was read that may change a weight. */
  changed(): void;
  closed(): boolean;
}

export class Documents {
  private readonly world: DocumentsWorld;
  private readonly reads = new OneAtATime((route) => this.read(route));
  private readMs: number;

  constructor(world: DocumentsWorld) {
    this.world = world;
    this.readMs = world.clock.monotonicMs();
  }

  /** @returns what ends it */
  watch(): () => void {
    const { store } = this.world;
    const ends = [store.watch("rollouts/", (key) => this.hinted(key)), store.watch("allocations/", (key) => this.hinted(key))];
    return () => ends.forEach((end) => end());
  }

  tick(nowMs: number): void {
    if (nowMs - this.readMs >= rereadEveryMs) this.hinted(undefined);
  }

  /** @param key that may have changed; undefined: any may have */
  hinted(key: string | undefined): void {
    if (this.world.closed()) return;
    if (key === undefined) this.readMs = this.world.clock.monotonicMs();
    const routes = key === undefined ? new Set([...this.world.ties.keys(), ...this.world.allocations.known()]) : [nameOf(key)];
    for (const route of routes) this.reads.ask(route);
  }

  /** Before the first decision of a leader: what is stored may be newer than what was heard, or lost. @throws where the store cannot be asked */
  async readAll(): Promise<void> {
    const { store, allocations, ties } = this.world;
    for (const route of allocations.known()) {
      const stored = live(await store.get(allocationKey(route)));
      if (stored !== undefined) allocations.adopt(route, stored.value, stored.revision);
    }
    for (const [route, tie] of ties) {
      const stored = live(await store.get(stateKey(route)));
      const parsed = stored === undefined ? null : parseStored(stored.value);
      if (stored !== undefined && parsed !== null) tie.received(stored.value, stored.revision);
      const known = tie.view.committed;
      if (known !== null && (parsed === null || typeof parsed === "string" || parsed.epoch < known.epoch || (parsed.epoch === known.epoch && parsed.revision < known.revision))) tie.restore(stored?.revision ?? 0);
    }
  }

  private async read(route: string): Promise<void> {
    const { store, allocations, log, ties } = this.world;
    try {
      // Who may have more comes second: whoever sees only the first gives nobody more.
      const [allocation, stored] = await Promise.all([store.get(allocationKey(route)), store.get(stateKey(route))]);
      // From the cache is what is known already.
      if (this.world.closed() || allocation?.cached === true || stored?.cached === true) return;
      if (allocation !== undefined) allocations.adopt(routeOf(route), allocation.value, allocation.revision);
      const tie = ties.get(route);
      if (tie !== undefined) {
        const before = tie.view;
        const wrong = stored === undefined ? null : tie.received(stored.value, stored.revision);
        if (wrong !== null) log.error({ route, wrong }, "A stored rollout cannot be read; the last one stands.");
        if (before.lowered.length > 0 && before !== tie.view) log.info({ route, before, after: tie.view }, "What this sidecar had lowered was merged with what the fleet decided.");
      }
      this.world.changed();
    } catch (error) {
      log.warn({ err: error, route }, "What the fleet decided could not be read; what is known serves on.");
    }
  }
}

/** @param name of a rollout, or of a route */
const allocationKey = (name: string): string => `allocations/${routeOf(name)}`;
/** Which rollout, or whose allocation. */
const nameOf = (key: string): string => key.slice(key.indexOf("/") + 1).replace("/", ":");

/** @throws Error where the store answers from its cache: nobody leads from that */
function live(stored: StoredDocument | undefined): StoredDocument | undefined {
  if (stored?.cached === true) throw new Error("the store cannot be reached");
  return stored;
}
