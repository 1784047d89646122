/** Every metric there is, once: `/metrics` and docs/metrics.md are both made from this table. */
import { controlMetrics } from "./control-metrics.ts";
import { fleetMetrics } from "./fleet-metrics.ts";
import { webhookMetrics } from "./webhook-metrics.ts";
import type { MetricRow } from "./metric-row.ts";
import { processMetrics } from "./process-metrics.ts";
import { traceMetrics } from "./trace-metrics.ts";
import { trafficMetrics } from "./traffic-metrics.ts";

export const metricTable: readonly MetricRow[] = [...trafficMetrics, ...controlMetrics, ...fleetMetrics, ...webhookMetrics, ...traceMetrics, ...processMetrics];
