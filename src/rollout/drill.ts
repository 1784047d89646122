/** What a drill is, and what is asked about one (see rules-drill.ts). Pure. */
import type { Moment } from "./ports.ts";
import type { RolloutState } from "./types.ts";

/** A rehearsed rollback. Times are milliseconds from its decision; null: that did not happen, or not yet. */
export interface DrillState {
  /** Where its users came from, and where they go back to: the step's index, and its weight in percent. */
  readonly step: number;
  readonly weight: number;
  readonly atMs: number;
  readonly by: string;
  readonly why: string;
  /** Until every sidecar ran weight 0; also null where nobody can tell. */
  readonly acknowledgedAfterMs: number | null;
  /** Until the candidate was seen to get nothing, half a second of silence included. */
  readonly stoppedAfterMs: number | null;
  /** Until the baseline was seen to be inside its earlier limits with all the users. */
  readonly verifiedAfterMs: number | null;
  /** `abandoned`: a real rollback took its place. */
  readonly outcome: "underWay" | "passed" | "failed" | "abandoned";
  /** The users are back, or never will be. */
  readonly over: boolean;
}

/** Its users are away for a drill. */
export const drilling = ({ drill }: Pick<RolloutState, "drill">): boolean => drill?.outcome === "underWay";

/** Whether it is of interest when every sidecar ran weight 0. */
export const awaitsAcknowledgement = (state: RolloutState): boolean => drilling(state) && state.phase === "rollingBack";

/**
 * See `Surroundings.acknowledgedAfterMs`.
 * @param atMs monotonic; null: not all have, undefined: nobody can tell
 */
export const acknowledgedAfter = ({ drill }: RolloutState, atMs: number | null | undefined, { nowMs, monotonicMs }: Moment): number | null | undefined =>
  drill === undefined || typeof atMs !== "number" ? atMs : Math.max(0, Math.round(atMs + nowMs - monotonicMs - drill.atMs));
