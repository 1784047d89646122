/**
 * Exemplars of the latency histograms (OpenMetrics 1.0): for each bucket the last traced request that fell into it. Only
 * requests whose spans are exported, so that each leads to a trace.
 */
import type { SpanRecord } from "../trace/span.ts";
import { ladderSeconds } from "./latency-ladder.ts";

export interface Exemplar {
  readonly labelSet: { readonly trace_id: string; readonly span_id: string };
  /** Seconds. */
  readonly value: number;
  /** Seconds since 1970. */
  readonly timestamp: number;
}

export type ExemplarKind = "firstByte" | "total";

/** Over it, new series get none: names come from the configuration, which may change for years. */
const seriesMax = 10_000;

export class Exemplars {
  /** By series, one for each edge of the ladder and one beyond. */
  private readonly series = new Map<string, (Exemplar | undefined)[]>();

  note(span: SpanRecord): void {
    // After a fallback the times are not the variant's own.
    if (span.servedBy !== span.variant) return;
    if (span.firstByteMs > 0) this.set("firstByte", span, (span.firstByteMs - span.startMs) / 1_000);
    if (span.error === "") this.set("total", span, (span.endMs - span.startMs) / 1_000);
  }

  /** Aligned with the ladder and its `+Inf`; undefined where there is none. */
  of(kind: ExemplarKind, route: string, variant: string): readonly (Exemplar | undefined)[] | undefined {
    return this.series.get(keyOf(kind, route, variant));
  }

  private set(kind: ExemplarKind, { route, variant, traceId, spanId, endMs }: SpanRecord, value: number): void {
    const key = keyOf(kind, route, variant);
    let edges = this.series.get(key);
    if (edges === undefined) {
      if (this.series.size >= seriesMax) return;
      this.series.set(key, (edges = []));
    }
    // By its label: a bucket's exemplar has to lie in it, also where the count's own edge is a little beside.
    const above = ladderSeconds.findIndex((edge) => value <= edge);
    edges[above < 0 ? ladderSeconds.length : above] = { labelSet: { trace_id: traceId, span_id: spanId }, value, timestamp: endMs / 1_000 };
  }
}

const keyOf = (kind: ExemplarKind, route: string, variant: string): string => JSON.stringify([kind, route, variant]);
