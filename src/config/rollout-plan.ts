/**
 * What a route's `rollout` compiles to: plain data, every default filled in, every name resolved. `decide` reads it and
 * nothing else of the configuration. Percentages of the document become shares (0 ... 1), except a weight, which stays
 * in percent because that is the word's meaning everywhere (DESIGN section 2).
 */
export interface RolloutPlan {
  /** The route's name: a route has at most one rollout, so it needs no name of its own. */
  readonly name: string;
  readonly route: string;
  readonly baseline: string;
  /** A variant of the same route, never the baseline. */
  readonly candidate: string;
  /** What quarantine and approvals hold on to: the candidate's `revision`, or a hash of its endpoints and headers. */
  readonly revision: string;
  /** At least one; weights strictly increase; the last takes all that other candidates leave (100 where there are none). */
  readonly steps: readonly RolloutStep[];
  /** At least one, no two of the same metric and quantile. */
  readonly limits: readonly LimitPlan[];
  /** How long the candidate is watched at the last step's weight before the rollout has succeeded. */
  readonly bakeMs: number;
  /** Bad candidate responses that the whole rollout may cost before it is rolled back; null: not capped. */
  readonly exposureBudget: number | null;
  /** The operator holds the rollout: it neither starts nor advances. Rollback stays armed. */
  readonly paused: boolean;
  readonly breaker: BreakerPlan;
  /** Promise of the judge: P(false rollback within 24 h), a share in (0, 0.5] (JUDGE, preamble). */
  readonly alpha: number;
}

export interface RolloutStep {
  /** Percent, a multiple of 0.001, in (0, 100]. */
  readonly weight: number;
  /** The least time at this weight before the next step. */
  readonly dwellMs: number;
  /** The least number of candidate requests within this step before the next one. */
  readonly minRequests: number;
  /** An approval is needed before this step's weight is given. */
  readonly approval: boolean;
  /** Advance also needs the judge's evidence that the candidate is not worse, on every limit that can show it (JUDGE 6). */
  readonly evidence?: boolean;
}

/** What the rollout does when a limit is breached. `dryRun` decides and records, but acts on nothing. */
export const limitActions = ["rollback", "shrink", "pause", "notify", "dryRun"] as const;
export type LimitAction = (typeof limitActions)[number];

/** `location` is the bulk of the distribution; the others are tails: exceedance of the baseline's quantile (JUDGE 2). */
export const latencyQuantiles = ["location", "p95", "p99", "2xp99"] as const;
export type LatencyQuantile = (typeof latencyQuantiles)[number];

export type LimitPlan = ErrorRateLimit | LatencyLimit;

/** H0: candidate's error rate <= relative * baseline's + margin. */
export interface ErrorRateLimit {
  readonly metric: "errorRate";
  readonly action: LimitAction;
  /** rho, at least 1. */
  readonly relative: number;
  /** delta, a share 0 ... 1. */
  readonly margin: number;
  /** Error share in (0, 1] that the candidate may not exceed while the baseline keeps it; null: no absolute bound. */
  readonly absolute: number | null;
}

/** H0: the candidate's first-byte time is no slower than the baseline's, stretched by the margin and by at least the floor. */
export interface LatencyLimit {
  readonly metric: "latency";
  readonly quantile: LatencyQuantile;
  readonly action: LimitAction;
  /** m, a share: 0.1 lets the candidate be 10% slower. */
  readonly margin: number;
  /** A difference below this many milliseconds never counts. */
  readonly floorMs: number;
  /** Milliseconds that this quantile may not exceed while the baseline keeps it; null: no absolute bound. Only on p95 and p99. */
  readonly absoluteMs: number | null;
}

/** `probe`: weight 0 at once, wait, probe with a little; a second trip rolls back (JUDGE 5). `rollback`: the first trip does. */
export const breakerActions = ["probe", "rollback"] as const;
export interface BreakerPlan {
  readonly action: (typeof breakerActions)[number];
}

/** Where the document names no limits: every metric of JUDGE 2 with its margin, and rollback. */
export const defaultLimits: readonly LimitPlan[] = [
  { metric: "errorRate", action: "rollback", relative: 1.1, margin: 0.0005, absolute: null },
  { metric: "latency", quantile: "location", action: "rollback", margin: 0.1, floorMs: 1, absoluteMs: null },
  { metric: "latency", quantile: "p95", action: "rollback", margin: 0.1, floorMs: 1, absoluteMs: null },
  { metric: "latency", quantile: "p99", action: "rollback", margin: 0.1, floorMs: 1, absoluteMs: null },
  { metric: "latency", quantile: "2xp99", action: "rollback", margin: 0.1, floorMs: 1, absoluteMs: null },
];

export const defaultRollout = {
  dwellMs: 60_000,
  minRequests: 100,
  bakeMs: 600_000,
  alpha: 0.01,
  breakerAction: "probe",
} as const;
