/**
 * What reaches the two variants in one dispatch second. A traffic plan says what the world is like; a run draws from it.
 * Requests arrive as a Poisson stream, so each variant's number is Poisson as well; independent errors are binomial.
 * Whatever depends on something shared (a client, an endpoint, a burst) is drawn as that thing.
 */
import type { Random } from "../../core/random.ts";
import { ClusterSource, type ClusterPlan } from "./clusters.ts";
import { HiccupSource, type HiccupPlan } from "./hiccups.ts";
import type { LatencyModel } from "./latency-model.ts";
import { drawGoals, drawNumbers, type GoalPlan, type NumberPlan } from "./numbers-and-goals.ts";
import { PauseSource, type PausePlan } from "./pauses.ts";
import { binomial, exponential, poisson } from "./random.ts";
import type { BothSecond, Side, VariantSecond } from "./second.ts";
import { StickyClients, type StickyPlan } from "./sticky.ts";

/** A quantity over the seconds since the candidate got its first weight. */
export type Over = (second: number) => number;
export const always = (value: number): Over => () => value;

export interface TrafficPlan {
  readonly requestsPerSecond: Over;
  /** The candidate's share, 0 ... 1. */
  readonly share: Over;
  /** Independent errors: share of requests. */
  readonly errorsBaseline: Over;
  readonly errorsCandidate: Over;
  /** Endpoints behind each variant. */
  readonly endpointsBaseline: number;
  readonly endpointsCandidate: number;
  /** Both variants fail this share of requests, for so long, at random moments. */
  readonly bursts?: { readonly everySeconds: number; readonly seconds: number; readonly share: number };
  readonly clusters?: ClusterPlan;
  readonly hiccups?: HiccupPlan;
  readonly sticky?: StickyPlan;
  readonly latency?: {
    readonly baseline: LatencyModel;
    readonly candidate: (second: number) => LatencyModel;
    /** Scales both variants: a season. */
    readonly drift?: Over;
    readonly pauses?: PausePlan;
    /** What a failure takes, where it is not like a success (timeouts come late). */
    readonly failures?: LatencyModel;
  };
  readonly goals?: GoalPlan;
  /** A drift scales both variants: a season. */
  readonly numbers?: NumberPlan & { readonly drift?: Over };
}

const sides: readonly Side[] = ["candidate", "baseline"];

/** One run of a plan. `fill` is to be called for every second in order; seconds below 0 have no candidate. */
export class Traffic {
  private readonly plan: TrafficPlan;
  private readonly random: Random;
  private readonly clusters: ClusterSource | null;
  private readonly hiccups: HiccupSource | null;
  private readonly sticky: StickyClients | null;
  private readonly pauses: PauseSource | null;
  private burstFrom: number;

  constructor(plan: TrafficPlan, random: Random) {
    this.plan = plan;
    this.random = random;
    this.clusters = plan.clusters === undefined ? null : new ClusterSource(plan.clusters, random);
    this.hiccups = plan.hiccups === undefined ? null : new HiccupSource(plan.hiccups, plan.endpointsBaseline, plan.endpointsCandidate, random);
    this.sticky = plan.sticky === undefined ? null : new StickyClients(plan.sticky, plan.share(0), random);
    this.pauses = plan.latency?.pauses === undefined ? null : new PauseSource(plan.latency.pauses, plan.endpointsBaseline, plan.endpointsCandidate, random);
    this.burstFrom = plan.bursts === undefined ? Number.POSITIVE_INFINITY : exponential(plan.bursts.everySeconds, random);
  }

  fill(second: number, into: BothSecond): void {
    const { plan, random } = this;
    const share = second < 0 ? 0 : (this.sticky?.share ?? plan.share(second));
    const rate = plan.requestsPerSecond(second);
    const burst = this.burst(second);
    this.pauses?.second();
    for (const side of sides) {
      const of = into[side];
      of.shared.length = 0;
      of.n = poisson(rate * (side === "candidate" ? share : 1 - share), random);
      const errors = (side === "candidate" ? plan.errorsCandidate : plan.errorsBaseline)(second) * (this.sticky?.propensity(side) ?? 1);
      const independent = Math.min(1, this.clusters === null ? errors : errors * (1 - plan.clusters!.part));
      of.plain = binomial(of.n, independent + (1 - independent) * burst, random);
      if (this.clusters !== null) this.clusters.fill(side, of, errors * plan.clusters!.part);
      if (this.hiccups !== null) this.hiccups.fill(side, of);
      if (this.sticky !== null) this.sticky.name(side, of);
      if (plan.latency !== undefined) this.latency(side, of, second);
      if (plan.numbers !== undefined) drawNumbers(plan.numbers, side, of, plan.numbers.drift?.(second) ?? 1, random);
    }
    if (plan.goals !== undefined && second >= 0) drawGoals(plan.goals, share, into, random);
  }

  /** The shares of the baseline's traffic by cohort shard modulo `shards`; null: all alike. */
  shardShares(shards: number): Float64Array | null {
    return this.sticky?.shardShares(shards) ?? null;
  }

  /** The share of requests that a burst fails in this second. */
  private burst(second: number): number {
    const { bursts } = this.plan;
    if (bursts === undefined || second < this.burstFrom) return 0;
    if (second >= this.burstFrom + bursts.seconds) {
      this.burstFrom = second + exponential(bursts.everySeconds, this.random);
      return 0;
    }
    return bursts.share;
  }

  private latency(side: Side, of: VariantSecond, second: number): void {
    const { random, pauses } = this;
    const latency = this.plan.latency!;
    const model = side === "candidate" ? latency.candidate(second) : latency.baseline;
    const scale = latency.drift?.(second) ?? 1;
    if (of.latencyMs.length < of.n) {
      of.latencyMs = new Float64Array(2 * of.n);
      of.clients = new Uint16Array(2 * of.n);
    }
    const into = of.latencyMs;
    for (let i = 0; i < of.n; i++) {
      // One draw for both: the high bits say how long, the low ones who. Only the tail looks at more than sixteen.
      const u = random();
      into[i] = scale * model.atMs(u);
      of.clients[i] = u * 4294967296;
    }
    pauses?.fill(side, of);
    if (latency.failures === undefined) return;
    const failed = Math.min(of.n, of.plain + of.shared.length);
    for (let i = 0; i < failed; i++) into[i] = latency.failures.atMs(random());
  }
}
