import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Exemplars } from "../../src/admin/exemplars.ts";
import { Metrics } from "../../src/admin/exposition.ts";
import { effectiveEdgesSeconds, ladderSeconds, onLadder } from "../../src/admin/latency-ladder.ts";
import { labelNames } from "../../src/admin/metric-row.ts";
import { metricTable } from "../../src/admin/metric-table.ts";
import { bucketOf } from "../../src/observe/histogram.ts";
import { counters } from "../../src/observe/layout.ts";
import type { SpanRecord } from "../../src/trace/span.ts";
import { byName, parseExposition, type Family } from "./prometheus-parser.ts";
import { world } from "./world.ts";

/** What the formats give a meaning to, and what they might trip over. */
const nasty = Array.from("az09\"\\\n\r\t\0{},=# ~\u00e9\u2028\u{1f600}");

const openMetrics = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";

function sampleOf(families: Map<string, Family>, family: string, labels: Record<string, string>, name = family): number | undefined {
  const wanted = JSON.stringify(Object.entries(labels).sort(byName));
  return families.get(family)?.samples.find((sample) => sample.name === name && JSON.stringify([...sample.labels].sort(byName)) === wanted)?.value;
}

describe("/metrics", () => {
  it("says what was observed, per route and variant, in base units", async () => {
    const w = world();
    w.answer(0, 90, 8_000, 200);
    w.answer(1, 9, 200_000, 200);
    w.answer(1, 1, 3_000_000, 503);
    w.recorder(0).add(counters.requestBodyBytes, 1234);
    w.tick(1000);
    const { body, contentType } = await new Metrics(w.ports).expose(undefined);
    expect(contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
    const families = parseExposition(body, false);
    const v1 = { route: "shop", variant: "v1" };
    const v2 = { route: "shop", variant: "v2" };
    expect(sampleOf(families, "ebbgate_requests_total", v1)).toBe(90);
    expect(sampleOf(families, "ebbgate_responses_total", { ...v2, code: "2xx" })).toBe(9);
    expect(sampleOf(families, "ebbgate_responses_total", { ...v2, code: "5xx" })).toBe(1);
    expect(sampleOf(families, "ebbgate_errors_total", { ...v2, reason: "status_5xx" })).toBe(1);
    expect(sampleOf(families, "ebbgate_errors_total", { ...v2, reason: "reset" })).toBe(0);
    expect(sampleOf(families, "ebbgate_request_body_bytes_total", v1)).toBe(1234);
    expect(sampleOf(families, "ebbgate_weight_ratio", v2)).toBe(0.1);
    const family = "ebbgate_first_byte_seconds";
    expect(sampleOf(families, family, v2, `${family}_count`)).toBe(10);
    expect(sampleOf(families, family, v2, `${family}_sum`)).toBeCloseTo(9 * 0.2 + 3, 9);
    expect(sampleOf(families, family, { ...v2, le: "0.1" }, `${family}_bucket`)).toBe(0);
    expect(sampleOf(families, family, { ...v2, le: "0.25" }, `${family}_bucket`)).toBe(9);
    expect(sampleOf(families, family, { ...v2, le: "5" }, `${family}_bucket`)).toBe(10);
    expect(sampleOf(families, family, { ...v1, le: "0.01" }, `${family}_bucket`)).toBe(90);
  });

  it("says the configuration, the threads and the rollout", async () => {
    const w = world();
    w.state.threads = [{ index: 0, alive: true, revision: 3, listening: [] }, { index: 1, alive: false, revision: 2, listening: [] }];
    w.ports.decisions.record({ route: "shop", candidate: "v2", reason: "stepCompleted" });
    w.ports.decisions.record({ route: "shop", candidate: "v2", reason: "stepCompleted" });
    const families = parseExposition((await new Metrics(w.ports).expose(undefined)).body, false);
    const v2 = { route: "shop", variant: "v2" };
    expect(sampleOf(families, "ebbgate_config_revision", {})).toBe(3);
    expect(sampleOf(families, "ebbgate_thread_revision", { thread: "1" })).toBe(2);
    expect(sampleOf(families, "ebbgate_thread_up", { thread: "1" })).toBe(0);
    expect(sampleOf(families, "ebbgate_ready", {})).toBe(0);
    expect(sampleOf(families, "ebbgate_rollout_phase", { ...v2, phase: "progressing" })).toBe(1);
    expect(sampleOf(families, "ebbgate_rollout_phase", { ...v2, phase: "rolledBack" })).toBe(0);
    expect(sampleOf(families, "ebbgate_limit_wealth", { ...v2, limit: "latency:p99" })).toBe(170);
    expect(sampleOf(families, "ebbgate_decisions_total", { ...v2, reason: "stepCompleted" })).toBe(2);
    // So that `increase` sees the first one; what nobody alerts on has no series until it happens.
    expect(sampleOf(families, "ebbgate_decisions_total", { ...v2, reason: "notVerified" })).toBe(0);
    expect(sampleOf(families, "ebbgate_decisions_total", { ...v2, reason: "started" })).toBeUndefined();
    expect(sampleOf(families, "process_cpu_seconds_total", {})).toBeGreaterThan(0);
    expect(sampleOf(families, "process_resident_memory_bytes", {})).toBeGreaterThan(1e6);
  });

  it("has an exemplar for each bucket in OpenMetrics, of the variant that served, and none in the text format", async () => {
    const w = world();
    w.answer(0, 5, 30_000, 200);
    w.tick(1000);
    const exemplars = new Exemplars();
    const span = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", startMs: 1_000, firstByteMs: 1_030, endMs: 1_300, route: "shop", variant: "v1", servedBy: "v1", error: "" } as SpanRecord;
    exemplars.note(span);
    // The baseline's time, for a request of the candidate: nobody's exemplar.
    exemplars.note({ ...span, variant: "v2", firstByteMs: 1_900 });
    exemplars.note({ ...span, firstByteMs: 1_031, error: "truncated", endMs: 9_000 });
    const metrics = new Metrics({ ...w.ports, exemplars });
    const lines = (await metrics.expose(openMetrics)).body.split("\n").filter((line) => line.includes(" # "));
    expect(lines).toEqual([
      'ebbgate_first_byte_seconds_bucket{route="shop",variant="v1",le="0.05"} 5 # {trace_id="0af7651916cd43dd8448eb211c80319c",span_id="b7ad6b7169203331"} 0.031 9',
      'ebbgate_duration_seconds_bucket{route="shop",variant="v1",le="0.5"} 5 # {trace_id="0af7651916cd43dd8448eb211c80319c",span_id="b7ad6b7169203331"} 0.3 1.3',
    ]);
    expect((await metrics.expose(undefined)).body).not.toContain(" # {");
  });

  it("is valid OpenMetrics for a scraper that asks for it, and again the text format for the next one", async () => {
    const w = world();
    w.answer(0, 5, 1_000, 200);
    w.tick(1000);
    const metrics = new Metrics(w.ports);
    for (let i = 0; i < 2; i++) {
      const open = await metrics.expose(openMetrics);
      expect(open.contentType).toContain("application/openmetrics-text");
      expect(sampleOf(parseExposition(open.body, true), "ebbgate_requests", { route: "shop", variant: "v1" }, "ebbgate_requests_total")).toBe(5);
      const text = await metrics.expose("text/plain");
      expect(sampleOf(parseExposition(text.body, false), "ebbgate_requests_total", { route: "shop", variant: "v1" })).toBe(5);
    }
    expect((await metrics.expose("application/openmetrics-text;q=0, */*")).contentType).toContain("text/plain");
  });

  it("stays parseable whatever a route or a variant is called", async () => {
    const w = world();
    const metrics = new Metrics(w.ports);
    const { snapshot, atMs } = w.state.posted!;
    const [route] = snapshot.routes;
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1, unit: fc.constantFrom(...nasty) }), fc.constantFrom(openMetrics, undefined), async (name, accept) => {
        const variants = route!.variants.map((variant, i) => ({ ...variant, name: `${name}${i}` }));
        w.state.posted = { atMs, snapshot: { ...snapshot, routes: [{ ...route!, name: `${name}"\\\n`, variants }] } };
        const families = parseExposition((await metrics.expose(accept)).body, accept !== undefined);
        const family = accept === undefined ? "ebbgate_requests_total" : "ebbgate_requests";
        expect(sampleOf(families, family, { route: `${name}"\\\n`, variant: `${name}1` }, "ebbgate_requests_total")).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  it("answers before the first configuration", async () => {
    const w = world();
    Object.assign(w.state, { posted: null, threads: [], rollouts: [] });
    const families = parseExposition((await new Metrics(w.ports).expose(undefined)).body, false);
    expect(sampleOf(families, "ebbgate_config_revision", {})).toBe(0);
    expect(sampleOf(families, "ebbgate_refusals_total", { reason: "no_route" })).toBe(0);
  });
});

describe("the metric table", () => {
  it("names every metric once, with the prefix, in base units", () => {
    expect(new Set(metricTable.map((row) => row.name)).size).toBe(metricTable.length);
    for (const row of metricTable) {
      expect(row.name).toMatch(/^(?:ebbgate|process)_[a-z_]+$/);
      expect(row.name.endsWith("_total"), row.name).toBe(row.type === "counter");
      expect(row.name).not.toMatch(/milli|micro|percent|_ms\b|_kb\b/);
      expect(row.help.endsWith("."), row.help).toBe(true);
      for (const label of row.labels) expect(labelNames).toContain(label);
      if (row.type === "histogram") expect(row.name).toMatch(/_seconds$/);
    }
  });

  it("gives each sample a value for each of its labels", () => {
    const w = world();
    w.ports.decisions.record({ route: "shop", candidate: "v2", reason: "started" });
    const source = { ports: w.ports, series: [], threads: w.ports.slab.reader(0) };
    for (const row of metricTable) {
      if (row.type === "histogram") row.read(source, (_counts, _sum, ...labels) => expect(labels.length, row.name).toBe(row.labels.length));
      else row.read(source, (_value, ...labels) => expect(labels.length, row.name).toBe(row.labels.length));
    }
  });
});

describe("the latency ladder", () => {
  it("moves no edge by more than 1.6%", () => {
    ladderSeconds.forEach((edge, i) => expect(Math.abs(effectiveEdgesSeconds[i]! / edge - 1)).toBeLessThanOrEqual(1 / 63));
  });

  it("counts exactly what lies below the edge where it really is, and loses nothing", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 300_000_000 }), { maxLength: 200 }), (values) => {
        const counts = new Float64Array(768);
        for (const micros of values) counts[bucketOf(micros)]!++;
        const { cumulative, count } = onLadder(counts);
        expect(count).toBe(values.length);
        effectiveEdgesSeconds.forEach((edge, i) => expect(cumulative[i]).toBe(values.filter((micros) => micros < Math.round(edge * 1e6)).length));
      }),
    );
  });
});
