import type { ServerResponse } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { SpanExporter, type SpanExporterOptions } from "../../src/trace/exporter.ts";
import type { SpanRecord } from "../../src/trace/span.ts";
import { OtlpReceiver, readExport } from "../support/otlp-receiver.ts";
import { until } from "../support/redis.ts";

const started: { stop(): void }[] = [];
afterEach(() => {
  for (const one of started.splice(0)) one.stop();
});

async function receiver(answer?: (response: ServerResponse, nth: number) => boolean): Promise<OtlpReceiver> {
  const one = await OtlpReceiver.start(answer);
  started.push(one);
  return one;
}

const told: [boolean, string][] = [];
function exporter(url: string, changes: Partial<SpanExporterOptions["target"]> = {}): SpanExporter {
  told.length = 0;
  return new SpanExporter({
    target: { url: `${url}/v1/traces`, headers: [["x-api-key", "k3y"]], timeoutMs: 5_000, ...changes },
    resource: { serviceName: "gate", version: "1.2.3", instance: "pod-7", region: "eu", zone: null },
    // No jitter upwards: half of each pause.
    random: () => 0,
    onChange: (well, why) => void told.push([well, why]),
  });
}

const hex = (n: number, length: number): string => n.toString(16).padStart(length, "0");
const span = (n: number, changes: Partial<SpanRecord> = {}): SpanRecord => ({
  traceId: hex(n + 1, 32), spanId: hex(n + 1, 16), parentId: "", flags: 3, traceState: "", startMs: 1_790_000_000_000.25, endMs: 1_790_000_000_012.5, firstByteMs: 1_790_000_000_010,
  method: "GET", path: "/cart", scheme: "http", authority: "shop.example:8080", protocolVersion: "1.1", status: 200, error: "", route: "shop", variant: "v2", servedBy: "v2", bucket: 12_345, reason: "weighted",
  retries: 0, requestBytes: 0, responseBytes: 42, ...changes,
});
const spans = (count: number): SpanRecord[] => Array.from({ length: count }, (_, n) => span(n));

describe("a span, as OpenTelemetry's own definitions read it", () => {
  const exported = async (changes: Partial<SpanRecord>) => {
    const to = await receiver();
    const from = exporter(to.url);
    from.offer([span(0, changes)]);
    await from.close();
    expect(to.complaints).toEqual([]);
    return to.spans[0]!;
  };

  it("has what the semantic conventions ask for, and who served it and why", async () => {
    const read = await exported({ parentId: hex(7, 16), traceState: "a=1" });
    expect(read).toMatchObject({
      traceId: hex(1, 32), spanId: hex(1, 16), parentSpanId: hex(7, 16), traceState: "a=1", flags: 3, name: "GET shop", kind: "SPAN_KIND_SERVER",
      startTimeUnixNano: 1_790_000_000_000_250_000n, endTimeUnixNano: 1_790_000_000_012_500_000n, events: ["ebbgate.first_byte"], status: { code: "STATUS_CODE_UNSET" },
      resource: { "service.name": "gate", "service.version": "1.2.3", "service.instance.id": "pod-7", "cloud.region": "eu" },
    });
    expect(read.attributes).toEqual({
      "http.request.method": "GET", "url.scheme": "http", "url.path": "/cart", "network.protocol.version": "1.1", "http.request.body.size": 0, "http.response.body.size": 42,
      "server.address": "shop.example", "server.port": 8080, "http.response.status_code": 200,
      "ebbgate.route": "shop", "ebbgate.variant": "v2", "ebbgate.reason": "weighted", "ebbgate.bucket_range": "12000-12999",
    });
  });

  it("says what failed, and who answered instead", async () => {
    expect(await exported({ status: 0, error: "reset", firstByteMs: 0, retries: 1 })).toMatchObject({
      status: { code: "STATUS_CODE_ERROR", message: "reset" }, events: [], attributes: { "error.type": "reset", "http.request.resend_count": 1 },
    });
    expect(await exported({ status: 503 })).toMatchObject({ status: { code: "STATUS_CODE_ERROR" }, attributes: { "error.type": "503" } });
    expect(await exported({ status: 404 })).toMatchObject({ status: { code: "STATUS_CODE_UNSET" } });
    expect(await exported({ servedBy: "v1" })).toMatchObject({ attributes: { "ebbgate.variant": "v2", "ebbgate.served_by": "v1" } });
  });

  it("keeps names few and secrets out", async () => {
    expect(await exported({ method: "BREW", authority: "[::1]:8443" })).toMatchObject({ name: "HTTP shop", attributes: { "http.request.method": "_OTHER", "http.request.method_original": "BREW", "server.address": "::1", "server.port": 8443 } });
    const token = `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl`;
    expect((await exported({ path: `/reset/${token}` })).attributes["url.path"]).toBe("/reset/[redacted]");
  });
});

