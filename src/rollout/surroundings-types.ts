/** What a rollout sees around itself: plain data, a part of the evidence (types.ts). */
import type { RolloutPhase } from "../core/reasons.ts";

/** What a decision depends on beside its own traffic. */
export interface Surroundings {
  /** The region that the evidence is from: this sidecar's; null where it has none. */
  readonly region: string | null;
  /** What is decided here may be out of date or lost (no lease, no store): no weight rises. */
  readonly partitioned: boolean;
  /** The other rollouts of the group. */
  readonly peers: readonly Peer[];
  /** The other candidates of the experiment; absent: there are none. */
  readonly siblings?: readonly Sibling[];
  /** Declared probes since the step's weight was given; they count apart from users. Null: none were sent. */
  readonly candidateProbes: ProbeEvidence | null;
  readonly baselineProbes: ProbeEvidence | null;
  /** What external gates say of the step that would come next, as far as they were asked; absent: nothing. */
  readonly externalGates?: readonly GateAnswer[];
  /**
   * Aligned with the plan's limits: whether the limit's evidence for advance has reached its threshold at any moment of
   * this step. By Ville's inequality once is enough, whatever it does later. Absent: as `notWorse` says now.
   */
  readonly shown?: readonly boolean[];
  /** What the configuration says of the route now, and who has edited that since the state's edition, oldest first. Absent: it is not known. */
  readonly document?: { readonly edition: string; readonly by: readonly string[] };
  /** While a drill takes users away: how long it took until every sidecar ran weight 0; null: some do not yet. Absent: nobody can tell. */
  readonly acknowledgedAfterMs?: number | null;
}

/** `silent`: no answer, or one that says neither. */
export interface GateAnswer {
  readonly target: string;
  readonly answer: "yes" | "no" | "silent";
  /** Its own words, or what went wrong. */
  readonly why: string;
}

export interface ProbeEvidence {
  readonly sent: number;
  readonly failed: number;
  /** Good answers in a row, up to the last one. */
  readonly goodInRow: number;
  readonly failedInRow: number;
}

export interface Peer {
  readonly route: string;
  readonly phase: RolloutPhase;
  /** How far it is: -1 before the first step, the step's index, the number of steps while it bakes; the largest safe integer after. */
  readonly rank: number;
  /** It would advance now, if its group did. */
  readonly ready: boolean;
}

export interface Sibling {
  readonly candidate: string;
  /** Percent. */
  readonly weight: number;
  /** It has the last step, or waits for nothing but the others' users to take it. */
  readonly chosen: boolean;
}
