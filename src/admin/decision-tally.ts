/** Counts decisions by route, candidate and reason for `/metrics`: the controller itself keeps only the recent ones. */
import type { RolloutReason } from "../core/reasons.ts";

/** Over it, new series are not counted: the labels come from the configuration, which may change for years. */
const seriesMax = 10_000;

export interface TallyRow {
  readonly route: string;
  readonly variant: string;
  readonly reason: RolloutReason;
  count: number;
}

export class DecisionTally {
  private readonly rows = new Map<string, TallyRow>();

  /** For `RolloutControl.onDecision`. */
  readonly record = (decision: { readonly route: string; readonly candidate: string; readonly reason: RolloutReason }): void => {
    const { route, candidate, reason } = decision;
    const key = JSON.stringify([route, candidate, reason]);
    const row = this.rows.get(key);
    if (row !== undefined) row.count++;
    else if (this.rows.size < seriesMax) this.rows.set(key, { route, variant: candidate, reason, count: 1 });
  };

  list(): Iterable<TallyRow> {
    return this.rows.values();
  }
}
