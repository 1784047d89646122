/**
 * The error test (JUDGE 2). H0: p_c <= rho * p_b + delta, with both error rates free to drift: only what the two
 * variants did in the same stratum is compared, so seasons, ramps and shared outages cancel.
 */
import type { StratumCounts } from "./counts.ts";

/** What the test reads of a stratum. */
export type ErrorCounts = Pick<StratumCounts, "nC" | "nB" | "errorsC" | "errorsB">;

/**
 * Ratios of the candidate's error rate to the limit that are betted on, and what is betted on each. Close together where a
 * regression is slight, because there a bet that misses by a third doubles the requests; far apart where any bet wins within
 * seconds. Most is on 3.2 and 5, which the cap of 2 nats a stratum leaves most of where there are many candidate requests a second. JUDGE 2 has
 * 1.3 * 1.8^j, evenly: decisions 015 and 107 have what the changes brought.
 */
export const errorRatios: readonly number[] = [1.35, 1.75, 2.3, 3.2, 5, 8, 14, 28, 60, 150];
const betted = [1.5, 1.7, 1.2, 2, 2.4, 0.9, 0.6, 0.5, 0.25, 0.15];
const bettedSum = betted.reduce((a, b) => a + b, 0);
/** Shares of the budget, by ratio. */
export const errorPrior: readonly number[] = betted.map((share) => share / bettedSum);
const logRatios = errorRatios.map((r) => Math.log(r));

/**
 * Log-likelihood ratios of one stratum, one for each ratio r, with o = rho * n_c / n_b, t = o / (1 + o), x = t(r - 1).
 *
 * delta = 0: `e_c ln r - (e_c + e_b) log1p(x)`; given e_c + e_b errors, each is the candidate's with probability at
 * most t, so the expectation of exp is at most 1.
 * delta > 0: `e_c log1p(A) - n_c log1p(A delta) + e_b log1p(-B)`, A = (r - 1)(1 - t)/(1 + x), B = o A/(1 + A delta);
 * at the limit the expectation is (1 + n_b B p_b / n_c)^n_c (1 - B p_b)^n_b <= 1.
 * A stratum in which either variant has no request says nothing: all zeros.
 *
 * @param rho at least 1
 * @param delta a share, 0 ... 1
 * @param out written: `errorRatios.length` values in nats
 */
export function errorLlr(s: ErrorCounts, rho: number, delta: number, out: Float64Array): void {
  const { nC, nB, errorsC, errorsB } = s;
  if (nC <= 0 || nB <= 0) {
    out.fill(0);
    return;
  }
  const o = (rho * nC) / nB;
  const t = o / (1 + o);
  for (let j = 0; j < errorRatios.length; j++) {
    const r = errorRatios[j]!;
    const x = t * (r - 1);
    if (delta === 0) {
      out[j] = errorsC * logRatios[j]! - (errorsC + errorsB) * Math.log1p(x);
      continue;
    }
    const a = ((r - 1) * (1 - t)) / (1 + x);
    const b = (o * a) / (1 + a * delta);
    // Most strata have no error of the candidate, and many have none at all: a logarithm that is taken zero times is left out.
    let l = -nC * Math.log1p(a * delta);
    if (errorsC > 0) l += errorsC * Math.log1p(a);
    if (errorsB > 0) l += errorsB * Math.log1p(-b);
    out[j] = l;
  }
}
