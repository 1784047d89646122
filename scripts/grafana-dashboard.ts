/** Grafana's dashboard, made from the metric table. `metrics-reference.ts` writes it; a test runs every query of it on a real Prometheus. */
import type { LabelName, MetricRow } from "../src/admin/metric-row.ts";
import { metricSections } from "./metric-sections.ts";

/** Path from the repository's root. */
export const dashboardFile = "config/grafana/ebbgate.json";

interface Target {
  readonly expr: string;
  readonly legendFormat: string;
  readonly exemplar?: true;
}

interface PanelText {
  readonly title: string;
  readonly description: string;
  readonly unit: string;
  readonly targets: readonly Target[];
  readonly type?: "timeseries" | "state-timeline" | "stat";
  readonly max?: number;
}

const datasource = { type: "prometheus", uid: "${datasource}" };
const width = 8;
const height = 8;
const panelsPerLine = 24 / width;

/** What the dashboard's variables choose of a metric. */
function chosen(name: string, labels: readonly LabelName[], more = ""): string {
  const matchers = [`job=~"$job"`, `instance=~"$instance"`, ...(labels.includes("route") ? [`route=~"$route"`] : []), ...(more === "" ? [] : [more])];
  return `${name}{${matchers.join(",")}}`;
}

const by = (labels: readonly string[]): string => (labels.length === 0 ? "" : ` by (${labels.join(", ")})`);
const legend = (labels: readonly string[]): string => (labels.length === 0 ? "all" : labels.map((label) => `{{${label}}}`).join(" "));

function unitOf({ name, type }: MetricRow): string {
  if (name.endsWith("_timestamp_seconds") || name === "process_start_time_seconds") return "dateTimeAsIso";
  if (name.endsWith("_bytes_total")) return "Bps";
  // Seconds in a second: a share of one core.
  if (name.endsWith("_seconds_total") || name.endsWith("_ratio")) return "percentunit";
  if (name.endsWith("_seconds")) return "s";
  if (name.endsWith("_bytes")) return "bytes";
  return type === "counter" ? "cps" : "short";
}

const quantiles = [0.5, 0.95, 0.99];

function targetsOf(row: MetricRow): Target[] {
  const { name, labels } = row;
  if (row.type === "histogram") {
    return quantiles.map((q) => ({
      expr: `histogram_quantile(${q}, sum by (${[...labels, "le"].join(", ")}) (rate(${chosen(`${name}_bucket`, labels)}[$__rate_interval])))`,
      legendFormat: `${legend(labels)} p${q * 100}`,
      exemplar: true,
    }));
  }
  const across = row.across ?? (row.type === "counter" ? "sum" : "max");
  const value = row.type === "counter" ? `rate(${chosen(name, labels)}[$__rate_interval])` : chosen(name, labels);
  if (across === "each") return [{ expr: value, legendFormat: legend(["instance", ...labels]) }];
  // Nine of ten phases are 0.
  const shown = labels.includes("phase") ? " == 1" : "";
  return [{ expr: `${across}${by(labels)} (${value})${shown}`, legendFormat: legend(labels) }];
}

function panelOf(row: MetricRow): PanelText {
  return { title: row.name, description: row.help, unit: unitOf(row), targets: targetsOf(row) };
}

const series = ["route", "variant"] as const;
const limitsOf = ["route", "variant", "limit"] as const;

