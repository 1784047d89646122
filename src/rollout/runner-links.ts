import type { EdgesByRoute } from "./route-edges.ts";
import type { ExplainedDecision } from "./status.ts";
import type { Peer, Sibling } from "./types.ts";

/** How a runner is tied to the others. */
export interface RunnerLinks {
  readonly told: (decision: ExplainedDecision) => void;
  /** A state was written: the weight may have risen. */
  readonly written: (late: boolean) => void;
  /** The other rollouts of its group. */
  readonly peers: () => readonly Peer[];
  /** The other candidates of its experiment. */
  readonly siblings: () => readonly Sibling[];
  /** What it shares with the other rollouts of its route. */
  readonly edges: EdgesByRoute;
}
