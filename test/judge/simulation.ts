/** Counts drawn as traffic would make them, without the traffic: for the judge's own tests. */
import { emptyStratum, type StratumCounts } from "../../src/judge/counts.ts";

/** Knuth for small means, and a normal approximation above, which is exact enough for counts. */
export function poisson(mean: number, random: () => number): number {
  if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(random)));
  const limit = Math.exp(-mean);
  let k = 0;
  for (let p = random(); p > limit; p *= random()) k++;
  return k;
}

export const normal = (random: () => number): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

export function binomial(n: number, p: number, random: () => number): number {
  if (n > 60 && n * p < 12) return Math.min(n, poisson(n * p, random));
  let k = 0;
  for (let i = 0; i < n; i++) if (random() < p) k++;
  return k;
}

/** One second of traffic with errors alone. */
export function errorSecond(requestsPerSecond: number, weight: number, errorsC: number, errorsB: number, random: () => number): StratumCounts {
  const s = emptyStratum();
  s.nC = poisson(requestsPerSecond * weight, random);
  s.nB = poisson(requestsPerSecond * (1 - weight), random);
  s.errorsC = binomial(s.nC, errorsC, random);
  s.errorsB = binomial(s.nB, errorsB, random);
  s.settledC = s.nC;
  s.settledB = s.nB;
  return s;
}

export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
