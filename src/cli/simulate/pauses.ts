/** Pods that stop for a moment (a garbage collection, a throttled CPU): what reaches them waits until they go on. */
import type { Random } from "../../core/random.ts";
import { endpointOf, type Side, type VariantSecond } from "./second.ts";

export interface PausePlan {
  /** Between the pauses of one endpoint, on average. */
  readonly everySeconds: number;
  /** At most 1: a pause lies within a second. */
  readonly seconds: number;
}

export class PauseSource {
  private readonly plan: PausePlan;
  private readonly random: Random;
  private readonly paused: Record<Side, Uint8Array>;

  constructor(plan: PausePlan, baseline: number, candidate: number, random: Random) {
    this.plan = plan;
    this.random = random;
    this.paused = { candidate: new Uint8Array(candidate), baseline: new Uint8Array(baseline) };
  }

  /** Begins the next second: which endpoints pause in it. */
  second(): void {
    for (const paused of [this.paused.candidate, this.paused.baseline]) {
      for (let i = 0; i < paused.length; i++) paused[i] = this.random() < 1 / this.plan.everySeconds ? 1 : 0;
    }
  }

  /** A request that meets a pause waits for what is left of it. */
  fill(side: Side, into: VariantSecond): void {
    const { random, plan } = this;
    const paused = this.paused[side];
    let pausing = 0;
    for (const one of paused) pausing += one;
    if (pausing === 0) return;
    for (let i = 0; i < into.n; i++) {
      if (paused[endpointOf(into.clients[i]!, paused.length)] === 0 || random() >= plan.seconds) continue;
      into.latencyMs[i]! += random() * plan.seconds * 1000;
    }
  }
}
