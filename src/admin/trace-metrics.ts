/** Rows of the metric table about spans; where none are exported there are none of these. */
import { threadCounters } from "../observe/layout.ts";
import { spanDropReasons } from "../trace/exporter.ts";
import type { MetricRow } from "./metric-row.ts";

export const traceMetrics: readonly MetricRow[] = [
  {
    type: "counter", name: "ebbgate_spans_exported_total", labels: [], help: "Spans that the collector took. Only where spans are exported.",
    read: ({ ports }, emit) => {
      const spans = ports.spans?.() ?? null;
      if (spans !== null) emit(spans.exported);
    },
  },
  {
    type: "counter", name: "ebbgate_spans_dropped_total", labels: ["reason"],
    help: "Spans that were lost: the control thread was behind (`thread`), the collector was (`queue`), it refused them (`rejected`), or could not be reached (`failed`).",
    read: ({ ports, threads }, emit) => {
      const spans = ports.spans?.() ?? null;
      if (spans === null) return;
      for (const reason of spanDropReasons) emit(reason === "thread" ? threads.counter(threadCounters.spansDropped) : spans.dropped[reason], reason);
    },
  },
];