it("the receiver refuses what the definitions do not know", () => {
  const body = (one: object): string => JSON.stringify({ resourceSpans: [{ resource: { attributes: [] }, scopeSpans: [{ spans: [one] }] }] });
  const good = { traceId: hex(1, 32), spanId: hex(1, 16), name: "a", kind: 2, startTimeUnixNano: "1", endTimeUnixNano: "2" };
  expect(readExport(body(good))).toHaveLength(1);
  for (const wrong of [{ kind: "SPAN_KIND_SERVER" }, { kind: 99 }, { traceID: "00" }, { traceId: "xyz" }, { startTimeUnixNano: 1 }, { attributes: {} }, { attributes: [{ key: "a", value: { intValue: 1 } }] }]) {
    expect(() => readExport(body({ ...good, ...wrong })), JSON.stringify(wrong)).toThrow("request.resourceSpans");
  }
});

describe("the exporter", () => {
  it("sends what has gathered in few requests, with its headers, and counts it", async () => {
    const to = await receiver();
    const from = exporter(to.url);
    for (let i = 0; i < 10; i++) from.offer(spans(120));
    await from.close();
    expect(to.spans).toHaveLength(1_200);
    expect(to.bodies.length).toBeLessThanOrEqual(4);
    expect(to.headers[0]).toMatchObject({ "x-api-key": "k3y", "user-agent": "ebbgate/1.2.3" });
    expect(from.counts).toEqual({ exported: 1_200, dropped: { queue: 0, rejected: 0, failed: 0 } });
    expect(told).toEqual([]);
  });

  it("tries again where the collector asks for it, and loses nothing", async () => {
    const to = await receiver((response, nth) => {
      if (nth > 2) return false;
      response.writeHead(nth === 1 ? 503 : 429, nth === 1 ? {} : { "retry-after": "0" }).end();
      return true;
    });
    const from = exporter(to.url);
    from.offer(spans(512));
    await to.until(() => to.spans.length === 512);
    await until(() => from.counts.exported === 512);
    await from.close();
    expect(to.bodies).toHaveLength(3);
    expect(told).toEqual([]);
  });

  it("does not try again what was refused, says so once, and once more when all is well", async () => {
    const to = await receiver((response, nth) => {
      if (nth > 2) return false;
      response.writeHead(400).end("no");
      return true;
    });
    const from = exporter(to.url);
    for (let i = 0; i < 3; i++) {
      from.offer(spans(512));
      await until(() => from.counts.exported + from.counts.dropped.failed === (i + 1) * 512);
    }
    await from.close();
    expect(from.counts).toEqual({ exported: 512, dropped: { queue: 0, rejected: 0, failed: 1_024 } });
    expect(told).toEqual([[false, "status 400"], [true, ""]]);
  });

  it("counts what was taken in part", async () => {
    const to = await receiver((response) => {
      response.end(JSON.stringify({ partialSuccess: { rejectedSpans: "12", errorMessage: "too old" } }));
      return true;
    });
    const from = exporter(to.url);
    from.offer(spans(512));
    await until(() => from.counts.exported > 0);
    await from.close();
    expect(from.counts).toEqual({ exported: 500, dropped: { queue: 0, rejected: 12, failed: 0 } });
    expect(told).toEqual([[false, "too old"]]);
  });

  it("holds no more than its queue while the collector hangs, and ends all the same", async () => {
    const to = await receiver(() => true);
    const from = exporter(to.url, { timeoutMs: 60_000 });
    for (let i = 0; i < 20; i++) from.offer(spans(1_000));
    expect(from.counts.dropped.queue).toBe(20_000 - 512 - 8_192);
    await to.until(() => to.bodies.length === 1);
    await from.close();
    expect(from.counts).toEqual({ exported: 0, dropped: { queue: 20_000 - 512 - 8_192, rejected: 0, failed: 512 + 8_192 } });
  });

  it("ends where nobody listens", async () => {
    const from = exporter("http://127.0.0.1:1");
    from.offer(spans(3));
    await from.close();
    expect(from.counts).toEqual({ exported: 0, dropped: { queue: 0, rejected: 0, failed: 3 } });
  });
});
