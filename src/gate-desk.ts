/** All about gates in one sidecar: the kill switch, how far each gate is open, and what is remembered of it. */
import type { DynamicConfiguration } from "./config/definition.ts";
import type { Clock } from "./core/clock.ts";
import type { Random } from "./core/random.ts";
import { KillKeeper, type KeeperOptions } from "./gates/keeper.ts";
import { GateLifecycle } from "./gates/lifecycle.ts";
import { exposureOf, rolloutOf, type GateExposure } from "./gates/state.ts";
import { usageOf } from "./gates/usage.ts";
import type { Slab } from "./observe/slab.ts";
import type { RolloutState } from "./rollout/types.ts";

/** Between two looks at the states. */
const lookMs = 1_000;

export interface DeskOptions extends Omit<KeeperOptions, "inbox"> {
  readonly inbox: KeeperOptions["inbox"] | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly slab: Slab;
  readonly alone: boolean;
  readonly leads: () => boolean;
  readonly dynamic: () => DynamicConfiguration;
  readonly states: () => ReadonlyMap<string, RolloutState>;
}

export class GateDesk {
  readonly kills: KillKeeper;
  private readonly options: DeskOptions;
  private readonly lifecycle: GateLifecycle;
  private lookedMs = Number.NEGATIVE_INFINITY;

  constructor(options: DeskOptions) {
    const { store, clock, random, slab, alone, log } = options;
    this.options = options;
    this.kills = new KillKeeper({ ...options, inbox: options.inbox ?? null });
    this.lifecycle = new GateLifecycle({
      store, clock, random, alone, failed: (error) => log.warn({ err: error }, "What is remembered of gates could not be written; it is tried again."), leads: options.leads,
      exposures: () => this.exposures(), usage: () => usageOf(options.dynamic(), (route, variant) => slab.reader(slab.slotOf(route, variant))),
    });
  }

  /** How far each gate of the running document is open, in its order. */
  exposures(): ReadonlyMap<string, GateExposure> {
    const { dynamic, states } = this.options;
    const running = dynamic();
    const rollouts = states();
    return new Map(running.gates.map((gate) => [gate.name, exposureOf(gate, running, rollouts.get(rolloutOf(gate, running) ?? ""), this.kills.killed.has(gate.name))]));
  }

  tick(): void {
    this.kills.tick();
    const nowMs = this.options.clock.monotonicMs();
    if (nowMs - this.lookedMs < lookMs) return;
    this.lookedMs = nowMs;
    this.lifecycle.tick();
  }

  async close(): Promise<void> {
    await this.kills.close();
    await this.lifecycle.flush();
  }
}
