import { describe, expect, it } from "vitest";
import type { TracingSettings } from "../../src/config/settings.ts";
import type { Exchange } from "../../src/proxy/exchange.ts";
import { ExchangeTrace, Tracer } from "../../src/proxy/tracing.ts";
import type { SpanRecord } from "../../src/trace/span.ts";
import { ask } from "../support/raw-client.ts";
import { valuesOf, type RawMessage } from "../support/raw-messages.ts";
import { ok, type Answer } from "../support/raw-upstream.ts";
import { eventually, proxyFor, stage, upstreamFor, type Stage } from "../support/stage.ts";

const settings: TracingSettings = { sample: 0, sampleCandidates: 0, trustedOnly: false, exported: true };
const traceId = "0af7651916cd43dd8448eb211c80319c";
const parentId = "b7ad6b7169203331";
const context = (flags: string, lines = ""): string => `traceparent: 00-${traceId}-${parentId}-${flags}\r\n${lines}`;

interface Traced extends Stage {
  readonly spans: SpanRecord[];
}

async function traced(changes: Partial<TracingSettings> = {}, answer?: Answer, options: { trustedPeers?: string[] } = {}): Promise<Traced> {
  const spans: SpanRecord[] = [];
  return { ...(await stage(answer, {}, { tracing: { ...settings, ...changes }, onSpans: (some) => void spans.push(...some), ...options })), spans };
}

/** What the service gets. */
async function forwarded({ port, upstream }: Stage, lines = "", target = "/"): Promise<RawMessage> {
  await ask(port, `GET ${target} HTTP/1.1\r\nHost: shop.example:8080\r\n${lines}\r\n`);
  return upstream.requests.at(-1)!;
}
const parent = (request: RawMessage): string => {
  const values = valuesOf(request, "traceparent");
  expect(values).toHaveLength(1);
  return values[0]!;
};

describe("where tracing is not configured", () => {
  it("trace contexts pass byte for byte, and none is made", async () => {
    const plain = await stage();
    const lines = `TraceParent: nonsense\r\nTraceParent: 00-${traceId}-${parentId}-01\r\nTRACESTATE: a=1\r\n`;
    expect((await forwarded(plain, lines)).head).toContain(lines);
    expect(valuesOf(await forwarded(plain), "traceparent")).toEqual([]);
  });
});

