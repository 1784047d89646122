/**
 * Sockets that read into one buffer per thread. Node gives each read a fresh 64 KiB buffer otherwise, which costs about
 * a quarter of the whole CPU of a proxied request (docs/decisions/001-one-read-buffer.md). The buffer is valid only
 * during the callback: whoever keeps bytes copies them.
 */
import net from "node:net";
import type { EndpointAddress } from "../config/snapshot.ts";
import { lookupEndpoint } from "./endpoint-lookup.ts";

/** What a socket's owner is told. Bytes are buffer[0, length), valid during the call only. */
export interface SocketOwner {
  onBytes(buffer: Buffer, length: number): void;
  /** The other side has finished sending. */
  onEnd(): void;
  /** After it the socket is gone; `error` is null for a plain close. Called once. */
  onClosed(error: Error | null): void;
  /** What was written has left. */
  onDrain(): void;
}

const readBufferBytes = 65_536;
/** Above this much unsent data a write asks for a pause; small, since a slow reader costs this much memory. */
const highWaterMarkBytes = 16_384;
const readBuffer = Buffer.allocUnsafeSlow(readBufferBytes);

/** Told of an error in our own code while a socket's event was handled; that connection ends, and no other. */
let onFault: (error: unknown) => void = (error) => {
  throw error;
};
export function reportFaults(report: (error: unknown) => void): void {
  onFault = report;
}

interface WithHandle {
  _handle: { useUserBuffer?: unknown } | null;
}

/**
 * The accepted socket itself cannot be told where to read to, so a second socket takes over its handle. Needs a server
 * with `pauseOnConnect`, `allowHalfOpen` and `noDelay`.
 */
export function takeOver(accepted: net.Socket, owner: SocketOwner): net.Socket {
  const handle = (accepted as unknown as WithHandle)._handle;
  if (handle === null || typeof handle.useUserBuffer !== "function") {
    // A Node without this internal: the same contract over plain events, at the higher price.
    accepted.on("data", (chunk: Buffer) => guarded(accepted, () => owner.onBytes(chunk, chunk.length)));
    accepted.resume();
    return listen(accepted, owner);
  }
  const socket = new FairSocket({ handle, allowHalfOpen: true, highWaterMark: highWaterMarkBytes, manualStart: true }, owner);
  (accepted as unknown as WithHandle)._handle = null;
  listen(socket, owner);
  socket.resume();
  return socket;
}

export function connect(address: EndpointAddress, owner: SocketOwner): net.Socket {
  const target = address.kind === "unix" ? { path: address.path } : { host: address.host, port: address.port, lookup: lookupEndpoint(address.port) };
  const options = { ...target, noDelay: true, allowHalfOpen: true, highWaterMark: highWaterMarkBytes };
  return listen(new UpstreamSocket(options, owner).connect(options), owner);
}

/**
 * Reads one buffer a turn: left alone, libuv reads up to 32 of them from one socket before it looks at the next, and
 * a few large transfers hold up every small request. A read that fills the buffer is followed by a turn of the others, and
 * only so many that filled it go on in one turn, so that a turn stays short however many large transfers there are.
 */
class FairSocket extends net.Socket {
  private held = false;
  private yielding = false;

  constructor(options: object, owner: SocketOwner) {
    const read = (length: number): boolean => {
      if (length === readBufferBytes) this.yieldTurn();
      try {
        owner.onBytes(readBuffer, length);
      } catch (error) {
        fault(this, error);
      }
      return true;
    };
    super({ ...options, onread: { buffer: readBuffer, callback: read } });
  }

  override pause(): this {
    this.held = true;
    return super.pause();
  }

  override resume(): this {
    this.held = false;
    return this.yielding ? this : super.resume();
  }

  private yieldTurn(): void {
    if (this.yielding) return;
    this.yielding = true;
    super.pause();
    if (yielding.push(this) === 1) setImmediate(nextTurn);
  }

  goOn(): void {
    this.yielding = false;
    if (!this.held && !this.destroyed) super.resume();
  }
}

/** Sockets that filled the read buffer, in the order in which they did. */
const yielding: FairSocket[] = [];
/** A full read and its write take about 40 us: a turn's large transfers about half a millisecond. */
const largeReadsPerTurn = 16;

function nextTurn(): void {
  for (const socket of yielding.splice(0, largeReadsPerTurn)) socket.goOn();
  if (yielding.length > 0) setImmediate(nextTurn);
}

/**
 * A service that refuses an upload answers and closes, often at once (413): then the next write fails while the answer
 * still lies unread in the kernel. A failed write therefore ends the socket only after what can be read has been read,
 * which takes one turn of the event loop.
 */
class UpstreamSocket extends FairSocket {
  private writeFailed = false;

  override destroy(error?: Error): this {
    if (error === undefined || !("syscall" in error) || error.syscall !== "write") return super.destroy(error);
    if (!this.writeFailed) {
      this.writeFailed = true;
      setImmediate(() => setImmediate(() => super.destroy(error)));
    }
    return this;
  }
}

function listen(socket: net.Socket, owner: SocketOwner): net.Socket {
  let failure: Error | null = null;
  // Text is latin1 throughout, and a default is not looked up with every write.
  socket.setDefaultEncoding("latin1");
  socket.on("end", () => guarded(socket, () => owner.onEnd()));
  socket.on("drain", () => guarded(socket, () => owner.onDrain()));
  socket.on("error", (error) => {
    failure = error;
  });
  socket.on("close", () => guarded(socket, () => owner.onClosed(failure)));
  return socket;
}

function guarded(socket: net.Socket, event: () => void): void {
  try {
    event();
  } catch (error) {
    fault(socket, error);
  }
}

function fault(socket: net.Socket, error: unknown): void {
  socket.destroy();
  onFault(error);
}

/** Whether so much is unsent that its source should pause; `onDrain` tells when to go on. */
export const congested = (socket: net.Socket): boolean => socket.writableLength >= highWaterMarkBytes;
