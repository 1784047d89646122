/**
 * Follows how far each gate is open and how much it is used, and writes both down: a changed state at once, by whoever decides for the fleet; usage from time to
 * time, by everybody. A gate that left the document is forgotten, and the audit log says so.
 */
import type { Random } from "../core/random.ts";
import type { AuditEntry } from "../store/store.ts";
import { addUsage, factsKey, noUsage, parseFacts, type FactsStore, type GateFacts, type GateUsage } from "./facts.ts";
import { forgetKills } from "./kills.ts";
import type { GateRecord } from "./records.ts";
import type { GateExposure } from "./state.ts";

/** Between two writes of usage, a fifth of it random: a fleet writes one document. */
const usageEveryMs = 60_000;
/** A fleet's sidecars take a new document at different moments: what one does not know may be another's. */
const forgetAfterMs = 600_000;
const attemptsMax = 10;

export interface LifecycleOptions {
  readonly store: FactsStore;
  readonly clock: { monotonicMs(): number; wallMs(): number };
  readonly random: Random;
  readonly failed: (error: unknown) => void;
  /** This sidecar is alone. */
  readonly alone: boolean;
  /** This sidecar decides: its view of the states counts. */
  readonly leads: () => boolean;
  /** Gates of the running document, in order; how far each is open. */
  readonly exposures: () => ReadonlyMap<string, GateExposure>;
  /** Requests since the process began, and those of the gate's route, by gate. */
  readonly usage: () => ReadonlyMap<string, Counted>;
}

interface Counted {
  readonly gate: GateUsage;
  readonly route: number;
}

export class GateLifecycle {
  private readonly options: LifecycleOptions;
  private states = "";
  private written = new Map<string, Counted>();
  private dueMs: number;
  private missingSinceMs: number | null = null;
  private writing: Promise<void> = Promise.resolve();
  private busy = false;

  constructor(options: LifecycleOptions) {
    this.options = options;
    this.dueMs = options.clock.monotonicMs() + usageEveryMs * options.random();
  }

  /** Asked from time to time, as often as a changed state should be known. */
  tick(): void {
    const { leads, exposures, clock } = this.options;
    if (this.busy) return;
    const states = leads() ? [...exposures()].map(([gate, { state }]) => `${gate} ${state}`).join() : this.states;
    const nowMs = clock.monotonicMs();
    if (states === this.states && nowMs < this.dueMs) return;
    this.dueMs = nowMs + usageEveryMs * (0.9 + 0.2 * this.options.random());
    this.busy = true;
    this.writing = this.write()
      .then(() => void (this.states = states))
      .catch(this.options.failed)
      .finally(() => (this.busy = false));
  }

  /** Writes what is known now: before the process ends. */
  async flush(): Promise<void> {
    await this.writing;
    await this.write().catch(this.options.failed);
  }

  private async write(): Promise<void> {
    const { store, exposures, usage, leads } = this.options;
    const open = exposures();
    const counted = usage();
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const stored = await store.get(factsKey);
      if (stored?.cached === true) return;
      const before = parseFacts(stored?.value);
      const { facts, audit } = this.next(before, open, counted, leads());
      if (facts.size === 0) {
        if (stored !== undefined && !(await store.remove(factsKey, stored.revision))) continue;
        for (const { record } of audit) await store.append(record);
      } else {
        const value = Object.fromEntries(facts);
        if (JSON.stringify(value) !== JSON.stringify(stored?.value) && (await store.put(factsKey, value, stored?.revision ?? 0, { audit })) === undefined) continue;
      }
      this.written = new Map(counted);
      if (this.mayForget()) await forgetKills(store, (gate) => open.has(gate));
      return;
    }
  }

  private next(before: ReadonlyMap<string, GateFacts>, open: ReadonlyMap<string, GateExposure>, counted: ReadonlyMap<string, Counted>, leads: boolean): { facts: Map<string, GateFacts>; audit: AuditEntry[] } {
    const now = new Date(this.options.clock.wallMs()).toISOString();
    const facts = new Map<string, GateFacts>();
    const audit: AuditEntry[] = [];
    const record = (one: GateRecord): void => void audit.push({ record: one });
    for (const [gate, exposure] of open) {
      const known = before.get(gate);
      if (known === undefined && !leads) continue;
      const old: GateFacts = known ?? { state: exposure.state, since: now, first: now, traffic: null, requests: noUsage };
      const { gate: used, route } = this.since(gate, counted.get(gate));
      const moved = leads && (known === undefined || known.state !== exposure.state);
      if (moved) record({ kind: "gate", gate, action: "state", from: known?.state ?? null, to: exposure.state, reason: whyState(exposure) });
      facts.set(gate, { ...old, ...(moved ? { state: exposure.state, since: now } : {}), traffic: route > 0 ? now : old.traffic, requests: addUsage(old.requests, used) });
    }
    const gone = [...before].filter(([gate]) => !open.has(gate));
    if (gone.length === 0) this.missingSinceMs = null;
    else this.missingSinceMs ??= this.options.clock.monotonicMs();
    for (const [gate, known] of gone) {
      if (!this.mayForget()) facts.set(gate, known);
      else record({ kind: "gate", gate, action: "state", from: known.state, to: "retired", reason: `it left the document, after ${JSON.stringify(known.requests)}` });
    }
    return { facts, audit };
  }

  private mayForget(): boolean {
    const { alone, leads, clock } = this.options;
    return alone || (leads() && this.missingSinceMs !== null && clock.monotonicMs() - this.missingSinceMs >= forgetAfterMs);
  }

  /** What is not written yet. */
  private since(gate: string, now: Counted = { gate: noUsage, route: 0 }): Counted {
    const { gate: written, route } = this.written.get(gate) ?? { gate: noUsage, route: 0 };
    const left = Object.fromEntries(Object.entries(now.gate).map(([reason, count]) => [reason, Math.max(0, count - written[reason as keyof GateUsage])])) as GateUsage;
    return { gate: left, route: now.route - route };
  }
}

/** One phrase for the audit log. */
export function whyState({ state, weight, closed, regionsBelow }: GateExposure): string {
  if (closed !== null) return closed;
  const below = regionsBelow.length === 0 ? "" : `, less in ${regionsBelow.join(", ")}`;
  return state === "hidden" ? "weight 0%" : `weight ${weight}%${below}`;
}
