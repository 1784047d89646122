/**
 * Spans as an OTLP export request (opentelemetry-proto 1.x, `ExportTraceServiceRequest` in its JSON mapping: ids in hex, 64-bit
 * integers as text), with attributes by OpenTelemetry's semantic conventions for HTTP servers. No header, no query and
 * no client address is in a span.
 */
import { bucketCount } from "../core/buckets.ts";
import { redactText } from "../core/redact.ts";
import type { SpanRecord } from "./span.ts";

interface KeyValue {
  readonly key: string;
  readonly value: { readonly stringValue: string } | { readonly intValue: string } | { readonly boolValue: boolean };
}

/** Who sends the spans: attributes of the resource. Empty ones are left out. */
export interface TraceResource {
  readonly serviceName: string;
  readonly version: string;
  readonly instance: string;
  readonly region: string | null;
  readonly zone: string | null;
}

/** `SPAN_KIND_SERVER` and `STATUS_CODE_ERROR` of opentelemetry/proto/trace/v1/trace.proto. */
const kindServer = 2;
const statusError = 2;

/** Semantic conventions, HTTP: any other method is `_OTHER`, so that names stay few. */
const knownMethods = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "QUERY"]);

/** A single bucket would be a user's mark; a hundredth of all is not. */
const bucketsTogether = bucketCount / 100;
const pathCharactersMax = 1_024;

export function exportRequest(spans: readonly SpanRecord[], resource: TraceResource): object {
  const { serviceName, version, instance, region, zone } = resource;
  const attributes = [text("service.name", serviceName), text("service.version", version), text("service.instance.id", instance)];
  if (region !== null) attributes.push(text("cloud.region", region));
  if (zone !== null) attributes.push(text("cloud.availability_zone", zone));
  return { resourceSpans: [{ resource: { attributes }, scopeSpans: [{ scope: { name: "ebbgate", version }, spans: spans.map(spanOf) }] }] };
}

function spanOf(span: SpanRecord): object {
  const { traceId, spanId, parentId, traceState, flags, method, route, error, status } = span;
  const events = span.firstByteMs > 0 ? [{ timeUnixNano: nanos(span.firstByteMs), name: "ebbgate.first_byte" }] : [];
  return {
    traceId, spanId, flags,
    ...(parentId === "" ? {} : { parentSpanId: parentId }),
    ...(traceState === "" ? {} : { traceState }),
    name: `${knownMethods.has(method) ? method : "HTTP"} ${route}`,
    kind: kindServer,
    startTimeUnixNano: nanos(span.startMs),
    endTimeUnixNano: nanos(Math.max(span.endMs, span.startMs)),
    attributes: attributesOf(span),
    events,
    // An answer of the 4xx class is no error of a server's span.
    ...(error === "" && status < 500 ? {} : { status: { code: statusError, message: error === "" ? "" : error } }),
  };
}

function attributesOf(span: SpanRecord): KeyValue[] {
  const { method, authority, status, error, bucket } = span;
  const known = knownMethods.has(method);
  const attributes = [
    text("http.request.method", known ? method : "_OTHER"),
    text("url.scheme", span.scheme),
    text("url.path", redactText(span.path).slice(0, pathCharactersMax)),
    text("network.protocol.version", span.protocolVersion),
    integer("http.request.body.size", span.requestBytes),
    integer("http.response.body.size", span.responseBytes),
    text("ebbgate.route", span.route),
    text("ebbgate.variant", span.variant),
    text("ebbgate.reason", span.reason),
    text("ebbgate.bucket_range", rangeOf(bucket)),
  ];
  if (!known) attributes.push(text("http.request.method_original", method));
  const [, host = authority, port] = /^(.*?)(?::(\d+))?$/.exec(authority) ?? [];
  attributes.push(text("server.address", host.replace(/^\[|\]$/g, "")));
  if (port !== undefined) attributes.push(integer("server.port", Number(port)));
  if (status > 0) attributes.push(integer("http.response.status_code", status));
  if (error !== "" || status >= 500) attributes.push(text("error.type", error === "" ? String(status) : error));
  if (span.servedBy !== span.variant) attributes.push(text("ebbgate.served_by", span.servedBy));
  if (span.retries > 0) attributes.push(integer("http.request.resend_count", span.retries));
  return attributes;
}

function rangeOf(bucket: number): string {
  const from = bucket - (bucket % bucketsTogether);
  return `${from}-${from + bucketsTogether - 1}`;
}

const text = (key: string, value: string): KeyValue => ({ key, value: { stringValue: value } });
const integer = (key: string, value: number): KeyValue => ({ key, value: { intValue: String(value) } });

/** Wall milliseconds as nanoseconds. A double holds them to the microsecond, which is what was measured. */
const nanos = (ms: number): string => `${Math.round(ms * 1_000)}000`;
