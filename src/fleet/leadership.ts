/**
 * Who leads: a lease with an epoch. A sidecar asks for it when no leader was heard for a while; the leader holds it by renewing, and counts itself out
 * as soon as its own clock says that the lease may have run out, before anybody else can have it.
 */
import type { Clock } from "../core/clock.ts";
import type { FleetStore } from "./ports.ts";

export const leaseName = "leader";
export const leaseMs = 3_000;
const renewEveryMs = 1_000;
/** Without a beacon for so long, nobody leads; the spread keeps a thousand sidecars from asking at once. */
const quietMs = 2_000;
const spreadMs = 500;

export class Leadership {
  private readonly store: FleetStore;
  private readonly clock: Clock;
  private readonly holder: string;
  private readonly random: () => number;
  private readonly changed: (epoch: number | null) => void;
  private held: { readonly epoch: number; untilMs: number } | null = null;
  private askedMs = Number.NEGATIVE_INFINITY;
  private heardMs: number;
  private patienceMs = 0;
  private asking = false;
  private closed = false;

  /** @param changed with the epoch when this sidecar leads from now on, with null when it does not any more */
  constructor(store: FleetStore, clock: Clock, holder: string, random: () => number, changed: (epoch: number | null) => void) {
    this.store = store;
    this.clock = clock;
    this.holder = holder;
    this.random = random;
    this.changed = changed;
    // Nobody was heard yet: ask at once.
    this.heardMs = clock.monotonicMs() - quietMs;
  }

  /** Null: another leads, or nobody. */
  get epoch(): number | null {
    return this.held !== null && this.clock.monotonicMs() < this.held.untilMs ? this.held.epoch : null;
  }

  /** A leader was heard. */
  heard(): void {
    this.heardMs = this.clock.monotonicMs();
    this.patienceMs = this.random() * spreadMs;
  }

  /** Often: asks, renews, and notices that a lease ran out. */
  tick(): void {
    const nowMs = this.clock.monotonicMs();
    if (this.held !== null && nowMs >= this.held.untilMs) this.lose();
    if (this.closed || this.asking || nowMs - this.askedMs < renewEveryMs) return;
    if (this.held === null && nowMs - this.heardMs < quietMs + this.patienceMs) return;
    this.asking = true;
    this.askedMs = nowMs;
    // A lost connection is said elsewhere; here it only means that the lease runs out.
    void this.ask(nowMs).catch(() => undefined).finally(() => (this.asking = false));
  }

  /** The store says that a higher epoch was given out. */
  lose(): void {
    if (this.held === null) return;
    this.held = null;
    this.heard();
    this.changed(null);
  }

  async close(): Promise<void> {
    this.closed = true;
    const { held } = this;
    this.held = null;
    if (held !== null) await this.store.release(leaseName, held.epoch).catch(() => undefined);
  }

  private async ask(askedMs: number): Promise<void> {
    const { held } = this;
    if (held !== null) {
      const mine = await this.store.renew(leaseName, held.epoch, leaseMs);
      if (this.held !== held) return;
      if (mine) held.untilMs = askedMs + leaseMs;
      else this.lose();
      return;
    }
    const lease = await this.store.lease(leaseName, this.holder, leaseMs);
    if (lease === undefined || this.closed) return;
    // Its time is counted from the question: the store counts from a later moment.
    this.held = { epoch: lease.epoch, untilMs: askedMs + leaseMs };
    this.changed(lease.epoch);
  }
}
