/**
 * The process's log: JSON lines through pino, on any thread. Each thread opens its own destination on the same file
 * descriptor; lines of several threads do not mix, because no write is longer than what a pipe takes whole.
 */
import { destination as openSonic, pino, stdTimeFunctions, type Logger } from "pino";
import { describeError, redact, redactText } from "./redact.ts";

export type Log = Logger;

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** PIPE_BUF of Linux: a write up to this length is not interleaved with another thread's (POSIX write(2)). */
export const pipeAtomicBytes = 4096;
const defaultBufferBytesMax = 4 * 1024 * 1024;
const defaultFlushTimeoutMs = 2_000;

export interface LogDestinationOptions {
  /** A file descriptor (1 is stdout, the default; 2 is stderr) or a file's path, which is appended to. */
  readonly to?: number | string;
  /** Lines that wait for a slow reader; over it, lines are dropped and counted. Default 4 MiB. */
  readonly bufferBytesMax?: number;
}

/** Writes in the background; what is not written at exit is written then. */
export class LogDestination {
  private readonly sonic: ReturnType<typeof openSonic>;
  private readonly bufferBytesMax: number;
  private waitingBytes = 0;
  private droppedCount = 0;
  private broken = false;
  private readonly batches = new Set<() => void>();
  private readonly onExit = (): void => this.flushSync();

  constructor(options: LogDestinationOptions = {}) {
    this.bufferBytesMax = options.bufferBytesMax ?? defaultBufferBytesMax;
    this.sonic = openSonic({ dest: options.to ?? 1, sync: false, maxWrite: pipeAtomicBytes });
    this.sonic.on("write", (bytes: number) => {
      this.waitingBytes = Math.max(0, this.waitingBytes - bytes);
    });
    this.sonic.on("error", (error: NodeJS.ErrnoException) => {
      // A reader that is gone for good: what waits can never be written, and is not held.
      if (error.code !== "EPIPE") return;
      this.broken = true;
      this.waitingBytes = 0;
    });
    process.once("exit", this.onExit);
  }

  /** Bytes handed over and not yet taken by the descriptor. */
  get pendingBytes(): number {
    return this.waitingBytes;
  }

  /** Writes that were dropped because the reader is too slow, or gone. */
  get dropped(): number {
    return this.droppedCount;
  }

  /** One or more whole lines. @returns false where they were dropped */
  write(lines: string, bufferBytesMax = this.bufferBytesMax): boolean {
    const bytes = Buffer.byteLength(lines);
    if (this.broken || this.waitingBytes + bytes > bufferBytesMax) {
      this.droppedCount++;
      return false;
    }
    this.waitingBytes += bytes;
    this.sonic.write(lines);
    return true;
  }

  /** A writer that gathers lines gives what it has when the destination flushes, at exit as well. */
  addBatch(hand: () => void): void {
    this.batches.add(hand);
  }

  /** Resolves when all that was handed over is written, or after the timeout: a stuck reader must not hold a shutdown. */
  flush(timeoutMs = defaultFlushTimeoutMs): Promise<void> {
    for (const hand of this.batches) hand();
    if (this.waitingBytes === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.sonic.off("drain", done);
        this.sonic.off("error", done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.sonic.on("drain", done);
      this.sonic.on("error", done);
    });
  }

  /** For the exit handler, where nothing asynchronous runs any more. */
  flushSync(): void {
    for (const hand of this.batches) hand();
    if (this.broken || this.waitingBytes === 0) return;
    try {
      this.sonic.flushSync();
    } catch {
      // The descriptor is closed or full: there is nowhere left to say so.
    }
  }

  /** Flushes, and closes what was opened by path. */
  async close(): Promise<void> {
    await this.flush();
    process.removeListener("exit", this.onExit);
    if (!this.broken) this.sonic.end();
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
