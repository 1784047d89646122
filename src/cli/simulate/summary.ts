/** From outcomes to the figures of a row. */
import { probit } from "../../judge/probit.ts";
import type { Outcome } from "./run.ts";
import type { Row } from "./row.ts";

export interface Spread {
  /** null: less than half (or 95%) of the runs came to a verdict. */
  readonly median: number | null;
  readonly p95: number | null;
}

export interface Summary {
  readonly runs: number;
  /** Requests of both variants, on average. */
  readonly requestsPerRun: number;
  /** Verdicts of the limits that were false: in a quiet row all, in a regression those before the onset, and of candidates that have none. */
  readonly falseVerdicts: number;
  /** The same of the breaker, which is reversible and no rollback. */
  readonly falseTrips: number;
  /** Share of false verdicts, and the upper end of its one-sided 95% interval (Wilson). */
  readonly falseShare: number;
  readonly falseShareMost: number;
  /** Of a regression: runs that found it, and which of them the breaker found. */
  readonly found: number;
  readonly byBreaker: number;
  readonly requests: Spread;
  readonly seconds: Spread;
  readonly phi: number;
}

/** @param outcomes at least one */
export function summarise(row: Row, outcomes: readonly Outcome[]): Summary {
  const runs = outcomes.length;
  const isFalse = (o: Outcome): boolean => o.by !== null && (row.kind === "quiet" || o.seconds <= 0);
  const falseVerdicts = outcomes.filter((o) => isFalse(o) && o.by === "limits").length;
  const found = outcomes.filter((o) => o.by !== null && !isFalse(o));
  const started = outcomes.filter((o) => !isFalse(o)).length;
  const mean = (of: (o: Outcome) => number): number => outcomes.reduce((sum, o) => sum + of(o), 0) / runs;
  return {
    runs, requestsPerRun: Math.round(mean((o) => o.total)),
    falseVerdicts, falseTrips: outcomes.filter((o) => isFalse(o) && o.by === "breaker").length,
    falseShare: falseVerdicts / runs, falseShareMost: wilsonUpper(falseVerdicts, runs),
    found: found.length, byBreaker: found.filter((o) => o.by === "breaker").length,
    requests: spread(found.map((o) => o.requests), started), seconds: spread(found.map((o) => o.seconds), started), phi: mean((o) => o.phi),
  };
}

/** @param runs those without a value count as infinitely late */
function spread(values: readonly number[], runs: number): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (q: number): number | null => sorted[Math.max(0, Math.ceil(q * runs) - 1)] ?? null;
  return { median: at(0.5), p95: at(0.95) };
}

/** The upper end of Wilson's one-sided 95% interval of a share (Wilson 1927). */
export function wilsonUpper(hits: number, n: number): number {
  const z = probit(0.95);
  const p = hits / n;
  return (p + (z * z) / (2 * n) + z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))) / (1 + (z * z) / n);
}
