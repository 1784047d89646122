/** What surrounds a rollout, as `decide` asks for it. Pure. */
import type { Evidence, Peer, RolloutState, Surroundings } from "./types.ts";
import type { RolloutPlan } from "../config/rollout-plan.ts";
import { drilling } from "./drill.ts";
import { baselineUnhealthy } from "./health.ts";
import type { Turn } from "./turn.ts";

/** A sidecar by itself: no region, no group, its own store at hand, no probes. */
export const alone: Surroundings = { region: null, partitioned: false, peers: [], candidateProbes: null, baselineProbes: null };

export const around = (evidence: Evidence): Surroundings => evidence.around ?? alone;

/** Declared probes that failed so often in a row say that nobody is there. */
const probesDown = 3;

/**
 * Rolling back would shift users to a version that fails: its own traffic says so, or, where it has none (the bake at
 * 100%), the declared probes that keep it warm.
 */
export const targetUnhealthy = (turn: Turn): boolean => baselineUnhealthy(turn.evidence) || baselineDown(turn);

function baselineDown({ evidence }: Turn): boolean {
  const probes = around(evidence).baselineProbes;
  return probes !== null && probes.failedInRow >= probesDown && evidence.baseline.settled === evidence.baseline.failed;
}

/** See `Peer.rank`. */
export function rankOf(plan: RolloutPlan, state: RolloutState): number {
  if (state.phase === "succeeded" || state.phase === "retired") return Number.MAX_SAFE_INTEGER;
  if (wentBack(state.phase)) return -1;
  return state.bakeSinceMs === null ? state.step : plan.steps.length;
}

/** A drill accuses nobody: the others hold, and do not go back with it. */
export const peerOf = (plan: RolloutPlan, state: RolloutState, ready: boolean): Peer => ({ route: plan.route, phase: drilling(state) ? "paused" : state.phase, rank: rankOf(plan, state), ready });

export const wentBack = (phase: Peer["phase"]): boolean => phase === "rollingBack" || phase === "verifying" || phase === "rolledBack";

/** The first rollout of the group that has gone back; undefined: none. */
export const peerGoneBack = (evidence: Evidence): Peer | undefined => around(evidence).peers.find((peer) => wentBack(peer.phase));

/** The first rollout of the group that is not yet ready to go on from this rank; undefined: all are. */
export const peerBehind = (evidence: Evidence, rank: number): Peer | undefined =>
  around(evidence).peers.find((peer) => wentBack(peer.phase) || !(peer.rank > rank || (peer.rank === rank && peer.ready)));
