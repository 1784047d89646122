/**
 * Twenty sidecars and one leader (JUDGE 7): each sidecar has its part of the requests and its own strata; the leader sums
 * their ratios, never their counts, each divided by a phi that starts from what all have shown (fleet/sum.ts). A thinned Poisson stream is Poisson, so drawing the whole and dealing it out is the same
 * as drawing each part.
 */
import type { Random } from "../../core/random.ts";
import { fleetDispersion } from "../../judge/dispersion.ts";
import { FleetWealth } from "../../judge/fleet.ts";
import type { TrialTest } from "../../judge/trial.ts";
import { breachThreshold, stepInjection } from "../../judge/wealth.ts";
import type { Found, Judge, JudgeOptions } from "./judge.ts";
import { binomial } from "./random.ts";
import { StrataJudge } from "./strata-judge.ts";
import { newBoth, type BothSecond, type VariantSecond } from "./second.ts";

export class FleetJudge implements Judge {
  private readonly options: JudgeOptions;
  private readonly members: readonly StrataJudge[];
  private readonly wealth: readonly { readonly share: number; readonly of: FleetWealth }[];
  private readonly parts: readonly BothSecond[];
  private requests = 0;
  private step = 0;

  constructor(options: JudgeOptions, sidecars: number) {
    this.options = options;
    this.members = Array.from({ length: sidecars }, () => new StrataJudge(options));
    this.wealth = this.members[0]!.tests.map(({ share, test }) => ({ share, of: new FleetWealth(test.alternatives, test.prior) }));
    this.parts = Array.from({ length: sidecars }, newBoth);
  }

  second(second: number, counts: BothSecond): Found | null {
    const { random, steps, alpha } = this.options;
    deal(counts.candidate, this.parts.map(({ candidate }) => candidate), random);
    deal(counts.baseline, this.parts.map(({ baseline }) => baseline), random);
    // What a sidecar finds by itself does not count here: the row asks what the fleet's sum is worth.
    this.members.forEach((member, i) => member.second(second, this.parts[i]!));
    if (second < 0) return null;
    this.requests += counts.candidate.n;
    if (steps[this.step] === second) {
      const amount = stepInjection(this.step++, steps.length);
      for (const { of } of this.wealth) of.inject(amount);
    }
    const pooled = fleetDispersion(this.members.map(({ dispersion }) => dispersion.found));
    const taken = this.members.flatMap((member) => {
      const dispersion = pooled(member.dispersion.found, member.dispersion.alone);
      return member.taken.map(({ tests }) => tests.map(({ ratios }, i) => ({ ratios, phi: dispersion[kindOf(member.tests[i]!.test)] })));
    });
    if (taken.length === 0) return null;
    let sum = this.members[0]!.silent(second);
    this.wealth.forEach(({ share, of }, i) => (sum += share * of.take(taken.map((tests) => tests[i]!), 1)));
    return sum < breachThreshold(alpha) ? null : { by: "limits", atSecond: second + 1, requests: this.requests };
  }
}

/** No test here counts what is independent by itself. */
const kindOf = ({ phi }: TrialTest): "errors" | "location" | "tails" => (phi === undefined || phi === "none" ? "errors" : phi);

/** Gives each request and each independent failure to one of the sidecars. */
function deal(of: VariantSecond, parts: readonly VariantSecond[], random: Random): void {
  let good = of.n - of.plain;
  let plain = of.plain;
  parts.forEach((part, i) => {
    const share = 1 / (parts.length - i);
    const mineGood = binomial(good, share, random);
    part.plain = binomial(plain, share, random);
    part.n = mineGood + part.plain;
    part.shared.length = 0;
    good -= mineGood;
    plain -= part.plain;
  });
}
