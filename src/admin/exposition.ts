/**
 * `/metrics`: the metric table, read from the slab and the control thread at the moment of the scrape, in Prometheus'
 * text format or OpenMetrics. Nothing is counted here, so a scrape can neither miss nor double anything.
 */
import type { Metric, MetricObjectWithValues, MetricValueWithName, RegistryContentType } from "@prometheus-io/client";
import Registry from "@prometheus-io/client/lib/registry.js";
import { ladderSeconds, onLadder } from "./latency-ladder.ts";
import type { LabelName, MetricRow, MetricSource } from "./metric-row.ts";
import { metricTable } from "./metric-table.ts";
import type { AdminPorts } from "./ports.ts";
import { seriesInForce } from "./series.ts";

const { OPENMETRICS_CONTENT_TYPE: openMetricsContentType, PROMETHEUS_CONTENT_TYPE: prometheusContentType } = Registry;

type Value = MetricValueWithName<string>;

/** What the registry calls of a metric. The library's own classes hold state; ours is in the slab. */
interface ReadMetric {
  readonly name: string;
  readonly type: MetricRow["type"];
  get(): Promise<Omit<MetricObjectWithValues<Value>, "collect">>;
}

export interface Exposition {
  readonly contentType: string;
  readonly body: string;
}

export class Metrics {
  private readonly ports: AdminPorts;
  private readonly registries: ReadonlyMap<RegistryContentType, Registry>;
  private source: MetricSource | undefined;

  constructor(ports: AdminPorts) {
    this.ports = ports;
    this.registries = new Map([prometheusContentType, openMetricsContentType].map((type) => [type, this.registry(type)]));
  }

  /** @param accept the request's Accept header: OpenMetrics is given only to who asks for it */
  async expose(accept: string | undefined): Promise<Exposition> {
    const contentType = wantsOpenMetrics(accept) ? openMetricsContentType : prometheusContentType;
    const { ports } = this;
    // Sums are read live and counts as of the last refresh: together, or an average would be off.
    ports.slab.refresh();
    this.source = { ports, series: seriesInForce(ports), threads: ports.slab.reader(0) };
    return { contentType, body: await this.registries.get(contentType)!.metrics() };
  }

  private registry(contentType: RegistryContentType): Registry {
    const registry = new Registry(contentType);
    for (const row of metricTable) {
      // In OpenMetrics a counter's family has no `_total`; the library gives it to each sample.
      const name = contentType === openMetricsContentType && row.type === "counter" ? row.name.replace(/_total$/, "") : row.name;
      const metric: ReadMetric = {
        name,
        type: row.type,
        get: () => Promise.resolve({ name, help: row.help, type: row.type, aggregator: "sum", values: valuesOf(row, name, this.source!, contentType) }),
      };
      registry.registerMetric(metric as unknown as Metric<string>);
    }
    return registry;
  }
}

/** RFC 9110 section 12.5.1, as far as a scraper uses it: named at all, and not with weight 0. */
function wantsOpenMetrics(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  return accept.split(",").some((range) => /^\s*application\/openmetrics-text\b/i.test(range) && !/;\s*q=0(?:\.0*)?\s*(?:;|$)/i.test(range));
}

function valuesOf(row: MetricRow, name: string, source: MetricSource, contentType: RegistryContentType): Value[] {
  const values: Value[] = [];
  if (row.type !== "histogram") {
    row.read(source, (value, ...labels) => values.push({ value, labels: labelled(row.labels, labels) }));
    return values;
  }
  const edges = contentType === openMetricsContentType ? ladderOpenMetrics : ladderText;
  row.read(source, (counts, sumSeconds, ...labels) => {
    const { cumulative, count } = onLadder(counts);
    const common = labelled(row.labels, labels);
    const [route = "", variant = ""] = labels;
    const exemplars = source.ports.exemplars?.of(row.exemplars, route, variant);
    edges.forEach((le, i) => {
      const exemplar = exemplars?.[i];
      values.push({ value: cumulative[i] ?? count, labels: { ...common, le }, metricName: `${name}_bucket`, ...(exemplar === undefined ? {} : { exemplar }) });
    });
    values.push({ value: sumSeconds, labels: common, metricName: `${name}_sum` }, { value: count, labels: common, metricName: `${name}_count` });
  });
  return values;
}

const ladderText = [...ladderSeconds.map(String), "+Inf"];
/** OpenMetrics 1.0 writes whole edges as floats. */
const ladderOpenMetrics = ladderText.map((edge) => (/^\d+$/.test(edge) ? `${edge}.0` : edge));

function labelled(names: readonly LabelName[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name, i) => [name, values[i]!]));
}