const overview: readonly PanelText[] = [
  {
    title: "Weights", description: "Who gets which share of the users.", unit: "percentunit", max: 1,
    targets: [{ expr: `max by (route, variant) (${chosen("ebbgate_weight_ratio", series)})`, legendFormat: legend(series) }],
  },
  {
    title: "Errors per request", description: "Share of the requests that the variant failed.", unit: "percentunit",
    targets: [{
      expr: `sum by (route, variant) (rate(${chosen("ebbgate_errors_total", series)}[$__rate_interval])) / sum by (route, variant) (rate(${chosen("ebbgate_requests_total", series)}[$__rate_interval]))`,
      legendFormat: legend(series),
    }],
  },
  {
    title: "First byte, p99", description: "From the forwarded request to the response head: what the judge compares.", unit: "s",
    targets: [{
      expr: `histogram_quantile(0.99, sum by (route, variant, le) (rate(${chosen("ebbgate_first_byte_seconds_bucket", series)}[$__rate_interval])))`,
      legendFormat: legend(series), exemplar: true,
    }],
  },
  {
    title: "Phase", description: "Where each rollout stands.", unit: "short", type: "state-timeline",
    targets: [{ expr: `max by (route, variant, phase) (${chosen("ebbgate_rollout_phase", series)}) == 1`, legendFormat: "{{route}} {{variant}} {{phase}}" }],
  },
  {
    title: "Evidence against the candidate", description: "By limit, as a share of what is needed for a breach.", unit: "percentunit",
    targets: [{
      expr: `max by (route, variant, limit) (${chosen("ebbgate_limit_wealth", series)}) / max by (route, variant, limit) (${chosen("ebbgate_limit_wealth_threshold", series)})`,
      legendFormat: legend(limitsOf),
    }],
  },
  {
    title: "Sidecars that are ready", description: "", unit: "short", type: "stat",
    targets: [{ expr: `sum (${chosen("ebbgate_ready", [])})`, legendFormat: "ready" }, { expr: `count (${chosen("ebbgate_ready", [])})`, legendFormat: "scraped" }],
  },
];

type Panel = Record<string, unknown> & { readonly targets?: readonly { readonly expr: string }[]; readonly panels?: readonly Panel[] };

function variable(name: string, definition: string): object {
  return {
    name, type: "query", datasource, query: { query: definition, refId: name }, definition, refresh: 2, sort: 1, multi: true, includeAll: true, allValue: ".*",
    current: { selected: true, text: ["All"], value: ["$__all"] },
  };
}

class Layout {
  private id = 0;
  private y = 0;

  row(title: string, texts: readonly PanelText[], collapsed: boolean): Panel[] {
    const head = { id: ++this.id, type: "row", title, collapsed, gridPos: { h: 1, w: 24, x: 0, y: this.y++ } };
    const panels = texts.map((text, i) => this.panel(text, i));
    this.y += Math.ceil(texts.length / panelsPerLine) * height;
    return collapsed ? [{ ...head, panels }] : [head, ...panels];
  }

  private panel({ title, description, unit, targets, type = "timeseries", max }: PanelText, i: number): Panel {
    return {
      id: ++this.id, type, title, description, datasource,
      gridPos: { h: height, w: width, x: (i % panelsPerLine) * width, y: this.y + Math.floor(i / panelsPerLine) * height },
      fieldConfig: { defaults: { unit, min: unit === "dateTimeAsIso" ? undefined : 0, max }, overrides: [] },
      targets: targets.map((target, index) => ({ refId: String.fromCharCode(65 + index), datasource, ...target })),
    };
  }
}

export interface Dashboard {
  readonly panels: readonly Panel[];
  readonly [key: string]: unknown;
}

export function dashboard(): Dashboard {
  const layout = new Layout();
  return {
    uid: "ebbgate", title: "Ebbgate", tags: ["ebbgate"], schemaVersion: 39, version: 1, editable: true, timezone: "browser", refresh: "10s", time: { from: "now-1h", to: "now" },
    templating: {
      list: [
        { name: "datasource", type: "datasource", query: "prometheus", label: "Data source" },
        variable("job", "label_values(ebbgate_build_info, job)"),
        variable("instance", `label_values(ebbgate_build_info{job=~"$job"}, instance)`),
        variable("route", `label_values(ebbgate_requests_total{job=~"$job",instance=~"$instance"}, route)`),
      ],
    },
    annotations: {
      list: [{
        name: "Rollbacks", enable: true, datasource, iconColor: "red", titleFormat: "{{route}}: {{variant}} goes back",
        expr: `max by (route, variant) (${chosen("ebbgate_rollout_phase", series, `phase="rollingBack"`)}) == 1`,
      }],
    },
    panels: [
      ...layout.row("At a glance", overview, false),
      ...metricSections.flatMap(({ title, note, rows }) => layout.row(note === "" ? title : `${title} (${note.charAt(0).toLowerCase()}${note.slice(1, -1)})`, rows.map(panelOf), true)),
    ],
  };
}

export const dashboardText = (): string => `${JSON.stringify(dashboard(), null, 1)}\n`;
