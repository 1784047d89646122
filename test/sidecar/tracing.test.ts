/** Traces through real processes: two sidecars in a row, and a collector that reads OpenTelemetry's own definitions. */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { parseTraceparent } from "../../src/trace/context.ts";
import { Collector, hasCollector } from "../support/collector.ts";
import { OtlpReceiver, readExport, type ReceivedSpan } from "../support/otlp-receiver.ts";
import { hasPrometheus, Prometheus } from "../support/prometheus.ts";
import { until } from "../support/redis.ts";
import { Workplace, type SidecarProcess } from "../support/sidecar.ts";

/** Real processes start and stop, on a machine that others use as well. */
vi.setConfig({ testTimeout: 120_000 });

const places: Workplace[] = [];
const stopped: { stop(): void }[] = [];
afterEach(() => {
  for (const place of places.splice(0)) place.clear();
  for (const one of stopped.splice(0)) one.stop();
});

let receiver: OtlpReceiver;
beforeEach(async () => {
  receiver = await OtlpReceiver.start();
  stopped.push(receiver);
});

/** A service that keeps the headers it gets. */
async function service(): Promise<{ readonly url: string; readonly seen: IncomingHttpHeaders[] }> {
  const seen: IncomingHttpHeaders[] = [];
  const server: Server = createServer((request, response) => {
    seen.push(request.headers);
    response.end("ok");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stopped.push({
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

/** A sidecar before one address, tracing to the receiver. */
function sidecar(upstream: string, instance: string, tracing: object = {}, log: object = { access: { enabled: true } }): Promise<SidecarProcess> {
  const place = new Workplace();
  places.push(place);
  place.write([{ name: instance, variants: [{ name: "v1", endpoints: [upstream] }] }], { identity: { instance }, log, tracing: { sample: "100%", export: { url: receiver.url }, ...tracing } });
  return place.start();
}

it("parent and child line up through two sidecars, up to the service and in the log", async () => {
  const { url, seen } = await service();
  const inner = await sidecar(url, "inner");
  const outer = await sidecar(inner.proxy, "outer");
  await (await fetch(`${outer.proxy}/cart`)).text();
  await receiver.until(() => receiver.spans.length === 2);
  const [parent, child] = ["outer", "inner"].map((instance) => receiver.spans.find(({ resource }) => resource["service.instance.id"] === instance)!);
  expect(parent!.parentSpanId).toBe("");
  expect(child).toMatchObject({ traceId: parent!.traceId, parentSpanId: parent!.spanId });
  expect(parseTraceparent(seen[0]!["traceparent"] as string)).toMatchObject({ traceId: parent!.traceId, spanId: child!.spanId, sampled: true });
  expect(child!.startTimeUnixNano).toBeGreaterThanOrEqual(parent!.startTimeUnixNano - 5_000_000n);
  const line = await outer.line(({ msg }) => msg === "request");
  expect(line).toMatchObject({ traceId: parent!.traceId, spanId: parent!.spanId });
  expect(await inner.line(({ msg }) => msg === "request")).toMatchObject({ traceId: parent!.traceId, spanId: child!.spanId });
  expect(receiver.complaints).toEqual([]);
});

it("tells of what is under way when it is stopped", async () => {
  const { url } = await service();
  const one = await sidecar(url, "one");
  await (await fetch(one.proxy)).text();
  expect(await one.stop()).toBe(0);
  expect(receiver.spans).toHaveLength(1);
});

it("without an export contexts are made all the same", async () => {
  const { url, seen } = await service();
  const place = new Workplace();
  places.push(place);
  place.write([{ name: "shop", variants: [{ name: "v1", endpoints: [url] }] }], { tracing: {} });
  const one = await place.start();
  await (await fetch(one.proxy)).text();
  expect(parseTraceparent(seen[0]!["traceparent"] as string)).not.toBeNull();
  expect(await (await fetch(`${one.admin}/metrics`)).text()).not.toMatch(/^ebbgate_spans_/m);
});

it("PITFALLS 29: no credential is in spans, logs or answers: none of headers, cookies, queries and paths, and none of the configuration", async () => {
  const { url } = await service();
  const token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl";
  const key = "collector-k3y-0123456789";
  const one = await sidecar(url, "one", { export: { url: receiver.url, headers: [{ name: "x-api-key", value: key }] } }, { level: "debug", access: { enabled: true } });
  const secrets = { authorization: `Bearer ${token}`, "proxy-authorization": "Basic cHJveHk6czNjcmV0", cookie: "sid=c00kie-value; theme=dark", "x-api-key": "caller-k3y", "x-user": "ada@example.com" };
  const answers: string[] = [];
  for (const path of ["/cart?token=query-s3cret&x=1", `/reset/${token}`, "/%2e%2e?token=query-s3cret"]) {
    answers.push(await (await fetch(`${one.proxy}${path}`, { headers: secrets })).text());
  }
  // Refused, with secrets in the head.
  answers.push(await (await fetch(`${one.proxy}/?token=query-s3cret`, { method: "PURGE", headers: { ...secrets, host: "x" } })).text());
  await receiver.until(() => receiver.spans.length === 4);
  answers.push(await (await fetch(`${one.admin}/metrics`, { headers: { accept: "application/openmetrics-text" } })).text(), await (await fetch(`${one.admin}/api/v1/status`)).text());
  expect(await one.stop()).toBe(0);
  const written = { spans: receiver.bodies.join("\n"), log: JSON.stringify(one.lines), answers: answers.join("\n") };
  expect(receiver.headers[0]!["x-api-key"]).toBe(key);
  expect(written.log).toContain("/reset/[redacted]");
  for (const [where, text] of Object.entries(written)) {
    expect(text.length, where).toBeGreaterThan(100);
    for (const secret of [token, "cHJveHk6czNjcmV0", "c00kie-value", "caller-k3y", "ada@example.com", "query-s3cret", key]) expect(text.includes(secret), `${secret} in ${where}`).toBe(false);
  }
});

it.skipIf(!hasCollector)("a real OpenTelemetry Collector takes the spans, and has them as they were", async () => {
  const { url } = await service();
  const collector = await Collector.start();
  stopped.push(collector);
  const one = await sidecar(url, "one", { export: { url: collector.url } });
  for (let i = 0; i < 30; i++) await (await fetch(`${one.proxy}/cart`)).text();
  const spans = (): ReceivedSpan[] => collector.written().split("\n").filter((line) => line !== "").flatMap(readExport);
  await until(() => spans().length === 30);
  expect(new Set(spans().map(({ name, kind, resource, attributes }) => [name, kind, resource["service.name"], attributes["ebbgate.variant"]].join()))).toEqual(new Set(["GET one,SPAN_KIND_SERVER,ebbgate,v1"]));
  expect(await (await fetch(`${one.admin}/metrics`)).text()).toMatch(/^ebbgate_spans_exported_total 30$/m);
});

describe.skipIf(!hasPrometheus)("with a real Prometheus", () => {
  it("exemplars of the latency histograms lead to exported traces", async () => {
    const { url } = await service();
    const one = await sidecar(url, "one");
    const prometheus = await Prometheus.start({ global: { scrape_interval: "1s" }, scrape_configs: [{ job_name: "ebbgate", static_configs: [{ targets: [new URL(one.admin).host] }] }] });
    try {
      for (let i = 0; i < 20; i++) await (await fetch(one.proxy)).text();
      await receiver.until(() => receiver.spans.length === 20);
      const exemplarsOf = async (name: string): Promise<readonly { readonly labels: Record<string, string>; readonly value: string }[]> =>
        (await prometheus.exemplars(name)).flatMap(({ exemplars }) => exemplars);
      for (const name of ["ebbgate_first_byte_seconds_bucket", "ebbgate_duration_seconds_bucket"]) {
        await until(async () => (await exemplarsOf(name)).length > 0, 30_000);
        for (const { labels, value } of await exemplarsOf(name)) {
          expect(receiver.spans.some(({ traceId, spanId }) => traceId === labels["trace_id"] && spanId === labels["span_id"])).toBe(true);
          expect(Number(value)).toBeGreaterThan(0);
        }
      }
      expect(await prometheus.scrapeErrors()).toEqual([]);
      expect((await prometheus.query("ebbgate_spans_exported_total"))[0]!.value[1]).toBe("20");
    } finally {
      await prometheus.stop();
    }
  }, 90_000);
});
