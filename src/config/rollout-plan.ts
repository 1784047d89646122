import type { TimeWindow } from "../core/time-window.ts";
import type { Goal, NumberSource } from "./snapshot.ts";

/**
 * What a route's `rollout` compiles to: plain data, every default filled in, every name resolved. `decide` reads it and
 * nothing else of the configuration. Percentages of the document become shares (0 ... 1), except a weight, which stays
 * in percent because that is the word's meaning everywhere (DESIGN section 2).
 */
export interface RolloutPlan {
  /** The route's name; of one of several candidates `<route>:<candidate>`. */
  readonly name: string;
  readonly route: string;
  readonly baseline: string;
  /** A variant of the same route, never the baseline. */
  readonly candidate: string;
  /** What quarantine and approvals hold on to: the candidate's `revision`, or a hash of its endpoints and headers. */
  readonly revision: string;
  /** What the steps were made from; the engine is the same for all. */
  readonly strategy?: Strategy;
  /** At least one; weights strictly increase; the last takes all that other candidates leave (100 where there are none). */
  readonly steps: readonly RolloutStep[];
  /** At least one, no two of the same metric and quantile, or of the same name. */
  readonly limits: readonly LimitPlan[];
  /** How long the candidate is watched at the last step's weight before the rollout has succeeded. */
  readonly bakeMs: number;
  /** Bad candidate responses that the whole rollout may cost before it is rolled back; null: not capped. */
  readonly exposureBudget: number | null;
  /** The operator holds the rollout: it neither starts nor advances. Rollback stays armed. */
  readonly paused: boolean;
  readonly breaker: BreakerPlan;
  /** Promise of the judge: P(false rollback within 24 h), a share in (0, 0.5] (JUDGE, preamble). Of one of several candidates: its part of the whole. */
  readonly alpha: number;
  /** Present: the candidate is one of several. */
  readonly experiment?: ExperimentPlan;
  /** What happens to a step that stays inconclusive; absent: it holds until the evidence is there. */
  readonly inconclusive?: InconclusivePlan | null;
  /** While one of them is open, no weight rises. Rollback is never blocked. */
  readonly freeze?: readonly FreezeWindow[];
  /** How long nothing starts after a rollback; absent: not at all. */
  readonly cooldown?: CooldownPlan | null;
  /** What the candidate's weight may not exceed in a region, whatever the step says; absent: no cap. */
  readonly regions?: readonly RegionCap[];
  /** Rollouts of one group advance together and roll back together; null: none. */
  readonly group?: string | null;
  /** Whether a mismatch between the weights and what the variants really get holds the rollout; absent: it does. */
  readonly sampleRatio?: boolean;
  /** What is called when the rollout goes back, in order; absent: nobody. */
  readonly playbook?: readonly PlaybookStep[];
  /** A question that the sidecar itself asks a variant that has no users to speak of; null: none. */
  readonly probes?: ProbePlan | null;
}

/** What the plans of one document's `candidates` have in common. */
export interface ExperimentPlan {
  /** How many there are: 2 ... `candidatesMax`. */
  readonly candidates: number;
  /** Percent that they may hold together: what the route's other variants leave. */
  readonly room: number;
}

/** Beside one baseline. */
export const candidatesMax = 8;

/** What a rollout is called; no route's name has a colon. */
export const rolloutName = (route: string, candidate: string | null): string => (candidate === null ? route : `${route}:${candidate}`);
/** @param name of a rollout */
export const routeOf = (name: string): string => name.split(":", 1)[0]!;

/** Presets over one engine: they fill in what the document leaves out (config/strategies.ts). */
export const strategies = ["canary", "blueGreen", "ab", "mirrorFirst"] as const;
export type Strategy = (typeof strategies)[number];

/** `advance` goes on although nothing was shown, never although something is held against the candidate. */
export const inconclusiveActions = ["hold", "pause", "rollback", "advance"] as const;
export interface InconclusivePlan {
  /** Counted from when the step's weight was given. */
  readonly afterMs: number;
  readonly action: (typeof inconclusiveActions)[number];
}

