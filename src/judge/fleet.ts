/**
 * Evidence of a fleet (JUDGE 7): each sidecar computes the ratios of its own strata, and the leader sums the ratios. Counts are
 * never pooled: with different weights and error rates, pooled counts convict a candidate that is equal to its baseline
 * everywhere (Simpson's paradox). Given what the second was like, sidecars are independent, so the expectation of the
 * product exp(sum l) is at most 1. The same holds across zones.
 */
import { bet, inject, newWealth, total, type Prior } from "./wealth.ts";

/** One sidecar's contribution to one slot of time: what `Trial.taken` says of a stratum, for one test. */
export interface SidecarRatios {
  /** One ratio in nats for each alternative; all sidecars have the same alternatives, whatever their edges. */
  readonly ratios: ArrayLike<number>;
  /** The sidecar's own overdispersion, at least 1. */
  readonly phi: number;
}

/** The wealth of one test over the whole fleet. */
export class FleetWealth {
  private readonly wealth: Float64Array;
  private readonly prior: Prior | undefined;
  private readonly sums: Float64Array;

  constructor(alternatives: number, prior?: Prior) {
    this.wealth = newWealth(alternatives);
    this.sums = new Float64Array(alternatives);
    this.prior = prior;
  }

  inject(amount: number): void {
    inject(this.wealth, amount, this.prior);
  }

  /**
   * Takes in one slot: sum over sidecars of l[j]/phi, capped once for all of them, because what hits the fleet in one second is
   * one event. A sidecar whose stratum comes late is put into a later slot: which slot may depend on arrival, never on outcomes.
   * @param seconds the slot's length, which sets the restart term
   * @returns S
   */
  take(slot: readonly SidecarRatios[], seconds: number): number {
    sumRatios(slot, this.sums);
    return bet(this.wealth, this.sums, seconds, 1, this.prior);
  }

  get total(): number {
    return total(this.wealth);
  }
}

/** @param out written: sum over sidecars of l[j]/phi */
export function sumRatios(slot: readonly SidecarRatios[], out: Float64Array): void {
  out.fill(0);
  for (const { ratios, phi } of slot) {
    for (let j = 0; j < out.length; j++) out[j]! += ratios[j]! / phi;
  }
}
