/**
 * Flagger's rule with the values of its documentation: each 60 s the candidate's success rate must be at least 99% and its
 * p99 at most 500 ms; five failed checks in all (they are never forgotten within a rollout: scheduler.go sets
 * `FailedChecks + 1`) roll back. No requests in a minute halt, and count as a failed check. The metric lag is left out, in its favour.
 */
import type { Found, Judge } from "../../src/cli/simulate/judge.ts";
import type { BothSecond } from "../../src/cli/simulate/second.ts";

const intervalSeconds = 60;
const failedChecksMax = 5;
const successMin = 0.99;
const p99MaxMs = 500;

export class Flagger implements Judge {
  private requests = 0;
  private n = 0;
  private errors = 0;
  private times: number[] = [];
  private failedChecks = 0;

  second(second: number, { candidate }: BothSecond): Found | null {
    if (second < 0) return null;
    this.requests += candidate.n;
    this.n += candidate.n;
    this.errors += candidate.plain + candidate.shared.length;
    if (candidate.latencyMs[0]! > 0) for (let i = 0; i < candidate.n; i++) this.times.push(candidate.latencyMs[i]!);
    if ((second + 1) % intervalSeconds !== 0) return null;
    if (this.n === 0 || 1 - this.errors / this.n < successMin || p99(this.times) > p99MaxMs) this.failedChecks++;
    this.n = 0;
    this.errors = 0;
    this.times = [];
    return this.failedChecks >= failedChecksMax ? { by: "limits", atSecond: second + 1, requests: this.requests } : null;
  }
}

function p99(times: number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0;
}
