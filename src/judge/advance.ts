/**
 * Evidence that the candidate is *not worse* (JUDGE 6). H0: p_c >= max(rho p_b, p_b + delta); a rollout that asks for
 * evidence advances once every metric's E reaches 1/beta. Too little is inconclusive: hold, neither forward nor back.
 */
import type { ErrorCounts } from "./errors.ts";

/** 1 / beta. */
export const notWorseThreshold = 20;

const differences = [0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 0.99] as const;
const relatives = [0.1, 0.3, 0.5, 0.7, 0.9, 1] as const;
const logsOfDifferences = differences.map((a) => Math.log1p(-a));
export const advanceErrorAlternatives = differences.length + relatives.length;

/**
 * Log-likelihood ratios of one stratum: first the differences A,
 * `e_c log1p(-A) + e_b log1p(n_c A / (n_b (1 - A delta))) - n_c log1p(-A delta)`, then the ratios r,
 * `e_c ln(r / rho) - (e_c + e_b) ln((1 + r o) / (1 + rho o))` with o = n_c / n_b.
 * @param out written: `advanceErrorAlternatives` values in nats
 */
export function advanceErrorLlr(s: ErrorCounts, rho: number, delta: number, out: Float64Array): void {
  const { nC, nB, errorsC, errorsB } = s;
  if (nC <= 0 || nB <= 0) {
    out.fill(0);
    return;
  }
  const o = nC / nB;
  // A logarithm that is taken zero times is left out, as in errors.ts.
  for (let j = 0; j < differences.length; j++) {
    const a = differences[j]!;
    const baseline = errorsB > 0 ? errorsB * Math.log1p((o * a) / (1 - a * delta)) : 0;
    out[j] = errorsC * logsOfDifferences[j]! + baseline - nC * Math.log1p(-a * delta);
  }
  for (let j = 0; j < relatives.length; j++) {
    const r = relatives[j]!;
    const candidate = errorsC > 0 ? errorsC * Math.log(r / rho) : 0;
    const both = errorsC + errorsB > 0 ? (errorsC + errorsB) * Math.log((1 + r * o) / (1 + rho * o)) : 0;
    out[differences.length + j] = candidate - both;
  }
}

/** E of the error test: the mean of both mixtures. @param logs summed ratios, in the order of `advanceErrorLlr` */
export function errorNotWorse(logs: Float64Array): number {
  const first = logs.subarray(0, differences.length);
  return (mixture(first) + mixture(logs.subarray(differences.length))) / 2;
}

/** The mean of exp: an e-value from the summed ratios of its alternatives. */
export function mixture(logs: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < logs.length; j++) sum += Math.exp(Math.min(logMax, logs[j]!));
  return sum / logs.length;
}

/** exp of it is far above any threshold and far below overflow. */
const logMax = 50;
