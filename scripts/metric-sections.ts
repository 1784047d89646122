/** The metric table in the sections in which people read it: the reference page and the dashboard have the same. */
import { controlMetrics } from "../src/admin/control-metrics.ts";
import { fleetMetrics } from "../src/admin/fleet-metrics.ts";
import type { MetricRow } from "../src/admin/metric-row.ts";
import { processMetrics } from "../src/admin/process-metrics.ts";
import { traceMetrics } from "../src/admin/trace-metrics.ts";
import { trafficMetrics } from "../src/admin/traffic-metrics.ts";
import { webhookMetrics } from "../src/admin/webhook-metrics.ts";

export interface MetricSection {
  readonly title: string;
  /** When there is something in it; empty: always. */
  readonly note: string;
  readonly rows: readonly MetricRow[];
}

export const metricSections: readonly MetricSection[] = [
  { title: "Traffic", note: "", rows: trafficMetrics },
  { title: "Configuration, threads and rollouts", note: "", rows: controlMetrics },
  { title: "Fleet", note: "Only where the store is shared with other sidecars.", rows: fleetMetrics },
  { title: "Tracing", note: "Only where spans are exported.", rows: traceMetrics },
  { title: "Calls to others", note: "Only where `webhooks.targets` are configured.", rows: webhookMetrics },
  { title: "Process", note: "", rows: processMetrics },
];
