/**
 * Writes docs/metrics.md and the dashboard from the metric table. Run it after a change of the table:
 * `node scripts/metrics-reference.ts`. A test holds the files against it.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { effectiveEdgesSeconds, ladderSeconds } from "../src/admin/latency-ladder.ts";
import type { MetricRow } from "../src/admin/metric-row.ts";
import { upstreamErrorCodes } from "../src/core/errors.ts";
import { rolloutPhases, rolloutReasons } from "../src/core/reasons.ts";
import { refusalCodes } from "../src/observe/layout.ts";
import { spanDropReasons } from "../src/trace/exporter.ts";
import { dashboardFile, dashboardText } from "./grafana-dashboard.ts";
import { metricSections } from "./metric-sections.ts";

const metricsFile = "docs/metrics.md";

const code = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(" ");

function table(rows: readonly MetricRow[]): string {
  const lines = rows.map(({ name, type, labels, help }) => `| \`${name}\` | ${type} | ${code(labels)} | ${help.replaceAll("|", "\\|")} |`);
  return ["| metric | type | labels | meaning |", "|---|---|---|---|", ...lines].join("\n");
}

function edges(): string {
  const lines = ladderSeconds.map((edge, i) => {
    const real = effectiveEdgesSeconds.at(i)!;
    const off = ((real / edge - 1) * 100).toFixed(2);
    return `| ${edge} | ${real} | ${real >= edge ? "+" : ""}${off === "-0.00" ? "0.00" : off}% |`;
  });
  return ["| `le` | counted below | off |", "|---|---|---|", ...lines].join("\n");
}

function metricsPage(): string {
  return `# Metrics

<!-- Made by scripts/metrics-reference.ts from the table in src/admin/. Do not edit. -->

\`GET /metrics\` on the admin port gives Prometheus' text format, or OpenMetrics 1.0 to a scraper that asks for it. Everything is read from
shared memory at the moment of the scrape; a scrape costs no request anything. Counters begin at 0 with the process.

Labels are bounded by the configuration and by enums, never by traffic: ${code(["route", "variant"])} are names from the
configuration, \`code\` is a status class, \`reason\` is one of the values below. A series that leaves the configuration leaves
\`/metrics\`; should it return, it goes on counting where it was. Where spans are exported, OpenMetrics has exemplars on the latency histograms: for each
bucket the last traced request in it (Prometheus keeps them with \`--enable-feature=exemplar-storage\`).

${metricSections.map(({ title, note, rows }) => `## ${title}\n\n${note === "" ? "" : `${note}\n\n`}${table(rows)}`).join("\n\n")}

## Values of labels

- \`reason\` of \`ebbgate_errors_total\`, which count against a variant: ${code(upstreamErrorCodes)}
- \`reason\` of \`ebbgate_refusals_total\`, which count against none: ${code(refusalCodes)}
- \`reason\` of \`ebbgate_decisions_total\`: ${code(rolloutReasons)}
- \`reason\` of \`ebbgate_spans_dropped_total\`: ${code(spanDropReasons)}
- \`phase\`: ${code(rolloutPhases)}
- \`limit\`: the limit's metric, and for latency the part of the distribution: \`errorRate\`, \`latency:location\`, \`latency:p95\`, \`latency:p99\`, \`latency:2xp99\`

## Histogram edges

The slab counts in 768 log-linear buckets, at most 3.2% wide. \`/metrics\` shows them on a fixed ladder: each edge is moved to the
nearest bucket border, so a count is exact, for an edge that lies at most 1.6% beside its label. \`_sum\` and \`_count\` are exact.

${edges()}

## Dashboard and alerts

\`config/grafana/ebbgate.json\` shows every metric of this page (import it, and choose the data source); \`config/prometheus/alerts.yaml\` has the alerts, and
\`config/prometheus/prometheus.yaml\` how to scrape.

## Queries to begin with

\`\`\`promql
# error share per variant
sum by (route, variant) (rate(ebbgate_errors_total[1m])) / sum by (route, variant) (rate(ebbgate_requests_total[1m]))
# p99 of the first byte
histogram_quantile(0.99, sum by (route, variant, le) (rate(ebbgate_first_byte_seconds_bucket[5m])))
# a rollout goes back
ebbgate_rollout_phase{phase=~"rollingBack|verifying"} == 1
# a document was refused and an older one serves on
ebbgate_config_last_load_successful == 0
# a thread is behind
ebbgate_thread_revision < on (job, instance) group_left () ebbgate_config_revision
\`\`\`
`;
}

/** Paths from the repository's root, and what is to be there. */
export const metricFiles = (): ReadonlyMap<string, string> => new Map([[metricsFile, metricsPage()], [dashboardFile, dashboardText()]]);

if (import.meta.main) for (const [path, text] of metricFiles()) writeFileSync(join(import.meta.dirname, "..", path), text);
