/**
 * Evidence against a limit as betting wealth, one bet per alternative (JUDGE 3). The sum S over the bets, together with
 * what is still to be injected, is a supermartingale that starts at 2 while the candidate keeps the limit: by Ville's
 * inequality it ever reaches 2/alpha with probability at most alpha, however often and whenever one looks. Capping a
 * stratum, dividing by phi >= 1 (Jensen) and the ceiling only shrink it.
 */

/** What one stratum may add to ln W: no single second convicts (JUDGE 4). In nats. */
export const stratumCapNats = 2;

/** The restart term spreads a wealth of 1 over a day, so that a regression after 20 healthy hours is found as fast as a fresh one. */
export const restartPeriodSeconds = 86_400;

/** What is injected when step k begins: 1 in all; later steps live on what was injected before and on the restart term. */
export const stepInjections: readonly number[] = [0.4, 0.15, 0.15, 0.15, 0.15];

/**
 * The injection of a step in a plan of so many: 1 in all, whatever their number. JUDGE 3 has five steps in mind; with fewer, what the missing ones
 * would have got is spread over those that there are, in the same proportions. A plan of one step gets it all at once.
 * @param step 0 ... @param steps of the plan, at least 1
 */
export function stepInjection(step: number, steps: number): number {
  const planned = stepInjections.slice(0, Math.max(1, steps));
  const sum = planned.reduce((a, b) => a + b, 0);
  return (planned[step] ?? 0) / sum;
}

/**
 * How the budget is split among the metrics: any split keeps the promise, since an average of e-values is one and needs no Bonferroni. JUDGE 3 has .4, .2, .1, .15, .15;
 * since the p99 bets on how far it is exceeded (decision 070), twice the p99 is its business too, and errors have what was betted on that twice (decision 107).
 */
export const metricShares = { errorRate: 0.52, location: 0.2, p95: 0.08, p99: 0.15, "2xp99": 0.05 } as const;

/** Far above any threshold; keeps a bet that nobody acts on from overflowing. */
const ceiling = 1e12;

/** The evidence at which a limit's group is breached. @param alpha in (0, 0.5] */
export const breachThreshold = (alpha: number): number => 2 / alpha;

export const newWealth = (alternatives: number): Float64Array => new Float64Array(alternatives);

/** How an amount is spread over the bets: shares that sum to 1. Any that are fixed beforehand keep the promise; evenly where none are given. */
export type Prior = ArrayLike<number>;

export function inject(wealth: Float64Array, amount: number, prior?: Prior): void {
  for (let j = 0; j < wealth.length; j++) wealth[j]! += amount * (prior === undefined ? 1 / wealth.length : prior[j]!);
}

/**
 * Takes in one stratum: `W[j] = (W[j] + kappa/J) * exp(min(2, l[j]/phi))`.
 * @param llr one log-likelihood ratio for each alternative, from errors.ts, latency.ts or absolute.ts
 * @param seconds the stratum's length, which sets kappa; 0 for outcomes that arrive after their stratum was taken in
 * @param phi overdispersion, at least 1
 * @param prior how the restart term is spread
 * @returns S, the sum of the bets
 */
export function bet(wealth: Float64Array, llr: ArrayLike<number>, seconds: number, phi: number, prior?: Prior): number {
  const restart = seconds / restartPeriodSeconds;
  let sum = 0;
  for (let j = 0; j < wealth.length; j++) sum += wealth[j] = grown(wealth[j]! + restart * shareOf(prior, j, wealth.length), factorOf(llr[j]!, phi));
  return sum;
}

/**
 * What a bet is multiplied by: `exp(min(2, l/phi))`. It can be kept while a stratum is in flight: its phi is that of its end.
 * @param l in nats, @param phi at least 1
 */
export const factorOf = (l: number, phi: number): number => (l === 0 ? 1 : Math.exp(Math.min(stratumCapNats, l / phi)));

/** As `bet`, with the factors of a stratum in flight. @param bets how many of `wealth` there are, @param at where theirs begin in `factors` */
export function betFactors(wealth: Float64Array, bets: number, factors: ArrayLike<number>, at: number, seconds: number, prior?: Prior): void {
  const restart = seconds / restartPeriodSeconds;
  for (let j = 0; j < bets; j++) wealth[j] = grown(wealth[j]! + restart * shareOf(prior, j, bets), factors[at + j]!);
}

const grown = (wealth: number, factor: number): number => Math.min(ceiling, wealth * factor);
const shareOf = (prior: Prior | undefined, j: number, bets: number): number => (prior === undefined ? 1 / bets : prior[j]!);

export function total(wealth: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < wealth.length; j++) sum += wealth[j]!;
  return sum;
}
