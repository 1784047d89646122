/** Rows of the metric table that are read from the slab: traffic by route and variant, and the threads' connections. */
import { upstreamErrorCodes } from "../core/errors.ts";
import { counters, gatedReasons, refusalCodes, threadCounters } from "../observe/layout.ts";
import type { HistogramRow, MetricRow, ScalarRow } from "./metric-row.ts";

const bySeries = ["route", "variant"] as const;

function ofSeries(type: "counter" | "gauge", name: string, cell: number, help: string): ScalarRow {
  return {
    type, name, help, labels: bySeries, across: "sum",
    read: ({ series }, emit) => {
      for (const { route, variant, reader } of series) emit(reader.counter(cell), route, variant);
    },
  };
}

function ofThreads(type: "counter" | "gauge", name: string, cell: number, help: string): ScalarRow {
  return { type, name, help, labels: [], across: "sum", read: ({ threads }, emit) => emit(threads.counter(cell)) };
}

function latency(name: string, which: "firstByte" | "total", help: string): HistogramRow {
  return {
    type: "histogram", name, help, labels: bySeries, exemplars: which,
    read: ({ series }, emit) => {
      for (const { route, variant, reader } of series) emit(reader.histogram(which), reader.sumMicros(which) / 1e6, route, variant);
    },
  };
}

export const trafficMetrics: readonly MetricRow[] = [
  ofSeries("counter", "ebbgate_requests_total", counters.requests, "Requests that the split gave to the variant, whatever became of them."),
  {
    type: "counter", name: "ebbgate_responses_total", labels: [...bySeries, "code"],
    help: "Response heads that the variant sent, by status class (1xx ... 5xx).",
    read: ({ series }, emit) => {
      for (const { route, variant, reader } of series) {
        for (let code = 1; code <= 5; code++) emit(reader.counter(counters.responses + code), route, variant, `${code}xx`);
      }
    },
  },
  {
    type: "counter", name: "ebbgate_errors_total", labels: [...bySeries, "reason"],
    help: "Requests that the variant failed, by reason. A client's own faults are in ebbgate_refusals_total and ebbgate_client_closed_total.",
    read: ({ series }, emit) => {
      for (const { route, variant, reader } of series) for (const code of upstreamErrorCodes) emit(reader.error(code), route, variant, code);
    },
  },
  ofSeries("counter", "ebbgate_cohorts_total", counters.cohorts, "Cohorts that the split gave to the variant of a rollout, each once a day and weight."),
  ofSeries("counter", "ebbgate_retries_total", counters.retries, "Requests sent again on a fresh connection after a reused one had closed."),
  ofSeries("counter", "ebbgate_fallbacks_total", counters.fallbacks, "Requests that the variant failed before the first byte and the baseline answered in its place."),
  ofSeries("counter", "ebbgate_fallback_answers_total", counters.fallbackAnswers, "Answers that the variant gave in place of another one (only a baseline does)."),
  ofSeries("counter", "ebbgate_client_closed_total", counters.clientClosed, "Clients that went away before the end of the response."),
  ofSeries("gauge", "ebbgate_requests_in_flight", counters.inFlight, "Exchanges under way with the variant."),
  ofSeries("gauge", "ebbgate_tunnels", counters.tunnels, "Upgraded connections (WebSocket) under way with the variant."),
  ofSeries("counter", "ebbgate_request_body_bytes_total", counters.requestBodyBytes, "Bytes of request bodies relayed to the variant."),
  ofSeries("counter", "ebbgate_response_body_bytes_total", counters.responseBodyBytes, "Bytes of response bodies relayed from the variant."),
  latency("ebbgate_first_byte_seconds", "firstByte", "From the forwarded request head to the response head. What the judge compares."),
  latency("ebbgate_duration_seconds", "total", "From the forwarded request head to the last byte of the answer. Includes the client's own slowness."),
  {
    type: "gauge", name: "ebbgate_weight_ratio", labels: bySeries, help: "The variant's share of the buckets, 0 ... 1.",
    read: ({ series }, emit) => {
      for (const { route, variant, share } of series) emit(share, route, variant);
    },
  },
  {
    type: "counter", name: "ebbgate_gate_requests_total", labels: [...bySeries, "reason"],
    help: "Requests that the gate of the variant decided about: allowed and targeted ones it gave the variant, denied ones it kept from it, killed ones found it closed.",
    read: ({ series }, emit) => {
      for (const { route, variant, gated, reader } of series) if (gated !== null) gatedReasons.forEach((reason, i) => emit(reader.counter(counters.gated + i), route, variant, reason));
    },
  },
  {
    type: "gauge", name: "ebbgate_gate_open", labels: bySeries, across: "min", help: "Whether the variant's gate is open (1), or closed by the kill switch or its rollout (0).",
    read: ({ series }, emit) => {
      for (const { route, variant, gated } of series) if (gated !== null) emit(gated.closed === null ? 1 : 0, route, variant);
    },
  },
  ofThreads("counter", "ebbgate_downstream_connections_accepted_total", threadCounters.connectionsAccepted, "Connections accepted from clients."),
  ofThreads("gauge", "ebbgate_downstream_connections", threadCounters.connectionsActive, "Open connections from clients."),
  ofThreads("counter", "ebbgate_downstream_connections_refused_total", threadCounters.connectionsRefused, "Connections closed at once because limits.connectionsMax was reached."),
  ofThreads("counter", "ebbgate_upstream_connections_opened_total", threadCounters.upstreamConnectionsOpened, "Connections opened to endpoints."),
  ofThreads("gauge", "ebbgate_upstream_connections", threadCounters.upstreamConnectionsActive, "Open connections to endpoints, idle ones included."),
  {
    type: "counter", name: "ebbgate_refusals_total", labels: ["reason"],
    help: "Requests that ended by the client's or the proxy's own doing, by reason. They count against no variant.",
    read: ({ threads }, emit) => {
      for (const code of refusalCodes) emit(threads.error(code), code);
    },
  },
  ofThreads("counter", "ebbgate_mirror_dropped_total", threadCounters.mirrorsDropped, "Requests that were to be copied and were not, because too many copies waited."),
  ofThreads("counter", "ebbgate_access_log_dropped_total", threadCounters.accessLogDropped, "Access log lines dropped because the log's reader was too slow."),
];
