/**
 * The error test (JUDGE 2). H0: p_c <= rho * p_b + delta, with both error rates free to drift: only what the two
 * variants did in the same stratum is compared, so seasons, ramps and shared outages cancel.
 */
import type { StratumCounts } from "./counts.ts";

/** Ratios of the candidate's error rate to the limit that are betted on: 1.3 * 1.8^j, j = 0 ... 11. */
export const errorRatios: readonly number[] = Array.from({ length: 12 }, (_, j) => 1.3 * 1.8 ** j);
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
export function errorLlr(s: StratumCounts, rho: number, delta: number, out: Float64Array): void {
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
    out[j] = errorsC * Math.log1p(a) - nC * Math.log1p(a * delta) + errorsB * Math.log1p(-b);
  }
}
