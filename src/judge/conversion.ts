/**
 * Conversion, where lower is worse. H0: the baseline's cohorts reach the goal at most rho times as often as the candidate's.
 *
 * A cohort reaches a goal long after it was exposed, so no stratum of exposures is ever complete. What is certain at once is
 * whose cohort it was: under a split by hash a cohort that reaches the goal is the candidate's with the probability of its
 * weight, whoever came before it, as long as each cohort counts once and both have had the same time. So it is goals that
 * are compared, by when they were reached: given one, it is the baseline's with probability at most t = o / (1 + o),
 * o = rho x (baseline cohorts for each of the candidate). That is the error test without a margin, with the arms swapped (JUDGE 2).
 */
import { mixture } from "./advance.ts";

/** Baseline cohorts for each candidate cohort, by the split and as they were seen. */
export interface Odds {
  /** The larger of both speaks for the candidate: users who were lost before they were seen are no conversions lost. */
  readonly most: number;
  /** The smaller one speaks against it, and is what evidence for advance is measured by. */
  readonly least: number;
}

/** Goals reached in one stratum, once by each cohort. */
export interface GoalCounts {
  readonly goalsC: number;
  readonly goalsB: number;
}

/** Ratios of the baseline's rate to what the limit allows that are betted on: near 1, because a fifth less is already much. */
export const conversionRatios: readonly number[] = [1.06, 1.12, 1.2, 1.35, 1.6, 2.2, 4, 10];
const betted = [2, 2, 2, 1.5, 1, 0.6, 0.5, 0.4];
const bettedSum = betted.reduce((a, b) => a + b, 0);
export const conversionPrior: readonly number[] = betted.map((share) => share / bettedSum);

/**
 * `g_b ln r - (g_b + g_c) log1p(t (r - 1))`.
 * @param rho at least 1: 1.05 lets the baseline convert a twentieth more often
 * @param out written: `conversionRatios.length` values in nats
 */
export function conversionLlr({ goalsC, goalsB }: GoalCounts, odds: number, rho: number, out: Float64Array): void {
  // Without a candidate cohort there is nothing that it failed to convert.
  if (!(odds > 0 && Number.isFinite(odds))) {
    out.fill(0);
    return;
  }
  const o = rho * odds;
  const t = o / (1 + o);
  for (let j = 0; j < out.length; j++) {
    const r = conversionRatios[j]!;
    out[j] = goalsB * Math.log(r) - (goalsB + goalsC) * Math.log1p(t * (r - 1));
  }
}

/** What the baseline may be to the candidate instead of rho. */
const others = [0.3, 0.5, 0.7, 0.85, 0.95, 1] as const;
export const advanceConversionAlternatives = others.length;

/**
 * Evidence that the candidate converts no worse (JUDGE 6). H0: p_b >= rho p_c.
 * @param out written: `advanceConversionAlternatives` values in nats, for `conversionNotWorse`
 */
export function advanceConversionLlr({ goalsC, goalsB }: GoalCounts, odds: number, rho: number, out: Float64Array): void {
  if (!(odds > 0 && Number.isFinite(odds))) {
    out.fill(0);
    return;
  }
  for (let j = 0; j < out.length; j++) {
    const r = Math.min(rho, others[j]!);
    out[j] = goalsB * Math.log(r / rho) - (goalsB + goalsC) * Math.log((1 + r * odds) / (1 + rho * odds));
  }
}

export const conversionNotWorse = (logs: Float64Array): number => mixture(logs);
