/** What a dashboard with a p-value does: a one-sided z-test on everything so far, looked at every second, no correction. */
import type { Found, Judge } from "../../src/cli/simulate/judge.ts";
import type { BothSecond, VariantSecond } from "../../src/cli/simulate/second.ts";

/** The 99th percentile of the standard normal: "p < 0.01". */
const critical = 2.3263;

interface Sums {
  n: number;
  errors: number;
  ms: number;
  squares: number;
}
const none = (): Sums => ({ n: 0, errors: 0, ms: 0, squares: 0 });

export class PeekedZ implements Judge {
  private readonly candidate = none();
  private readonly baseline = none();

  second(second: number, counts: BothSecond): Found | null {
    if (second < 0) return null;
    add(this.candidate, counts.candidate);
    add(this.baseline, counts.baseline);
    return errorsZ(this.candidate, this.baseline) > critical || meansZ(this.candidate, this.baseline) > critical
      ? { by: "limits", atSecond: second + 1, requests: this.candidate.n }
      : null;
  }
}

function add(sums: Sums, of: VariantSecond): void {
  sums.n += of.n;
  sums.errors += of.plain + of.shared.length;
  if (of.latencyMs[0]! === 0) return;
  for (let i = 0; i < of.n; i++) {
    sums.ms += of.latencyMs[i]!;
    sums.squares += of.latencyMs[i]! ** 2;
  }
}

function errorsZ(c: Sums, b: Sums): number {
  const p = (c.errors + b.errors) / (c.n + b.n);
  const deviation = Math.sqrt(p * (1 - p) * (1 / c.n + 1 / b.n));
  return deviation > 0 ? (c.errors / c.n - b.errors / b.n) / deviation : 0;
}

function meansZ(c: Sums, b: Sums): number {
  const variance = (s: Sums): number => Math.max(0, s.squares / s.n - (s.ms / s.n) ** 2) / s.n;
  const deviation = Math.sqrt(variance(c) + variance(b));
  return deviation > 0 ? (c.ms / c.n - b.ms / b.n) / deviation : 0;
}
