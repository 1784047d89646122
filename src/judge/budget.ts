/** How the budget is split among the metrics (JUDGE 3): by the operator's shares where given, by the usual ones elsewhere. */
import { metricShares } from "./wealth.ts";

/** What a metric without a configured share gets before scaling: as much as a p99. */
export const otherMetricShare = 0.15;

export type BudgetMetric = keyof typeof metricShares | "conversion" | "custom" | "mirror";

export interface BudgetEntry {
  readonly metric: BudgetMetric;
  /** The operator's part, above 0, beside the others' (where those are the usual ones: in their unit); absent: the usual part. */
  readonly share?: number;
}

/** @returns one share for each entry; they sum to 1, so any split keeps alpha: averaging e-values needs no Bonferroni */
export function budgetShares(entries: readonly BudgetEntry[]): number[] {
  const parts = entries.map(({ metric, share }) => share ?? (metric in metricShares ? metricShares[metric as keyof typeof metricShares] : otherMetricShare));
  const sum = parts.reduce((a, b) => a + b, 0);
  return parts.map((part) => part / sum);
}
