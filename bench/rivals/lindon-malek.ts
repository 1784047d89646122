/**
 * The anytime-valid multinomial test (Lindon, Malek, NeurIPS 2022), as used for errors at Netflix: under H0 each error belongs
 * to the candidate with the probability of its share of the requests. The Bayes factor of a Beta-binomial against that,
 * with an even prior; rejected at 1/alpha. Shares are those realised in the same second, so ramps cancel. Errors only.
 */
import type { Found, Judge, JudgeOptions } from "../../src/cli/simulate/judge.ts";
import { logFactorial } from "../../src/cli/simulate/random.ts";
import type { BothSecond } from "../../src/cli/simulate/second.ts";

export class LindonMalek implements Judge {
  private readonly threshold: number;
  private requests = 0;
  private mine = 0;
  private all = 0;
  /** ln of the probability of what was seen, under H0. */
  private logNull = 0;
  private expected = 0;

  constructor({ alpha }: JudgeOptions) {
    this.threshold = Math.log(1 / alpha);
  }

  second(second: number, { candidate, baseline }: BothSecond): Found | null {
    if (second < 0) return null;
    this.requests += candidate.n;
    if (candidate.n === 0 || baseline.n === 0) return null;
    const theta = candidate.n / (candidate.n + baseline.n);
    const c = candidate.plain + candidate.shared.length;
    const b = baseline.plain + baseline.shared.length;
    this.mine += c;
    this.all += c + b;
    this.expected += theta * (c + b);
    this.logNull += c * Math.log(theta) + b * Math.log1p(-theta);
    const logBayes = logFactorial(this.mine) + logFactorial(this.all - this.mine) - logFactorial(this.all + 1) - this.logNull;
    return logBayes >= this.threshold && this.mine > this.expected ? { by: "limits", atSecond: second + 1, requests: this.requests } : null;
  }
}
