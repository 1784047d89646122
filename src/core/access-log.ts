/**
 * The access log: one JSON line per request, formatted here because a general logger costs several times as much. Lines
 * gather into one write of what a pipe takes whole. A reader that falls behind costs lines, which are counted, never
 * memory or a request's time.
 */
import { systemRandom, type Random } from "./random.ts";
import type { LogDestination } from "./log.ts";
import { pipeAtomicBytes } from "./log-writer.ts";
import { redactText } from "./redact.ts";

const batchCharsMax = pipeAtomicBytes - 512;
const flushEveryMs = 200;
const pathCharsMax = 1024;
const defaultBufferBytesMax = 1024 * 1024;

/** What is known at a request's end. The caller may reuse one object for all requests. */
export interface AccessEntry {
  /** Wall time of the request's first byte. */
  wallMs: number;
  /** Of the request's W3C trace context, or empty. */
  traceId: string;
  /** Of the span that stands for the request here, or empty. */
  spanId: string;
  /** Empty where no route matched. */
  route: string;
  variant: string;
  /** Why the request got its variant: one of `routingReasons`, or empty. */
  reason: string;
  method: string;
  /** The request target; its query is cut off unless the log is made to keep it. */
  target: string;
  /** 0 where the client got no status. */
  status: number;
  /** From the forwarded head to the response head; negative where none came. */
  firstByteMs: number;
  totalMs: number;
  requestBytes: number;
  responseBytes: number;
  /** A code of `errorTable`, or empty. */
  error: string;
  retries: number;
  /** The baseline answered in the variant's place. */
  fallback: boolean;
}

export interface AccessLogOptions {
  readonly destination: LogDestination;
  /** Share of the requests that are logged, 0 ... 1; failed ones always are. */
  readonly sample: number;
  readonly thread: number;
  /** Keep the query in `path`; it may hold personal data or tokens, so the default is false. */
  readonly query?: boolean;
  /** Bytes that may wait in the destination before lines are dropped; less than the log's own, so that warnings get through. */
  readonly bufferBytesMax?: number;
  /** Told how many lines were dropped, for the thread's counter. */
  readonly onDropped?: (lines: number) => void;
  readonly random?: Random;
}

export class AccessLog {
  private readonly destination: LogDestination;
  private readonly sample: number;
  private readonly query: boolean;
  private readonly bufferBytesMax: number;
  private readonly onDropped: ((lines: number) => void) | undefined;
  private readonly random: Random;
  private readonly tail: string;
  private batch = "";
  private batchLines = 0;
  private timer: NodeJS.Timeout | undefined;
  /** The formatted second of the last line: making a date is the dearest part of one. */
  private second = -1;
  private secondText = "";

  private readonly hand = (): void => {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.batchLines === 0) return;
    const lines = this.batchLines;
    const accepted = this.destination.write(this.batch, this.bufferBytesMax);
    this.batch = "";
    this.batchLines = 0;
    if (!accepted) this.onDropped?.(lines);
  };

  constructor(options: AccessLogOptions) {
    this.destination = options.destination;
    this.sample = options.sample;
    this.query = options.query ?? false;
    this.bufferBytesMax = options.bufferBytesMax ?? defaultBufferBytesMax;
    this.onDropped = options.onDropped;
    this.random = options.random ?? systemRandom;
    this.tail = `,"thread":${options.thread}}\n`;
    this.destination.addBatch(this.hand);
  }

  /** Whether this request is to be logged: ask before an entry is filled. */
  wants(failed: boolean): boolean {
    return failed || this.sample >= 1 || (this.sample > 0 && this.random() < this.sample);
  }

  write(entry: AccessEntry): void {
    this.batch += this.format(entry);
    this.batchLines++;
    if (this.batch.length >= batchCharsMax) this.hand();
    else this.timer ??= setTimeout(this.hand, flushEveryMs).unref();
  }

  /** Resolves when all lines are written, or the destination's timeout has passed. */
  flush(): Promise<void> {
    return this.destination.flush();
  }

  private format(entry: AccessEntry): string {
    let line = `{"level":"info","time":"${this.time(entry.wallMs)}","msg":"request"`;
    if (entry.traceId !== "") line += `,"traceId":"${entry.traceId}"`;
    if (entry.spanId !== "") line += `,"spanId":"${entry.spanId}"`;
    if (entry.route !== "") line += `,"route":${quote(entry.route)}`;
    if (entry.variant !== "") line += `,"variant":${quote(entry.variant)}`;
    if (entry.reason !== "") line += `,"reason":${quote(entry.reason)}`;
    line += `,"method":${quote(entry.method)},"path":${quote(this.pathOf(entry.target))},"status":${entry.status}`;
    if (entry.firstByteMs >= 0) line += `,"firstByteMs":${millis(entry.firstByteMs)}`;
    line += `,"totalMs":${millis(entry.totalMs)},"requestBytes":${entry.requestBytes},"responseBytes":${entry.responseBytes}`;
    if (entry.error !== "") line += `,"error":${quote(entry.error)}`;
    if (entry.retries > 0) line += `,"retries":${entry.retries}`;
    if (entry.fallback) line += `,"fallback":true`;
    return line + this.tail;
  }

  private time(wallMs: number): string {
    const second = Math.floor(wallMs / 1000);
    if (second !== this.second) {
      this.second = second;
      this.secondText = new Date(second * 1000).toISOString().slice(0, 20);
    }
    return `${this.secondText}${String(Math.floor(wallMs - second * 1000)).padStart(3, "0")}Z`;
  }

  private pathOf(target: string): string {
    const end = this.query ? -1 : target.indexOf("?");
    let path = end >= 0 ? target.slice(0, end) : target;
    // A JSON Web Token in a path is a credential all the same.
    if (path.includes("eyJ")) path = redactText(path);
    return path.length > pathCharsMax ? `${path.slice(0, pathCharsMax)}...` : path;
  }
}

/** Microsecond grain; JSON has no NaN. */
const millis = (ms: number): number => (ms >= 0 ? Math.round(ms * 1000) / 1000 : 0);

/** Printable ASCII without quote and backslash needs no escaping, and is nearly all there is. */
const plain = /^[ !#-[\]-~]*$/;
const quote = (text: string): string => (plain.test(text) ? `"${text}"` : JSON.stringify(text));
