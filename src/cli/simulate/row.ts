/** A row of the two tables: a world, how long it is watched, and what the reference engine did in it (JUDGE 9). */
import type { TrafficPlan } from "./traffic.ts";

export interface RowPlan {
  /** For `--row` and the JSON: stable, kebab-case. */
  readonly name: string;
  /** For people: what happens in this world. */
  readonly title: string;
  readonly traffic: TrafficPlan;
  /** Longest run, from the candidate's first weight. */
  readonly seconds: number;
  /** Baseline traffic before it: what edges and overdispersion are learned from. */
  readonly historySeconds: number;
  /** When steps begin; the first at 0. */
  readonly steps: readonly number[];
  /** So many beside one baseline, each with its part of alpha; the traffic is one's and the baseline's. Absent: one. */
  readonly candidates?: number;
  /** `whole`: through recorder, slab and rollout judge; `strata`: rows straight into the trial; `fleet`: twenty such sidecars. */
  readonly way: "strata" | "whole" | "fleet";
  readonly looksPerSecond: number;
  readonly runs: { readonly full: number; readonly quick: number };
}

/** Nothing is wrong with the candidate: every verdict is a false one. */
export interface QuietRow extends RowPlan {
  readonly kind: "quiet";
}

/** Something is wrong from `onsetSecond` on. */
export interface RegressionRow extends RowPlan {
  readonly kind: "regression";
  readonly onsetSecond: number;
  readonly reference: Reference;
}

/** Candidate requests and seconds until the verdict; null where JUDGE 9 says nothing. */
export interface Reference {
  readonly requests: Spread | null;
  readonly seconds: Spread | null;
}
export interface Spread {
  readonly median: number;
  readonly p95: number | null;
}

export type Row = QuietRow | RegressionRow;
