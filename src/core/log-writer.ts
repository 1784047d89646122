/**
 * How log lines reach their descriptor: directly, and never blocking. A blocked write would stop the proxying while nobody
 * reads stdout; a write that the thread pool has not begun is lost at exit, and one that is blocked there holds the exit
 * for ever (docs/decisions/020-log-writes.md).
 */
import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import { Socket } from "node:net";

/** PIPE_BUF of Linux: a write up to this length is taken whole, or not at all (POSIX write(2)). */
export const pipeAtomicBytes = 4096;
const retryEveryMs = 20;
/** At exit a slow reader is waited for this long. */
const exitTimeoutMs = 500;

/** @param to a descriptor, or a path that is appended to. @throws the system's error where a path cannot be opened */
export function openWriter(to: number | string): LogWriter {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOCTTY } = constants;
  if (typeof to === "string") return new LogWriter(openSync(to, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o640), true);
  const kind = fstatSync(to);
  // Into a file a write is a copy to the page cache.
  if (kind.isFile()) return new LogWriter(to, false);
  if (kind.isFIFO() || kind.isCharacterDevice()) {
    try {
      // A second open file description has flags of its own: other processes that share the pipe keep theirs.
      return new LogWriter(openSync(`/proc/self/fd/${to}`, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY), true);
    } catch {
      // No /proc, or not ours to open: the description that is there must do.
    }
  }
  if (kind.isFIFO() || kind.isSocket()) unblock(to);
  return new LogWriter(to, false);
}

/** Kept, because a collected socket closes its descriptor. */
const unblocked: Socket[] = [];

/** Node has no fcntl; a stream that adopts the descriptor makes it non-blocking, as `process.stdout` does when it is used. */
function unblock(fd: number): void {
  const socket = new Socket({ fd, readable: false, writable: true });
  socket.on("error", () => {});
  unblocked.push(socket.unref());
}

const sleepCell = new Int32Array(new SharedArrayBuffer(4));
const sleep = (ms: number): void => void Atomics.wait(sleepCell, 0, 0, ms);

export class LogWriter {
  /** Bytes that wait. */
  pendingBytes = 0;
  /** The reader is gone for good. */
  broken = false;
  private readonly fd: number;
  private readonly owned: boolean;
  private readonly waiting: Buffer[] = [];
  private readonly listeners: (() => void)[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(fd: number, owned: boolean) {
    this.fd = fd;
    this.owned = owned;
  }

  write(lines: string): void {
    const bytes = Buffer.from(lines);
    this.waiting.push(bytes);
    this.pendingBytes += bytes.length;
    if (this.timer === undefined) this.drain();
  }

  /** Tells, once, when nothing waits any more. */
  onDrained(listener: () => void): void {
    this.listeners.push(listener);
    this.drain();
  }

  /** At exit, when nothing asynchronous runs any more: writes what waits, for at most half a second. */
  finish(): void {
    for (let waitedMs = 0; !this.attempt() && waitedMs < exitTimeoutMs; waitedMs += retryEveryMs) sleep(retryEveryMs);
  }

  close(): void {
    clearTimeout(this.timer);
    if (this.owned) closeSync(this.fd);
    this.broken = true;
  }

  private readonly drain = (): void => {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (!this.attempt()) this.timer = setTimeout(this.drain, retryEveryMs).unref();
    else for (const listener of this.listeners.splice(0)) listener();
  };

  /** @returns whether nothing waits any more */
  private attempt(): boolean {
    let done = 0;
    try {
      for (; done < this.waiting.length; done++) {
        const bytes = this.waiting[done]!;
        const taken = writeSync(this.fd, bytes);
        this.pendingBytes -= taken;
        if (taken === bytes.length) continue;
        this.waiting[done] = bytes.subarray(taken);
        break;
      }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "EAGAIN" && code !== "EINTR") {
        // A full disk may have room again; a reader that closed its end does not come back. What waits is lost in both.
        this.broken = code === "EPIPE" || code === "EBADF";
        done = this.waiting.length;
        this.pendingBytes = 0;
      }
    }
    this.waiting.splice(0, done);
    return this.waiting.length === 0;
  }
}
