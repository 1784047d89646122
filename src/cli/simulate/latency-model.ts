/** Distributions of first-byte time, drawn through their quantile function. */
import { probit } from "../../judge/probit.ts";

const cells = 1 << 16;
/** The uppermost cells are drawn from the exact function: a tail must not end where a table does. */
const exactFrom = 1 - 64 / cells;

export interface LatencyModel {
  /** Milliseconds at the quantile u, in (0, 1); nondecreasing in u. */
  quantileMs(u: number): number;
  /** One first-byte time in milliseconds. @param u uniform in (0, 1): 16 bits of it are used, more in the tail */
  atMs(u: number): number;
}

/** Draws from a table of 65,536 equally likely cells (each at its middle), and exactly above the 99.9th percentile. */
function tabled(quantileMs: (u: number) => number): LatencyModel {
  let table: Float64Array | null = null;
  return {
    quantileMs,
    atMs: (u) => {
      // Made at the first draw: most runs need one table of all that there are.
      table ??= Float64Array.from({ length: cells }, (_, i) => quantileMs((i + 0.5) / cells));
      return u < exactFrom ? table[(u * cells) | 0]! : quantileMs(u);
    },
  };
}

/** @param sigma standard deviation of the logarithm */
export const lognormal = (medianMs: number, sigma: number): LatencyModel => tabled((u) => medianMs * Math.exp(sigma * probit(u)));

/** Shape 2: the sum of two exponential waits, as a request that passes two queues. */
export const gamma = (meanMs: number): LatencyModel => tabled((u) => (meanMs / 2) * erlang2(u));

/** Heavy-tailed: with an exponent of 1.1 the mean barely exists, and the variance does not. */
export const pareto = (leastMs: number, exponent: number): LatencyModel => tabled((u) => leastMs * (1 - u) ** (-1 / exponent));

/** The x with 1 - (1 + x) exp(-x) = u, by bisection. */
function erlang2(u: number): number {
  let low = 0;
  let high = 60;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (1 - (1 + middle) * Math.exp(-middle) < u) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Everything above the quantile takes so many times as long: `stretched(0.97, 2)` doubles the p99. */
export const stretched = (model: LatencyModel, above: number, times: number): LatencyModel =>
  tabled((u) => model.quantileMs(u) * (u > above ? times : 1));

/** A share of the requests, whichever they are, takes so many times as long: u is split into which and how long. */
export const sometimes = (model: LatencyModel, share: number, times: number): LatencyModel => ({
  quantileMs: (u) => model.quantileMs(u),
  atMs: (u) => (u < share ? times * model.atMs(u / share) : model.atMs((u - share) / (1 - share))),
});
