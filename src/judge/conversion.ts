/**
 * Conversion, where lower is worse: the error test with the arms swapped (JUDGE 2). H0: the baseline's goal rate is at most rho
 * times the candidate's plus delta. What errs from the baseline's side of the table is the same inequality, so the same
 * ratios bound it.
 */
import { advanceErrorLlr } from "./advance.ts";
import { errorLlr, type ErrorCounts } from "./errors.ts";

/** Goals reached in one stratum, by the dispatch of the request that began them. */
export interface GoalCounts {
  readonly nC: number;
  readonly nB: number;
  readonly goalsC: number;
  readonly goalsB: number;
}

const swapped = (s: GoalCounts): ErrorCounts => ({ nC: s.nB, nB: s.nC, errorsC: s.goalsB, errorsB: s.goalsC });

/**
 * @param rho at least 1: 1.1 lets the baseline convert a tenth more often
 * @param delta a share, 0 ... 1
 * @param out written: one value in nats for each of `errorRatios`
 */
export function conversionLlr(s: GoalCounts, rho: number, delta: number, out: Float64Array): void {
  errorLlr(swapped(s), rho, delta, out);
}

/**
 * Evidence that the candidate converts no worse (JUDGE 6). H0: p_b >= max(rho p_c, p_c + delta).
 * @param out written: `advanceErrorAlternatives` values in nats, for `errorNotWorse`
 */
export function advanceConversionLlr(s: GoalCounts, rho: number, delta: number, out: Float64Array): void {
  advanceErrorLlr(swapped(s), rho, delta, out);
}
