/**
 * The breaker (JUDGE 5): catastrophes in under a second. It bets 0.95 against an error share of at most u; while the
 * candidate fails no more than that, P(it ever trips) is at most (1 + 1e-6 for each tick) / 1e4. It is quick because
 * it looks for nothing but catastrophes, and what it does is reversible.
 */

export const breakerThreshold = 1e4;
/** The breaker looks for candidates that fail more than this, and three times as much as the baseline. */
const boundMin = 0.3;
/** Where the baseline fails so much that the bound reaches this, nothing can be told from the candidate's failures. */
const boundOff = 0.8;
const betOnBad = 0.95;
const restartPerTick = 1e-6;
const ceiling = 1e12;
/** Bad outcomes must come from so many clients, where there are so many. */
const clientsMin = 3;

export interface BreakerState {
  readonly wealth: number;
  readonly bound: number;
  readonly bad: number;
  readonly ok: number;
  readonly tripped: boolean;
}

export const armedBreaker: BreakerState = { wealth: 1, bound: boundMin, bad: 0, ok: 0, tripped: false };

/** What the last 100 ms brought, and what the baseline did over the last 2 s. */
export interface BreakerTick {
  readonly bad: number;
  readonly ok: number;
  readonly baselineBad: number;
  readonly baselineOk: number;
  /** Distinct cohort shards of the candidate lately: with a bad outcome, and in all. */
  readonly badClients: number;
  readonly clients: number;
}

/** Counts one tick. A tripped breaker stays tripped until it is replaced by `armedBreaker`. */
export function breakerTick(state: BreakerState, tick: BreakerTick): BreakerState {
  const outcomes = tick.baselineBad + tick.baselineOk;
  const bound = Math.max(boundMin, outcomes > 0 ? (3 * tick.baselineBad) / outcomes : 0);
  const bad = state.bad + tick.bad;
  const ok = state.ok + tick.ok;
  if (bound >= boundOff) return { wealth: state.wealth, bound, bad, ok, tripped: state.tripped };
  const log = tick.bad * Math.log(betOnBad / bound) + tick.ok * Math.log((1 - betOnBad) / (1 - bound));
  const wealth = Math.min(ceiling, (state.wealth + restartPerTick) * Math.exp(log));
  const enoughClients = tick.badClients >= Math.min(clientsMin, Math.max(1, tick.clients));
  return { wealth, bound, bad, ok, tripped: state.tripped || (wealth >= breakerThreshold && enoughClients) };
}
