/**
 * Clients that stay with their variant and are not alike: some send much, some meet errors often. Each client belongs to
 * the candidate with the weight's probability, once for the run, so the variants differ before anything is released.
 */
import type { Random } from "../../core/random.ts";
import { probit } from "../../judge/probit.ts";
import type { Failure, Side, VariantSecond } from "./second.ts";

export interface StickyPlan {
  readonly clients: number;
  /** Of the traffic of a client: Pareto, so a few send much; at most `trafficMost` times the least. */
  readonly trafficExponent: number;
  readonly trafficMost: number;
  /** Of the logarithm of a client's error share. */
  readonly errorSigma: number;
}

interface Members {
  readonly clients: number[];
  readonly each: number[];
  /** Running sums of traffic x error share. */
  readonly sums: number[];
  traffic: number;
}

export class StickyClients {
  /** The candidate's realised share of the traffic. */
  readonly share: number;
  private readonly members: Record<Side, Members> = { candidate: { clients: [], each: [], sums: [], traffic: 0 }, baseline: { clients: [], each: [], sums: [], traffic: 0 } };
  private readonly random: Random;
  private readonly overall: number;

  constructor(plan: StickyPlan, share: number, random: Random) {
    this.random = random;
    for (let client = 0; client < plan.clients; client++) {
      const traffic = Math.min(plan.trafficMost, random() ** (-1 / plan.trafficExponent));
      const errors = Math.exp(plan.errorSigma * probit(random()));
      const side = this.members[random() < share ? "candidate" : "baseline"];
      side.clients.push((random() * 4294967296) >>> 0);
      side.each.push(traffic);
      side.sums.push((side.sums.at(-1) ?? 0) + traffic * errors);
      side.traffic += traffic;
    }
    const { candidate, baseline } = this.members;
    this.share = candidate.traffic / (candidate.traffic + baseline.traffic);
    this.overall = ((candidate.sums.at(-1) ?? 0) + (baseline.sums.at(-1) ?? 0)) / (candidate.traffic + baseline.traffic);
  }

  /** The variant's error share relative to that of all clients together. */
  propensity(side: Side): number {
    const { sums, traffic } = this.members[side];
    return traffic === 0 ? 1 : (sums.at(-1) ?? 0) / traffic / this.overall;
  }

  /** The baseline's traffic by the low bits of the client. @param shards a power of two */
  shardShares(shards: number): Float64Array {
    const { clients, each, traffic } = this.members.baseline;
    const shares = new Float64Array(shards);
    clients.forEach((client, i) => (shares[client & (shards - 1)]! += each[i]! / traffic));
    return shares;
  }

  /** Gives every failure its client. */
  name(side: Side, into: VariantSecond): void {
    for (; into.plain > 0; into.plain--) into.shared.push(this.failure(side));
  }

  private failure(side: Side): Failure {
    const { clients, sums } = this.members[side];
    const at = this.random() * (sums.at(-1) ?? 0);
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sums[middle]! < at) low = middle + 1;
      else high = middle;
    }
    return { client: clients[low] ?? 0, endpoint: -1 };
  }
}
