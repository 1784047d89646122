/** What the leader says to all, once a second: who it is, how many there are, how often they need report, and who is behind. */
import type { FleetStore } from "./ports.ts";

const everyMs = 1_000;
/** Without one for so long there is no leader. */
const silentMs = 3_000;
const stragglersMax = 20;
/** All sidecars together send at most about so many reports a second. */
const reportsPerSecond = 1_000;
const intervalMinMs = 100;
const intervalMaxMs = 1_000;

export interface Beacon {
  readonly leader: string;
  readonly epoch: number;
  readonly size: number;
  readonly intervalMs: number;
  /** On the leader's line of the states' times: their machines' clocks differ. */
  readonly nowMs: number;
  /** At most 20 names. */
  readonly stragglers: readonly string[];
}

/** How often a sidecar reports: time alone decides, so nobody is heard sooner for failing. */
export const intervalFor = (size: number): number => Math.min(intervalMaxMs, Math.max(intervalMinMs, Math.ceil((size * 1_000) / reportsPerSecond / intervalMinMs) * intervalMinMs));

export class Beacons {
  private readonly store: Pick<FleetStore, "publish" | "subscribe">;
  private readonly instance: string;
  private heardMs = Number.NEGATIVE_INFINITY;
  private sentMs = Number.NEGATIVE_INFINITY;
  private newest: Beacon | null = null;

  constructor(store: Pick<FleetStore, "publish" | "subscribe">, instance: string) {
    this.store = store;
    this.instance = instance;
  }

  /** @returns what ends it */
  listen(heard: (beacon: Beacon) => void, now: () => number): () => void {
    return this.store.subscribe("beacon", (text) => {
      const beacon = beaconOf(text);
      // Two leaders at once: the older one has not noticed yet.
      if (beacon === null || (this.newest !== null && beacon.epoch < this.newest.epoch && now() - this.heardMs < silentMs)) return;
      this.newest = beacon;
      this.heardMs = now();
      heard(beacon);
    });
  }

  get size(): number {
    return Math.max(1, this.newest?.size ?? 1);
  }

  get intervalMs(): number {
    return this.newest?.intervalMs ?? intervalMinMs;
  }

  /** Null: no leader was heard lately. */
  last(nowMs: number): Beacon | null {
    return nowMs - this.heardMs < silentMs ? this.newest : null;
  }

  due(nowMs: number): boolean {
    return nowMs - this.sentMs >= everyMs;
  }

  send(nowMs: number, epoch: number, size: number, stragglers: readonly string[], lineMs: number): void {
    this.sentMs = nowMs;
    const beacon: Beacon = { leader: this.instance, epoch, size: Math.max(1, size), intervalMs: intervalFor(size), nowMs: lineMs, stragglers: stragglers.slice(0, stragglersMax) };
    this.newest = beacon;
    this.heardMs = nowMs;
    void this.store.publish("beacon", JSON.stringify(beacon)).catch(() => undefined);
  }
}

function beaconOf(text: string): Beacon | null {
  try {
    const beacon = JSON.parse(text) as Partial<Beacon> | null;
    if (typeof beacon?.leader !== "string" || typeof beacon.epoch !== "number" || typeof beacon.size !== "number" || typeof beacon.intervalMs !== "number" || typeof beacon.nowMs !== "number" || !Array.isArray(beacon.stragglers)) return null;
    return { ...(beacon as Beacon), intervalMs: Math.min(intervalMaxMs, Math.max(intervalMinMs, beacon.intervalMs)) };
  } catch {
    return null;
  }
}
