/**
 * Kayenta's judge (NetflixACAJudge.scala): one value a minute for each metric and variant, Mann-Whitney with a confidence of
 * 98% and a tolerance of a quarter of the Hodges-Lehmann estimate; a metric is High where the whole interval lies above it.
 * A judgement each 5 minutes on the lifetime so far. Metrics: error share, mean and p99 of the latency, each its own group;
 * one of them High drops the score under the marginal 75.
 */
import type { Found, Judge } from "../../src/cli/simulate/judge.ts";
import type { BothSecond, VariantSecond } from "../../src/cli/simulate/second.ts";

const minuteSeconds = 60;
const judgementMinutes = 5;
/** The 99th percentile of the standard normal: two-sided 98%. */
const quantile = 2.3263;
const tolerance = 0.25;

class Minute {
  n = 0;
  errors = 0;
  times: number[] = [];

  add(of: VariantSecond): void {
    this.n += of.n;
    this.errors += of.plain + of.shared.length;
    if (of.latencyMs[0]! > 0) for (let i = 0; i < of.n; i++) this.times.push(of.latencyMs[i]!);
  }

  /** Error share, mean and p99; none for a minute without requests. */
  metrics(): (number | null)[] {
    if (this.n === 0) return [null, null, null];
    if (this.times.length === 0) return [this.errors / this.n, null, null];
    const sorted = this.times.toSorted((a, b) => a - b);
    return [this.errors / this.n, sorted.reduce((a, b) => a + b, 0) / sorted.length, sorted[Math.floor(sorted.length * 0.99)]!];
  }
}

export class Kayenta implements Judge {
  private requests = 0;
  private minutes = { candidate: new Minute(), baseline: new Minute() };
  private readonly series = { candidate: [[], [], []] as number[][], baseline: [[], [], []] as number[][] };

  second(second: number, counts: BothSecond): Found | null {
    if (second < 0) return null;
    this.requests += counts.candidate.n;
    for (const side of ["candidate", "baseline"] as const) {
      this.minutes[side].add(counts[side]);
      if ((second + 1) % minuteSeconds !== 0) continue;
      this.minutes[side].metrics().forEach((value, i) => value !== null && this.series[side][i]!.push(value));
      this.minutes[side] = new Minute();
    }
    if ((second + 1) % (minuteSeconds * judgementMinutes) !== 0) return null;
    const high = this.series.candidate.some((experiment, i) => isHigh(experiment, this.series.baseline[i]!));
    return high ? { by: "limits", atSecond: second + 1, requests: this.requests } : null;
  }
}

/** `MannWhitneyClassifier.compare` for the direction `increase`, with the default effect sizes. */
export function isHigh(experiment: readonly number[], control: readonly number[]): boolean {
  if (experiment.length === 0 || control.length === 0 || new Set([...experiment, ...control]).size === 1) return false;
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const ratio = mean(experiment) / mean(control);
  const root = (zq: number): number => shiftWhere(experiment, control, zq);
  return root(quantile) > tolerance * Math.abs(root(0)) && (Number.isNaN(ratio) || mean(control) === 0 || ratio >= 1);
}

/** The shift at which the standardised rank sum equals zq: `calculateConfidenceInterval`, by bisection instead of Brent. */
function shiftWhere(x: readonly number[], y: readonly number[], zq: number): number {
  let low = Math.min(...x) - Math.max(...y);
  let high = Math.max(...x) - Math.min(...y);
  if (wilcoxon(low, x, y) - zq <= 0) return low;
  if (wilcoxon(high, x, y) - zq >= 0) return high;
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    if (wilcoxon(middle, x, y) - zq > 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function wilcoxon(mu: number, x: readonly number[], y: readonly number[]): number {
  const all = [...x.map((value) => ({ value: value - mu, mine: true })), ...y.map((value) => ({ value, mine: false }))].toSorted((a, b) => a.value - b.value);
  let ranks = 0;
  let ties = 0;
  for (let i = 0; i < all.length; ) {
    let j = i;
    while (j < all.length && all[j]!.value === all[i]!.value) j++;
    for (let k = i; k < j; k++) if (all[k]!.mine) ranks += (i + 1 + j) / 2;
    ties += (j - i) ** 3 - (j - i);
    i = j;
  }
  const [m, n] = [x.length, y.length];
  const dz = ranks - (m * (m + 1)) / 2 - (m * n) / 2;
  const sigma = Math.sqrt(((m * n) / 12) * (m + n + 1 - ties / ((m + n) * (m + n - 1))));
  return sigma === 0 ? 0 : (dz - Math.sign(dz) * 0.5) / sigma;
}
