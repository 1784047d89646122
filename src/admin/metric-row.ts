/** The shape of the metric table: one row is one metric family, from which the exposition and the docs are both made. */
import type { SlotReader } from "../observe/reader.ts";
import type { ExemplarKind } from "./exemplars.ts";
import type { AdminPorts } from "./ports.ts";
import type { Series } from "./series.ts";

/** All label names there are. Their values are bounded by the configuration or by an enum, never by traffic. */
export const labelNames = ["route", "variant", "code", "reason", "thread", "phase", "limit", "goal", "kind", "target", "version", "node"] as const;
export type LabelName = (typeof labelNames)[number];

/** What one scrape reads, looked up once. */
export interface MetricSource {
  readonly ports: AdminPorts;
  readonly series: readonly Series[];
  /** Slot 0: what belongs to the threads and to no variant. */
  readonly threads: SlotReader;
}

/** Values of the row's labels, in the row's order. */
type LabelValues = readonly string[];

interface Row {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly LabelName[];
}

export interface ScalarRow extends Row {
  readonly type: "counter" | "gauge";
  /** How a dashboard makes one value of those of several sidecars. Left out: counters are added, of gauges the largest counts. */
  readonly across?: "sum" | "max" | "min" | "each";
  readonly read: (source: MetricSource, emit: (value: number, ...labels: LabelValues) => void) => void;
}

export interface HistogramRow extends Row {
  readonly type: "histogram";
  /** Labelled by route and variant, in this order. */
  readonly exemplars: ExemplarKind;
  /** @param emit takes the slab's counts, and the sum of the values in seconds */
  readonly read: (source: MetricSource, emit: (counts: ArrayLike<number>, sumSeconds: number, ...labels: LabelValues) => void) => void;
}

export type MetricRow = ScalarRow | HistogramRow;
