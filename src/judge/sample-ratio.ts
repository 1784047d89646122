/**
 * Sample-ratio mismatch (JUDGE 7): do the variants get the shares of requests that the weights say? If not, the split or the
 * measuring is broken, and no comparison means anything: hold and say so. A Bayes factor of Dirichlet-multinomial shares
 * against the configured ones (Lindon, Malek, NeurIPS 2022); its expectation is 1 under the right shares, so
 * P(it ever reaches 1000 in an epoch) <= 1/1000.
 *
 * It counts requests as independent. Where assignment is sticky a client brings all of its requests, and a busy one is no
 * mismatch: count clients there, or do not ask.
 */
export const sampleRatioThreshold = 1_000;
/** How closely the alternative keeps to the configured shares. */
const concentration = 1_000;

/** One weight epoch: from one change of the weights to the next. */
export class SampleRatio {
  private readonly shares: readonly number[];
  private readonly counts: Float64Array;

  /**
   * @param weights by variant, in percent or any other unit; at least one is above 0
   * @throws RangeError where none is
   */
  constructor(weights: readonly number[]) {
    const sum = weights.reduce((a, b) => a + b, 0);
    if (!(sum > 0)) throw new RangeError(`sample ratio: the weights sum to ${sum}. At least one variant must have some.`);
    this.shares = weights.map((weight) => weight / sum);
    this.counts = new Float64Array(weights.length);
  }

  /** @param requests dispatched since the last call, by variant */
  add(requests: ArrayLike<number>): void {
    for (let i = 0; i < this.counts.length; i++) this.counts[i]! += requests[i]!;
  }

  /** ln E. Infinite where a variant of weight 0 got a request: then the split is broken for certain. */
  get logEvidence(): number {
    return sampleRatioLog(this.counts, this.shares);
  }

  get mismatch(): boolean {
    return this.logEvidence >= Math.log(sampleRatioThreshold);
  }
}

/**
 * `lnG(k) - lnG(k+n) + SUM_i [lnG(k w_i + n_i) - lnG(k w_i) - n_i ln w_i]`, k = 1000.
 * @param shares sum to 1
 */
export function sampleRatioLog(counts: ArrayLike<number>, shares: readonly number[]): number {
  let n = 0;
  let log = 0;
  for (let i = 0; i < shares.length; i++) {
    const [count, share] = [counts[i]!, shares[i]!];
    n += count;
    if (count === 0) continue;
    if (share <= 0) return Number.POSITIVE_INFINITY;
    log += rising(concentration * share, count) - count * Math.log(share);
  }
  return log - rising(concentration, n);
}

/** lnG(a + n) - lnG(a). */
const rising = (a: number, n: number): number => logGamma(a + n) - logGamma(a);

/** ln Gamma(x), x > 0: Stirling's series above 12 (Abramowitz, Stegun 6.1.41), absolute error below 1e-10; below by the recurrence. */
function logGamma(x: number): number {
  let shift = 0;
  let y = x;
  for (; y < 12; y++) shift += Math.log(y);
  const inverse = 1 / y;
  const square = inverse * inverse;
  const series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)));
  return (y - 0.5) * Math.log(y) - y + 0.5 * Math.log(2 * Math.PI) + series - shift;
}
