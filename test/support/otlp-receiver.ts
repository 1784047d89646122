/**
 * A collector for tests, built on OpenTelemetry's own protobuf definitions: it takes OTLP/HTTP with JSON, refuses what they do
 * not know, and reads each export back from its binary form.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import protobuf from "protobufjs";

const root = new protobuf.Root();
root.resolvePath = (_origin, target) => join(import.meta.dirname, "../trace/proto", target);
root.loadSync("opentelemetry/proto/collector/trace/v1/trace_service.proto");
const requestType = root.lookupType("opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest");
requestType.root.resolveAll();

/** What the specification of OTLP/JSON says otherwise than protobuf's JSON mapping: these are hex, not base64. */
const hexFields = new Set(["traceId", "spanId", "parentSpanId"]);

/** The message that this JSON stands for. @throws where the definitions do not know something of it */
function strict(type: protobuf.Type, json: unknown, path: string): Record<string, unknown> {
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw new Error(`${path} is no ${type.name}`);
  return Object.fromEntries(Object.entries(json).map(([key, value]: [string, unknown]) => {
    const field = type.fields[key];
    if (field === undefined) throw new Error(`${path}.${key} is unknown to ${type.fullName}`);
    if (!field.repeated) return [key, scalar(field, value, `${path}.${key}`)];
    if (!Array.isArray(value)) throw new Error(`${path}.${key} is no list`);
    return [key, value.map((one, i) => scalar(field, one, `${path}.${key}[${i}]`))];
  }));
}

function scalar(field: protobuf.Field, value: unknown, path: string): unknown {
  const { resolvedType, type, name } = field;
  const wrong = (): Error => new Error(`${path} is no ${type}: ${JSON.stringify(value)}`);
  if (resolvedType instanceof protobuf.Type) return strict(resolvedType, value, path);
  if (resolvedType instanceof protobuf.Enum) {
    // OTLP/JSON: "values of enum fields MUST be encoded as integer values".
    if (typeof value !== "number" || resolvedType.valuesById[value] === undefined) throw wrong();
    return value;
  }
  switch (type) {
    case "string":
      if (typeof value !== "string") throw wrong();
      return value;
    case "bool":
      if (typeof value !== "boolean") throw wrong();
      return value;
    case "bytes": {
      const encoding = hexFields.has(name) ? "hex" : "base64";
      const bytes = typeof value === "string" ? Buffer.from(value, encoding) : Buffer.alloc(0);
      if (bytes.toString(encoding) !== value) throw wrong();
      return bytes;
    }
    case "int64":
    case "fixed64":
    case "uint64":
      if (typeof value !== "string" || !/^-?\d{1,20}$/.test(value)) throw wrong();
      return value;
    case "double":
      if (typeof value !== "number") throw wrong();
      return value;
    default:
      if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > 0xffff_ffff) throw wrong();
      return value;
  }
}

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** "": none. */
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  readonly kind: string;
  readonly flags: number;
  /** Nanoseconds since 1970. */
  readonly startTimeUnixNano: bigint;
  readonly endTimeUnixNano: bigint;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly events: readonly string[];
  readonly status: { readonly code: string; readonly message: string };
  readonly resource: Readonly<Record<string, string | number | boolean>>;
}

interface KeyValue {
  readonly key: string;
  readonly value: Record<string, string | number | boolean>;
}

function valuesOf(list: readonly KeyValue[] = []): Record<string, string | number | boolean> {
  return Object.fromEntries(list.map(({ key, value }) => {
    const [kind, one] = Object.entries(value)[0]!;
    return [key, kind === "intValue" ? Number(one) : one];
  }));
}

/** @throws where it is no export request */
export function readExport(body: string): ReceivedSpan[] {
  const message = requestType.fromObject(strict(requestType, JSON.parse(body), "request"));
  // As a collector would have it on the wire, and back.
  const read = requestType.toObject(requestType.decode(requestType.encode(message).finish()), { longs: String, enums: String, bytes: String }) as {
    resourceSpans: readonly { resource: { attributes: readonly KeyValue[] }; scopeSpans: readonly { spans: readonly Record<string, unknown>[] }[] }[];
  };
  const hex = (base64: unknown): string => (typeof base64 === "string" ? Buffer.from(base64, "base64").toString("hex") : "");
  return read.resourceSpans.flatMap(({ resource, scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans.map((span): ReceivedSpan => ({
    traceId: hex(span["traceId"]), spanId: hex(span["spanId"]), parentSpanId: hex(span["parentSpanId"]), traceState: (span["traceState"] as string | undefined) ?? "",
    name: span["name"] as string, kind: span["kind"] as string, flags: (span["flags"] as number | undefined) ?? 0,
    startTimeUnixNano: BigInt(span["startTimeUnixNano"] as string), endTimeUnixNano: BigInt(span["endTimeUnixNano"] as string),
    attributes: valuesOf(span["attributes"] as readonly KeyValue[]), events: ((span["events"] ?? []) as readonly { name: string }[]).map(({ name }) => name),
    status: { code: "STATUS_CODE_UNSET", message: "", ...(span["status"] as object | undefined) }, resource: valuesOf(resource.attributes),
  }))));
}

export class OtlpReceiver {
  readonly url: string;
  readonly spans: ReceivedSpan[] = [];
  /** Of every export, as it came. */
  readonly bodies: string[] = [];
  readonly headers: IncomingMessage["headers"][] = [];
  /** Why exports were refused. */
  readonly complaints: string[] = [];
  private readonly server: Server;
  private wake: () => void = () => {};

  private constructor(server: Server, port: number) {
    this.server = server;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** @param answer instead of taking the export: returns true where it has answered, or never will */
  static async start(answer: (response: ServerResponse, nth: number) => boolean = () => false): Promise<OtlpReceiver> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const receiver = new OtlpReceiver(server, (server.address() as AddressInfo).port);
    server.on("request", (request, response) => void receiver.receive(request, response, answer));
    return receiver;
  }

  /** Resolves once this holds; it is asked again after each export. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => (this.wake = resolve));
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async receive(request: IncomingMessage, response: ServerResponse, answer: (response: ServerResponse, nth: number) => boolean): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts).toString("utf8");
    this.bodies.push(body);
    this.headers.push(request.headers);
    if (!answer(response, this.bodies.length)) {
      try {
        if (request.method !== "POST" || request.url !== "/v1/traces") throw new Error(`${request.method} ${request.url} is no export of traces`);
        if (request.headers["content-type"] !== "application/json") throw new Error(`the content type is ${request.headers["content-type"]}`);
        this.spans.push(...readExport(body));
        response.setHeader("content-type", "application/json").end("{}");
      } catch (error) {
        this.complaints.push(String(error));
        response.writeHead(400).end();
      }
    }
    this.wake();
  }
}
