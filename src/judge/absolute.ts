/**
 * The test of an absolute bound. H0: each outcome is bad with probability at most a. Betting on p > a, the likelihood
 * ratio `e ln(p/a) + (n - e) ln((1-p)/(1-a))` has an expectation of at most 1 in exp for every rate up to a (Wald 1945).
 * The caller leaves out the strata in which the baseline does not keep the bound either (JUDGE 8).
 */
const ratios = [1.3, 1.7, 2.2, 3, 4.5, 8, 20, 100] as const;
export const absoluteAlternatives = ratios.length;
/** From here on a bound forbids next to nothing, and 1 - bound is too small to divide by. */
const boundMax = 1 - 1e-9;

/**
 * @param n outcomes, @param bad of them bad
 * @param bound a, in (0, 1]; 1 forbids nothing, and says nothing
 * @param out written: `absoluteAlternatives` values in nats
 */
export function absoluteLlr(n: number, bad: number, bound: number, out: Float64Array): void {
  for (let j = 0; j < ratios.length; j++) {
    const p = Math.min(bound * ratios[j]!, 1 - (1 - bound) / (2 + j));
    out[j] = bound >= boundMax || n <= 0 ? 0 : bad * Math.log(p / bound) + Math.max(0, n - bad) * Math.log((1 - p) / (1 - bound));
  }
}