describe("where it is", () => {
  it("every request has a context: its own where it came with none, each a new one", async () => {
    const to = await traced();
    const seen = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const value = parent(await forwarded(to));
      expect(value).toMatch(/^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-02$/);
      seen.add(value.slice(3, 35));
    }
    expect(seen.size).toBe(20);
  });

  it("a context goes on under its trace, with a span of ours as the parent and the caller's sampling", async () => {
    const to = await traced();
    for (const [flags, out] of [["01", "01"], ["00", "00"], ["03", "03"], ["ff", "03"], ["fc", "00"]]) {
      const value = parent(await forwarded(to, context(flags!)));
      expect(value).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-${out}$`));
      expect(value).not.toContain(parentId);
    }
    expect(parent(await forwarded(to, `traceparent: cc-${traceId}-${parentId}-01-more\r\n`))).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`));
  });

  it("one that is malformed, or twice there, is replaced by a new one, and its tracestate goes with it", async () => {
    const to = await traced();
    for (const lines of [`traceparent: 00-${traceId}-${parentId}-1\r\n`, context("01", context("01")), `traceparent: 00-${traceId.toUpperCase()}-${parentId}-01\r\n`, "traceparent:\r\n"]) {
      const request = await forwarded(to, `${lines}tracestate: a=1\r\n`);
      expect(parent(request)).not.toContain(traceId);
      expect(valuesOf(request, "tracestate")).toEqual([]);
    }
    expect(valuesOf(await forwarded(to, "tracestate: a=1\r\n"), "tracestate")).toEqual([]);
  });

  it("a tracestate passes untouched, over several fields too, unless it is malformed", async () => {
    const to = await traced();
    expect(valuesOf(await forwarded(to, context("01", "tracestate: a=1\r\ntracestate: b=2 , c=3\r\n")), "tracestate")).toEqual(["a=1", "b=2 , c=3"]);
    const request = await forwarded(to, context("01", "tracestate: a=1\r\ntracestate: a=2\r\n"));
    expect(valuesOf(request, "tracestate")).toEqual([]);
    expect(parent(request)).toContain(traceId);
  });

  it("contexts of peers that are not trusted are not continued where only trusted ones are to be", async () => {
    const strangers = await traced({ trustedOnly: true });
    expect(parent(await forwarded(strangers, context("01")))).not.toContain(traceId);
    const friends = await traced({ trustedOnly: true }, undefined, { trustedPeers: ["127.0.0.0/8"] });
    expect(parent(await forwarded(friends, context("01")))).toContain(traceId);
  });

  it("a sampled request is told of when it is over, without its query, with who served it and why", async () => {
    const to = await traced();
    const request = await forwarded(to, context("01", "tracestate: a=1\r\nAuthorization: Bearer abcdefgh\r\nx-user: ada\r\n"), "/cart?token=s3cret");
    await eventually(() => to.spans.length === 1, "a span");
    const [span] = to.spans;
    expect(span).toMatchObject({
      traceId, parentId, spanId: parent(request).slice(36, 52), flags: 1, traceState: "a=1", method: "GET", path: "/cart", scheme: "http", authority: "shop.example:8080", protocolVersion: "1.1",
      status: 200, error: "", route: "shop", variant: "stable", servedBy: "stable", reason: "weighted", retries: 0, responseBytes: 2,
    });
    expect(span!.firstByteMs).toBeGreaterThanOrEqual(span!.startMs);
    expect(span!.endMs).toBeGreaterThanOrEqual(span!.firstByteMs);
    expect(Math.abs(span!.startMs - Date.now())).toBeLessThan(60_000);
    expect(JSON.stringify(span)).not.toMatch(/s3cret|abcdefgh|ada/);
  });

  it("the caller's word on sampling counts, also for a failure; a failure of a trace that begins here is always told of", async () => {
    const to = await traced({ sample: 1 }, (request) => (request.target === "/bad" ? ok().replace("200 OK", "503 Sorry") : ok()));
    await forwarded(to, context("00"), "/unsampled");
    await forwarded(to, context("00"), "/bad");
    await forwarded(to, "", "/begins");
    const none = await traced({ sample: 0 }, (request) => (request.target === "/bad" ? ok().replace("200 OK", "503 Sorry") : ok()));
    await forwarded(none, "", "/good");
    await forwarded(none, "", "/bad");
    await eventually(() => to.spans.length === 1 && none.spans.length === 1, "two spans");
    expect(to.spans[0]).toMatchObject({ path: "/begins", flags: 3, parentId: "" });
    expect(none.spans[0]).toMatchObject({ path: "/bad", flags: 2, parentId: "", status: 503 });
  });

  it("candidates are sampled at a rate of their own, and the flag goes upstream", async () => {
    const upstream = await upstreamFor();
    const spans: SpanRecord[] = [];
    const proxy = await proxyFor([{ name: "shop", variants: { v1: { endpoints: [upstream.id] }, v2: { endpoints: [upstream.id], weight: 50 } } }], {
      tracing: { ...settings, sampleCandidates: 1 }, onSpans: (some) => void spans.push(...some),
    });
    for (let user = 0; user < 40; user++) await forwarded({ proxy, port: proxy.port, upstream }, `x-user: ${user}\r\n`);
    const sampled = upstream.requests.filter((request) => parent(request).endsWith("-03")).map((request) => valuesOf(request, "ebbgate-variant")[0]);
    const others = upstream.requests.filter((request) => parent(request).endsWith("-02")).map((request) => valuesOf(request, "ebbgate-variant")[0]);
    expect(new Set(sampled)).toEqual(new Set(["v2"]));
    expect(new Set(others)).toEqual(new Set(["v1"]));
    await eventually(() => spans.length === sampled.length, "a span for each");
  });

  it("a fallback is one span, with who failed and who answered", async () => {
    const good = await upstreamFor();
    const bad = await upstreamFor(() => ok().replace("200 OK", "503 Sorry"));
    const spans: SpanRecord[] = [];
    const proxy = await proxyFor([{ name: "shop", variants: { v1: { endpoints: [good.id] }, v2: { endpoints: [bad.id], weight: 100 } } }], { tracing: settings, onSpans: (some) => void spans.push(...some) });
    await forwarded({ proxy, port: proxy.port, upstream: good }, context("01"));
    await eventually(() => spans.length === 1, "a span");
    expect(spans[0]).toMatchObject({ variant: "v2", servedBy: "v1", status: 200 });
    expect(parent(good.requests[0]!)).toBe(parent(bad.requests[0]!));
  });
});

it("a control thread that is behind costs spans, which are counted; when it has caught up, they are told of again", () => {
  const sent: number[] = [];
  let dropped = 0;
  const tracer = new Tracer({ settings, random: Math.random, send: (spans) => void sent.push(spans.length), dropped: (spans) => (dropped += spans) });
  const exchange = {
    trace: new ExchangeTrace(traceId, parentId, "", 3, "", 0, "http", { authority: "a", minor: 1 }), context: { nowMs: 2 }, startMs: 1, firstByteMs: 0, target: "/", method: "GET", status: 200, error: "",
    route: { name: "shop" }, variant: { name: "v1" }, serving: { name: "v1" }, bucket: 0, reason: "weighted", retries: 0, requestBytes: 0, responseBytes: 0,
  } as unknown as Exchange;
  const end = (times: number): void => {
    for (let i = 0; i < times; i++) tracer.ended(exchange);
    tracer.flush();
  };
  end(1_500);
  expect(sent.reduce((sum, spans) => sum + spans, 0)).toBe(1_024);
  expect(Math.max(...sent)).toBe(128);
  expect(dropped).toBe(1_500 - 1_024);
  tracer.heard(128);
  end(200);
  expect(sent.at(-1)).toBe(128);
  expect(dropped).toBe(1_500 - 1_024 + 72);
});
