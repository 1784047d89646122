/**
 * Sends spans to a collector by OTLP/HTTP with JSON (https://opentelemetry.io/docs/specs/otlp/#otlphttp). One export is under
 * way at a time; what comes meanwhile waits in a bounded queue, and is dropped and counted beyond it.
 */
import { Client } from "undici";
import type { Random } from "../core/random.ts";
import { exportRequest, type TraceResource } from "./otlp.ts";
import type { SpanRecord } from "./span.ts";

const batchMax = 512;
const queueMax = 8_192;
const everyMs = 1_000;
const attemptsMax = 5;
const backoffFirstMs = 500;
const backoffMaxMs = 10_000;
/** At the end: a collector that hangs must not keep the process. */
const closeTimeoutMs = 2_000;
const answerBytesMax = 65_536;
/** The specification's: everything else is not tried again. */
const retryable = new Set([429, 502, 503, 504]);

export const spanDropReasons = ["thread", "queue", "rejected", "failed"] as const;
export type SpanDropReason = (typeof spanDropReasons)[number];

export interface SpanCounts {
  readonly exported: number;
  /** By reason, less `thread`: those never came here. */
  readonly dropped: Readonly<Record<Exclude<SpanDropReason, "thread">, number>>;
}

export interface SpanExporterOptions {
  readonly target: { readonly url: string; readonly headers: readonly (readonly [name: string, value: string])[]; readonly timeoutMs: number };
  readonly resource: TraceResource;
  readonly random: Random;
  /** Told when exports begin to fail, or to lose spans, and when they go well again: never for each of them. */
  readonly onChange: (well: boolean, why: string) => void;
}

/** Why an export did not go well. */
interface Failure {
  readonly why: string;
  readonly again: boolean;
  /** Asked for by the collector. */
  readonly afterMs: number | null;
}

export class SpanExporter {
  private readonly options: SpanExporterOptions;
  private readonly client: Client;
  private readonly path: string;
  private readonly headers: Record<string, string>;
  private readonly queue: SpanRecord[] = [];
  private readonly dropped = { queue: 0, rejected: 0, failed: 0 };
  private exported = 0;
  private exporting: Promise<void> | null = null;
  private timer: NodeJS.Timeout | undefined;
  private readonly closing = new AbortController();
  private well = true;

  constructor(options: SpanExporterOptions) {
    this.options = options;
    const { url, headers, timeoutMs } = options.target;
    const { origin, pathname } = new URL(url);
    this.path = pathname;
    this.headers = { ...Object.fromEntries(headers), "content-type": "application/json", "user-agent": `ebbgate/${options.resource.version}` };
    this.client = new Client(origin, { connect: { timeout: timeoutMs }, headersTimeout: timeoutMs, bodyTimeout: timeoutMs });
  }

  get counts(): SpanCounts {
    return { exported: this.exported, dropped: { ...this.dropped } };
  }

  offer(spans: readonly SpanRecord[]): void {
    const room = Math.max(0, queueMax - this.queue.length);
    this.queue.push(...spans.slice(0, room));
    this.dropped.queue += Math.max(0, spans.length - room);
    if (this.queue.length >= batchMax) this.export();
    else this.timer ??= setTimeout(() => this.export(), everyMs).unref();
  }

  /** Sends what waits, for as long as a process that ends may wait for it; the rest is given up. */
  async close(): Promise<void> {
    clearTimeout(this.timer);
    const deadline = setTimeout(() => this.closing.abort(), closeTimeoutMs);
    this.export();
    while (this.exporting !== null && !this.closing.signal.aborted) await this.exporting;
    clearTimeout(deadline);
    this.dropped.failed += this.queue.splice(0).length;
    await this.client.destroy();
  }

  private export(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.exporting !== null || this.queue.length === 0) return;
    this.exporting = this.exportOne(this.queue.splice(0, batchMax)).then(() => {
      this.exporting = null;
      if (!this.closing.signal.aborted) this.export();
    });
  }

  private async exportOne(spans: readonly SpanRecord[]): Promise<void> {
    const body = JSON.stringify(exportRequest(spans, this.options.resource));
    for (let attempt = 1; ; attempt++) {
      const failure = await this.send(body, spans.length);
      if (failure === null) return;
      if (!failure.again || attempt === attemptsMax || this.closing.signal.aborted) {
        this.dropped.failed += spans.length;
        return this.became(false, failure.why);
      }
      await this.pause(failure.afterMs ?? Math.min(backoffFirstMs * 2 ** (attempt - 1), backoffMaxMs) * (0.5 + this.options.random() / 2));
    }
  }

  /** @returns null where the collector has them */
  private async send(body: string, spans: number): Promise<Failure | null> {
    const { timeoutMs } = this.options.target;
    try {
      const signal = AbortSignal.any([this.closing.signal, AbortSignal.timeout(timeoutMs)]);
      const answer = await this.client.request({ method: "POST", path: this.path, headers: this.headers, body, signal });
      const text = await readBounded(answer.body);
      if (answer.statusCode >= 200 && answer.statusCode < 300) {
        this.accepted(spans, text);
        return null;
      }
      return { why: `status ${answer.statusCode}`, again: retryable.has(answer.statusCode), afterMs: retryAfterMs(answer.headers["retry-after"]) };
    } catch (error) {
      return { why: error instanceof Error ? error.message : String(error), again: true, afterMs: null };
    }
  }

  private accepted(spans: number, answer: string): void {
    const { rejected, why } = partialSuccess(answer, spans);
    this.exported += spans - rejected;
    this.dropped.rejected += rejected;
    this.became(rejected === 0, why);
  }

  private became(well: boolean, why: string): void {
    if (well !== this.well) this.options.onChange(well, why);
    this.well = well;
  }

  /** Ends early where the process ends. */
  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = this.closing;
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener("abort", done);
    });
  }
}

async function readBounded(body: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of body) {
    bytes += part.length;
    if (bytes <= answerBytesMax) parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

/** Seconds, as collectors send it; bounded, since spans wait in memory meanwhile. */
function retryAfterMs(value: string | string[] | undefined): number | null {
  if (typeof value !== "string" || !/^\d{1,6}$/.test(value)) return null;
  return Math.min(Number(value) * 1_000, backoffMaxMs);
}

/** `ExportTraceServiceResponse.partial_success`: what the collector took in part. */
function partialSuccess(answer: string, spans: number): { readonly rejected: number; readonly why: string } {
  try {
    const { partialSuccess: partial } = JSON.parse(answer) as { partialSuccess?: { rejectedSpans?: string | number; errorMessage?: string } };
    const rejected = Math.min(Math.max(Number(partial?.rejectedSpans ?? 0) || 0, 0), spans);
    return { rejected, why: (partial?.errorMessage ?? "").slice(0, 200) };
  } catch {
    // An answer without a body, or in another encoding, is a success all the same.
    return { rejected: 0, why: "" };
  }
}
