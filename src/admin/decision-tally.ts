/** Counts decisions by route, candidate and reason for `/metrics`: the controller itself keeps only the recent ones. */
import { rolloutReasons, type RolloutReason } from "../core/reasons.ts";
import { severityOf } from "../rollout/severity.ts";

/** Over it, new series are not counted: the labels come from the configuration, which may change for years. */
const seriesMax = 10_000;

export interface TallyRow {
  readonly route: string;
  readonly variant: string;
  readonly reason: RolloutReason;
  count: number;
}

/** Those that somebody may want to be told of. */
const notable = rolloutReasons.filter((reason) => severityOf(reason) !== "info");

export class DecisionTally {
  private readonly rows = new Map<string, TallyRow>();

  /** For `RolloutControl.onDecision`. */
  readonly record = (decision: { readonly route: string; readonly candidate: string; readonly reason: RolloutReason }): void => {
    const row = this.row(decision.route, decision.candidate, decision.reason);
    if (row !== undefined) row.count++;
  };

  /** From now on the notable decisions of a rollout are listed, with 0 until one is made. */
  announce(route: string, candidate: string): void {
    for (const reason of notable) this.row(route, candidate, reason);
  }

  list(): Iterable<TallyRow> {
    return this.rows.values();
  }

  private row(route: string, variant: string, reason: RolloutReason): TallyRow | undefined {
    const key = JSON.stringify([route, variant, reason]);
    let row = this.rows.get(key);
    if (row === undefined && this.rows.size < seriesMax) this.rows.set(key, (row = { route, variant, reason, count: 0 }));
    return row;
  }
}
