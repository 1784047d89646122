/** Errors that come in clusters: a client whose request fails tries again, and fails again, on the same variant. */
import type { Random } from "../../core/random.ts";
import type { Side, VariantSecond } from "./second.ts";
import { geometric, poisson } from "./random.ts";

export interface ClusterPlan {
  /** Failures of one client: geometric with a mean, or Pareto with an exponent (up to `most`). */
  readonly size: { readonly kind: "geometric"; readonly mean: number } | { readonly kind: "pareto"; readonly exponent: number; readonly most: number };
  /** Tries a second while it fails. */
  readonly triesPerSecond: number;
  /** Of all failures, the share that comes in clusters; the rest is independent. */
  readonly part: number;
}

interface Episode {
  readonly client: number;
  left: number;
}

export class ClusterSource {
  private readonly plan: ClusterPlan;
  private readonly random: Random;
  private readonly mean: number;
  private readonly failing: Record<Side, Episode[]> = { candidate: [], baseline: [] };

  constructor(plan: ClusterPlan, random: Random) {
    this.plan = plan;
    this.random = random;
    this.mean = meanSize(plan.size);
  }

  /** @param errors share of requests that fail in clusters, in the long run. The tries are requests on top of the others. */
  fill(side: Side, into: VariantSecond, errors: number): void {
    const { random, plan } = this;
    const begins = poisson((into.n * errors) / this.mean, random);
    const failing = this.failing[side];
    for (let i = 0; i < begins; i++) failing.push({ client: (random() * 4294967296) >>> 0, left: this.size() });
    for (let i = failing.length - 1; i >= 0; i--) {
      const episode = failing[i]!;
      const tries = Math.min(episode.left, poisson(plan.triesPerSecond, random));
      for (let k = 0; k < tries; k++) into.shared.push({ client: episode.client, endpoint: -1 });
      into.n += tries;
      episode.left -= tries;
      if (episode.left > 0) continue;
      failing[i] = failing.at(-1)!;
      failing.pop();
    }
  }

  private size(): number {
    const { size } = this.plan;
    if (size.kind === "geometric") return geometric(size.mean, this.random);
    return Math.min(size.most, Math.floor(this.random() ** (-1 / size.exponent)));
  }
}

/** The mean of a size: for Pareto the sum of P(size >= k) = k^-exponent up to the cap. */
function meanSize(size: ClusterPlan["size"]): number {
  if (size.kind === "geometric") return size.mean;
  let mean = 0;
  for (let k = 1; k <= size.most; k++) mean += k ** -size.exponent;
  return mean;
}
