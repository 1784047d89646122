/**
 * The breaker (JUDGE 5): catastrophes in under a second. It is quick because it looks for nothing else, and what it does is reversible.
 * Two bets, each with P(it ever trips) at most (1 + 1e-6 for each tick) / 1e4 while the candidate fails no more than its bound:
 *
 * - the *outage*: 0.95 against an error share of at most u = max(0.3, 3 p_b), on every failure and every late exchange;
 * - the *partial failure*: {0.25, 0.5, 0.8} against max(0.1, 3 p_b), on errors counted once a client and not beyond one endpoint's share
 *   (observe/error-filter.ts). It closes the gap between the outage and the 4 s that the cap costs the limits (decision 016).
 */

export const breakerThreshold = 1e4;
/** The breaker looks for candidates that fail more than this, and three times as much as the baseline. */
const boundMin = 0.3;
const partialBoundMin = 0.1;
const timesBaseline = 3;
/** Where the baseline fails so much that a bound reaches this, nothing can be told from the candidate's failures. */
const boundOff = 0.8;
const partialBoundOff = 0.5;
const betOnBad = 0.95;
const partialBets = [0.25, 0.5, 0.8] as const;
const restartPerTick = 1e-6;
const ceiling = 1e12;
/** Bad outcomes must come from so many clients, where there are so many. */
const clientsMin = 3;

export interface BreakerState {
  /** The larger of the two bets' wealth. */
  readonly wealth: number;
  /** The bound of the bet that has it. */
  readonly bound: number;
  readonly bad: number;
  readonly ok: number;
  readonly tripped: boolean;
  readonly outage: number;
  readonly partial: readonly number[];
}

export const armedBreaker: BreakerState = {
  wealth: 1, bound: boundMin, bad: 0, ok: 0, tripped: false, outage: 1, partial: partialBets.map(() => 1 / partialBets.length),
};

/** What the last 100 ms brought, and what the baseline did over the last 2 s. */
export interface BreakerTick {
  readonly bad: number;
  readonly ok: number;
  /** Errors among `bad` that were counted once a client and not beyond one endpoint's share; absent: all. */
  readonly spread?: number;
  readonly baselineBad: number;
  readonly baselineOk: number;
  /** Distinct cohort shards of the candidate lately: with a bad outcome, and in all. */
  readonly badClients: number;
  readonly clients: number;
}

/** Counts one tick. A tripped breaker stays tripped until it is replaced by `armedBreaker`. */
export const breakerTick = (state: BreakerState, tick: BreakerTick): BreakerState => breakerTicks(state, [tick], tick.badClients, tick.clients);

/**
 * Counts one tick of several sidecars. Each one's outcomes are held against its own baseline, and the ratios are summed (JUDGE 7).
 * @param badClients of all of them together; likewise `clients`
 */
export function breakerTicks(state: BreakerState, ticks: readonly BreakerTick[], badClients: number, clients: number): BreakerState {
  let { bad, ok } = state;
  let [bound, partialBound, logs] = [0, 0, Number.NaN];
  const partialLogs = partialBets.map(() => Number.NaN);
  const plus = (sum: number, more: number): number => (Number.isNaN(sum) ? more : sum + more);
  for (const tick of ticks) {
    bad += tick.bad;
    ok += tick.ok;
    const outcomes = tick.baselineBad + tick.baselineOk;
    const usual = outcomes > 0 ? (timesBaseline * tick.baselineBad) / outcomes : 0;
    const mine = Math.max(boundMin, usual);
    bound = Math.max(bound, mine);
    if (mine < boundOff) logs = plus(logs, ratio(betOnBad, mine, tick.bad, tick.ok));
    const minePartial = Math.max(partialBoundMin, usual);
    partialBound = Math.max(partialBound, minePartial);
    if (minePartial >= partialBoundOff) continue;
    // What is not counted as bad is counted as good: that only ever speaks for the candidate.
    const spread = Math.min(tick.bad, tick.spread ?? tick.bad);
    const rest = tick.ok + tick.bad - spread;
    partialBets.forEach((q, i) => (partialLogs[i] = plus(partialLogs[i]!, ratio(Math.max(q, (1 + minePartial) / 2), minePartial, spread, rest))));
  }
  // NaN: nobody's baseline is well enough to tell.
  const outage = Number.isNaN(logs) ? state.outage : grown(state.outage + restartPerTick, logs);
  const partial = state.partial.map((wealth, i) => (Number.isNaN(partialLogs[i]!) ? wealth : grown(wealth + restartPerTick / partialBets.length, partialLogs[i]!)));
  const partialSum = partial.reduce((a, b) => a + b, 0);
  const wealth = Math.max(outage, partialSum);
  const enoughClients = badClients >= Math.min(clientsMin, Math.max(1, clients));
  return {
    wealth, bound: partialSum > outage ? partialBound : bound, bad, ok, outage, partial,
    tripped: state.tripped || (wealth >= breakerThreshold && enoughClients),
  };
}

/** A likelihood ratio of a bad share of q against at most u < q, in nats: its exp has an expectation of at most 1 under any smaller share. */
const ratio = (q: number, u: number, bad: number, ok: number): number => bad * Math.log(q / u) + ok * Math.log((1 - q) / (1 - u));
const grown = (wealth: number, nats: number): number => Math.min(ceiling, wealth * Math.exp(nats));
