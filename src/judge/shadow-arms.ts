/**
 * Shadow arms: the baseline's own traffic, split by assignment unit into arms that are equal by construction. How much
 * more they differ than independent requests would is the overdispersion phi (JUDGE 4.3). One accumulator for each
 * number of arms, because which one counts depends on the candidate's weight, and that changes.
 */

/**
 * A phi of 2, worth ten events: two quiet blocks. JUDGE 4.3 has fifty, with which a service of 0.1% errors at 500 a second is judged
 * at half speed for its first two minutes, and a regression shows in the first two minutes (decision 013).
 */
const priorExcess = 20;
const priorEvents = 10;
/** An arm with more of the exposure than this has nothing to be compared with. */
const shareMax = 0.95;

export class ShadowArms {
  /** By number of arms: 2, 4, 8, ... */
  private readonly excess: Float64Array;
  private readonly arms: { readonly sums: Float64Array; readonly exposure: Float64Array };
  /** By number of arms: events in blocks that could be compared at all. */
  private readonly events: Float64Array;
  /** By number of arms: the inverse of the excess' relative variance by chance. */
  private readonly information: Float64Array;

  /** @param units a power of two, at least 2 */
  constructor(units: number) {
    const levels = Math.log2(units);
    this.excess = new Float64Array(levels);
    this.events = new Float64Array(levels);
    this.information = new Float64Array(levels);
    this.arms = { sums: new Float64Array(units), exposure: new Float64Array(units) };
  }

  /**
   * Takes in one block: for each number of arms k, sum over arms of (x_s - X n_s/N)^2 / (1 - n_s/N), over the variance of one event.
   * @param sums of what is compared, by unit
   * @param exposure how many could have been, by unit; null: all units alike
   * @param variance of what one event adds to a sum; 1 for counts
   * @param events of the whole block: what the sums' variance is measured in
   */
  add(sums: ArrayLike<number>, exposure: ArrayLike<number> | null, variance: number, events: number): void {
    if (events <= 0 || !(variance > 0)) return;
    const { sums: x, exposure: n } = this.arms;
    let all = 0;
    let total = 0;
    for (let i = 0; i < x.length; i++) {
      x[i] = sums[i]!;
      n[i] = exposure === null ? 1 : exposure[i]!;
      all += x[i]!;
      total += n[i]!;
    }
    if (total <= 0) return;
    for (let k = x.length, level = this.excess.length - 1; k >= 2; k >>= 1, level--) {
      this.addLevel(level, k, all / total, total, variance, events);
      for (let i = 0; i < k >> 1; i++) {
        x[i]! += x[i + (k >> 1)]!;
        n[i]! += n[i + (k >> 1)]!;
      }
    }
  }

  private addLevel(level: number, k: number, rate: number, total: number, variance: number, events: number): void {
    const { sums: x, exposure: n } = this.arms;
    let excess = 0;
    let seen = 0;
    for (let i = 0; i < k; i++) {
      const share = n[i]! / total;
      if (share <= 0) continue;
      if (share > shareMax) return;
      seen++;
      const difference = x[i]! - rate * n[i]!;
      excess += (difference * difference) / (1 - share);
    }
    if (seen < 2) return;
    this.excess[level]! += excess / variance;
    this.events[level]! += events;
    // Of a chi-square of so many degrees of freedom, and of counts as few as these.
    this.information[level]! += 1 / (2 / (seen - 1) + 1 / events);
  }

  /** Forgets a part of the history. @param factor 0 ... 1: what stays */
  fade(factor: number): void {
    for (let i = 0; i < this.excess.length; i++) {
      this.excess[i]! *= factor;
      this.events[i]! *= factor;
      this.information[i]! *= factor;
    }
  }

  /**
   * phi = max(1, (20 + excess (1 - e)) / (10 + events)) of about 1/w arms, e being the relative standard error of the excess: what
   * chance alone does must not slow the judge down, and the larger of two splits is above 1 by chance most of the time.
   * @param weight the candidate's, as a share in (0, 1)
   */
  phi(weight: number): number {
    return phiOf(this.found(weight));
  }

  /** What `phi` is computed from: a fleet adds these up over its sidecars. */
  found(weight: number): Excess {
    const wanted = Math.round(Math.log2(1 / Math.min(0.5, Math.max(1e-6, weight)))) - 1;
    const level = Math.min(this.excess.length - 1, Math.max(0, wanted));
    return { excess: this.excess[level]!, events: this.events[level]!, information: this.information[level]! };
  }

  /** Whether any block could be compared with so few arms. */
  get known(): boolean {
    return this.events[0]! > 0;
  }
}

/** What shadow arms of one kind have shown; sums over independent sources. */
export interface Excess {
  readonly excess: number;
  readonly events: number;
  readonly information: number;
}

/** @param prior what is believed beforehand, worth ten events: 2, or what a whole fleet has shown */
export function phiOf({ excess, events, information }: Excess, prior = priorExcess / priorEvents): number {
  const certain = 1 - 1 / Math.sqrt(1 + information);
  return Math.max(1, (priorEvents * prior + certain * excess) / (priorEvents + events));
}
