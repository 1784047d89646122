/**
 * The process's log: JSON lines through pino, on any thread. Each thread opens its own destination on the same file
 * descriptor; lines of several threads do not mix, because no write is longer than what a pipe takes whole.
 */
import { pino, stdTimeFunctions, type Logger } from "pino";
import { openWriter, type LogWriter } from "./log-writer.ts";
import { describeError, redact, redactText } from "./redact.ts";

export type Log = Logger;

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

const defaultBufferBytesMax = 4 * 1024 * 1024;
const defaultFlushTimeoutMs = 2_000;

export interface LogDestinationOptions {
  /** A file descriptor (1 is stdout, the default; 2 is stderr) or a file's path, which is appended to. */
  readonly to?: number | string;
  /** Lines that wait for a slow reader; over it, lines are dropped and counted. Default 4 MiB. */
  readonly bufferBytesMax?: number;
}

/** Never blocks, never grows without bound; what is not written at exit is written then. */
export class LogDestination {
  private readonly writer: LogWriter;
  private readonly bufferBytesMax: number;
  private droppedCount = 0;
  private readonly batches = new Set<() => void>();
  private readonly onExit = (): void => {
    for (const hand of this.batches) hand();
    this.writer.finish();
  };

  /** @throws the system's error where a path cannot be opened */
  constructor(options: LogDestinationOptions = {}) {
    this.bufferBytesMax = options.bufferBytesMax ?? defaultBufferBytesMax;
    this.writer = openWriter(options.to ?? 1);
    process.once("exit", this.onExit);
  }

  /** Bytes handed over and not yet taken by the descriptor. */
  get pendingBytes(): number {
    return this.writer.pendingBytes;
  }

  /** Writes that were dropped because the reader is too slow, or gone. */
  get dropped(): number {
    return this.droppedCount;
  }

  /** One or more whole lines. @returns false where they were dropped */
  write(lines: string, bufferBytesMax = this.bufferBytesMax): boolean {
    if (this.writer.broken || this.writer.pendingBytes + lines.length > bufferBytesMax) {
      this.droppedCount++;
      return false;
    }
    this.writer.write(lines);
    return true;
  }

  /** A writer that gathers lines gives what it has when the destination flushes, at exit as well. */
  addBatch(hand: () => void): void {
    this.batches.add(hand);
  }

  /** Resolves when all that was handed over is written, or after the timeout: a stuck reader must not hold a shutdown. */
  flush(timeoutMs = defaultFlushTimeoutMs): Promise<void> {
    for (const hand of this.batches) hand();
    if (this.writer.pendingBytes === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.writer.onDrained(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Flushes, and takes nothing more. */
  async close(): Promise<void> {
    await this.flush();
    process.removeListener("exit", this.onExit);
    this.writer.close();
  }
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly destination: LogDestination;
  /** Fields on every line: `{ thread: 0 }`. */
  readonly fields?: Readonly<Record<string, string | number>>;
}

/**
 * The log of one thread. Secrets are taken out by key and by shape (redact.ts); an error is described by its type,
 * code, message, stack and causes, never by its other properties.
 */
export function createLog(options: LogOptions): Log {
  const { destination } = options;
  return pino(
    {
      level: options.level,
      base: { ...options.fields },
      timestamp: stdTimeFunctions.isoTime,
      serializers: { err: (error: unknown) => (error instanceof Error ? describeError(error) : error) },
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => redact(fields) as Record<string, unknown>,
      },
      hooks: { streamWrite: redactText },
    },
    { write: (line: string) => void destination.write(line) },
  );
}
