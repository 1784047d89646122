/** Endpoints that fail everything for a few seconds, each by itself, on either variant alike. */
import type { Random } from "../../core/random.ts";
import type { Side, VariantSecond } from "./second.ts";
import { binomial } from "./random.ts";

export interface HiccupPlan {
  /** Between the hiccups of one endpoint, on average. */
  readonly everySeconds: number;
  readonly seconds: number;
}

export class HiccupSource {
  private readonly plan: HiccupPlan;
  private readonly random: Random;
  /** For each endpoint: the seconds that its hiccup still lasts. */
  private readonly left: Record<Side, Uint16Array>;

  constructor(plan: HiccupPlan, baseline: number, candidate: number, random: Random) {
    this.plan = plan;
    this.random = random;
    this.left = { candidate: new Uint16Array(candidate), baseline: new Uint16Array(baseline) };
  }

  /** Requests are spread evenly over the endpoints; those of a failing one fail. */
  fill(side: Side, into: VariantSecond): void {
    const { random, plan } = this;
    const left = this.left[side];
    let others = into.n - into.plain - into.shared.length;
    for (let endpoint = 0; endpoint < left.length; endpoint++) {
      if (left[endpoint] === 0 && random() < 1 / plan.everySeconds) left[endpoint] = plan.seconds;
      if (left[endpoint] === 0) continue;
      left[endpoint]!--;
      const failed = binomial(others, 1 / (left.length - endpoint), random);
      others -= failed;
      for (let k = 0; k < failed; k++) into.shared.push({ client: (random() * 4294967296) >>> 0, endpoint });
    }
  }
}