/** While it is open, no weight rises. */
export type FreezeWindow = TimeWindow & { readonly name: string };

export interface CooldownPlan {
  /** After the first rollback; each further one before a success doubles it. */
  readonly firstMs: number;
  readonly maxMs: number;
}

export interface RegionCap {
  readonly region: string;
  /** Percent; 0 keeps the region out. */
  readonly weightMax: number;
}

/** Read-only by declaration: GET or HEAD. 2xx and 3xx within the timeout are good answers. */
export interface ProbePlan {
  readonly method: "GET" | "HEAD";
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** A failed step says so and the next one runs, or the rest is left out. */
export const playbookFailureActions = ["continue", "stop"] as const;
export const playbookDrillActions = ["skip", "call"] as const;

/** A call to a target of the bootstrap document. */
export interface PlaybookStep {
  readonly name: string;
  /** A target's name: its address and its secrets are no part of a plan. */
  readonly target: string;
  readonly onFailure: (typeof playbookFailureActions)[number];
  /** In a drill; absent: `skip`. */
  readonly drill?: (typeof playbookDrillActions)[number];
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
  /** Advance also needs the judge's evidence that the candidate is not worse, on every limit with `prove` (JUDGE 6). */
  readonly evidence?: boolean;
  /** That evidence ends the step before its dwell. */
  readonly early?: boolean;
  /** So many declared probes in a row must have been answered well before this step's weight is given; 0 or absent: none. */
  readonly probes?: number;
  /** The copies must have shown that the candidate answers as the baseline does before this step's weight is given. */
  readonly mirrored?: boolean;
  /** Targets of the bootstrap document that are asked, and must all say yes, before this step's weight is given. */
  readonly externalGates?: readonly string[];
}

/** What the rollout does when a limit is breached. `dryRun` decides and records, but acts on nothing. */
export const limitActions = ["rollback", "shrink", "pause", "notify", "dryRun"] as const;
export type LimitAction = (typeof limitActions)[number];

/** `location` is the bulk of the distribution; the others are tails: exceedance of the baseline's quantile (JUDGE 2). */
export const latencyQuantiles = ["location", "p95", "p99", "2xp99"] as const;
export type LatencyQuantile = (typeof latencyQuantiles)[number];

export type LimitPlan = ErrorRateLimit | LatencyLimit | ConversionLimit | CustomLimit | MirrorLimit;

/** `inRegion`: a breach takes the users of the sidecar's own region away, and the rollout goes on elsewhere. */
export const limitScopes = ["everywhere", "inRegion"] as const;
export type LimitScope = (typeof limitScopes)[number];

/** What every limit has beside its bound. */
interface LimitOptions {
  /** Absent: everywhere. */
  readonly scope?: LimitScope;
  /** A step that asks for evidence waits until this limit has shown that the candidate is not worse. Absent: it need not. */
  readonly prove?: boolean;
  /** Above 0, in proportion to the other limits' parts; absent: the metric's usual part (`judge/budget.ts`). */
  readonly budgetShare?: number;
}

/** H0: candidate's error rate <= relative * baseline's + margin. */
export interface ErrorRateLimit extends LimitOptions {
  readonly metric: "errorRate";
  readonly action: LimitAction;
  /** rho, at least 1. */
  readonly relative: number;
  /** delta, a share 0 ... 1. */
  readonly margin: number;
  /** Error share in (0, 1] that the candidate may not exceed while the baseline keeps it; null: no absolute bound. */
  readonly absolute: number | null;
  /**
   * delta of the evidence for advance (JUDGE 6), a share: wider than `margin`, because showing that there is no
   * difference takes about 5 / delta requests of a service without errors. Absent: the margin.
   */
  readonly advanceMargin?: number;
}

/** H0: the candidate's first-byte time is no slower than the baseline's, stretched by the margin and by at least the floor. */
export interface LatencyLimit extends LimitOptions {
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

/** H0: the baseline's cohorts reach the goal at most `relative` times as often as the candidate's. */
export interface ConversionLimit extends LimitOptions {
  readonly metric: "conversion";
  readonly name: string;
  readonly action: LimitAction;
  readonly goal: Goal;
  /** rho, at least 1. */
  readonly relative: number;
}

/** H0: the numbers that the candidate sends are not worse than the baseline's by more than the margin. */
export interface CustomLimit extends LimitOptions, NumberSource {
  readonly metric: "custom";
  readonly name: string;
  readonly action: LimitAction;
  /** m, a share: 0.1 lets a number that is worse when higher be 10% higher, and one that is worse when lower 1/1.1 of the baseline's. */
  readonly margin: number;
}

/** H0: at most `differing` of the copies are answered otherwise than the users were. It speaks before the candidate has users. */
export interface MirrorLimit extends LimitOptions {
  readonly metric: "mirror";
  readonly action: LimitAction;
  /** A share in (0, 1). */
  readonly differing: number;
}

/** What tells a plan's limits apart: no two have the same. */
export function limitId(limit: LimitPlan): string {
  switch (limit.metric) {
    case "errorRate":
    case "mirror":
      return limit.metric;
    case "latency":
      return `latency ${limit.quantile}`;
    case "conversion":
    case "custom":
      return `${limit.metric} ${limit.name}`;
  }
}

/** In the order of the conversion limits: a goal's place is its cell in the slab. */
export const goalsOf = (plan: RolloutPlan | null): readonly Goal[] => (plan?.limits ?? []).flatMap((limit) => (limit.metric === "conversion" ? [limit.goal] : []));

/** A route has one at most: a row of the slab has room for one number's classes. */
export const customLimitOf = (plan: RolloutPlan | null): CustomLimit | null => plan?.limits.find((limit): limit is CustomLimit => limit.metric === "custom") ?? null;

export const mirrorLimitOf = (plan: RolloutPlan | null): MirrorLimit | null => plan?.limits.find((limit): limit is MirrorLimit => limit.metric === "mirror") ?? null;

export function numberOf(plan: RolloutPlan | null): NumberSource | null {
  const limit = customLimitOf(plan);
  return limit === null ? null : { header: limit.header, worse: limit.worse };
}

/** `probe`: weight 0 at once, wait, probe with a little; a second trip rolls back (JUDGE 5). `rollback`: the first trip does. */
export const breakerActions = ["probe", "rollback"] as const;
export interface BreakerPlan {
  readonly action: (typeof breakerActions)[number];
}

/** Where the document names no limits: every metric of JUDGE 2 with its margin, and rollback. */
export const defaultLimits: readonly LimitPlan[] = [
  { metric: "errorRate", action: "rollback", relative: 1.1, margin: 0.0005, absolute: null, scope: "everywhere", prove: true, advanceMargin: 0.01 },
  { metric: "latency", quantile: "location", action: "rollback", margin: 0.1, floorMs: 1, absoluteMs: null, scope: "everywhere", prove: true },
  { metric: "latency", quantile: "p95", action: "rollback", margin: 0.1, floorMs: 1, absoluteMs: null, scope: "everywhere", prove: false },
  { metric: "latency", quantile: "p99", action: "rollback", margin: 0.1, floorMs: 1, absoluteMs: null, scope: "everywhere", prove: false },
  { metric: "latency", quantile: "2xp99", action: "rollback", margin: 0.1, floorMs: 1, absoluteMs: null, scope: "everywhere", prove: false },
];

export const defaultMirrorLimit: MirrorLimit = { metric: "mirror", action: "rollback", differing: 0.01, scope: "everywhere", prove: false };

export const defaultRollout = {
  dwellMs: 60_000,
  minRequests: 100,
  bakeMs: 600_000,
  alpha: 0.01,
  breakerAction: "probe",
  /** In steps with a concurrent baseline: without one nothing can be shown. */
  evidence: true,
} as const;
