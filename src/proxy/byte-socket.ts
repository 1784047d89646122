/**
 * Sockets that read into one buffer per thread. Node gives each read a fresh 64 KiB buffer otherwise, which costs about
 * a quarter of the whole CPU of a proxied request (docs/decisions/001-one-read-buffer.md). The buffer is valid only
 * during the callback: whoever keeps bytes copies them.
 */
import net from "node:net";
import type { EndpointAddress } from "../config/snapshot.ts";

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
    accepted.on("data", (chunk: Buffer) => owner.onBytes(chunk, chunk.length));
    accepted.resume();
    return listen(accepted, owner);
  }
  const options = { handle, allowHalfOpen: true, highWaterMark: highWaterMarkBytes, onread: readInto(owner), manualStart: true };
  const socket = new net.Socket(options as unknown as net.SocketConstructorOpts);
  (accepted as unknown as WithHandle)._handle = null;
  listen(socket, owner);
  socket.resume();
  return socket;
}

export function connect(address: EndpointAddress, owner: SocketOwner): net.Socket {
  const target = address.kind === "unix" ? { path: address.path } : { host: address.host, port: address.port };
  const options = { ...target, noDelay: true, allowHalfOpen: true, highWaterMark: highWaterMarkBytes, onread: readInto(owner) };
  return listen(new UpstreamSocket(options).connect(options), owner);
}

/**
 * A service that refuses an upload answers and closes, often at once (413): then the next write fails while the answer
 * still lies unread in the kernel. A failed write therefore ends the socket only after what can be read has been read,
 * which takes one turn of the event loop.
 */
class UpstreamSocket extends net.Socket {
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

function readInto(owner: SocketOwner): net.OnReadOpts {
  return {
    buffer: readBuffer,
    callback(length: number): boolean {
      owner.onBytes(readBuffer, length);
      return true;
    },
  };
}

function listen(socket: net.Socket, owner: SocketOwner): net.Socket {
  let failure: Error | null = null;
  socket.on("end", () => owner.onEnd());
  socket.on("drain", () => owner.onDrain());
  socket.on("error", (error) => {
    failure = error;
  });
  socket.on("close", () => owner.onClosed(failure));
  return socket;
}

/** Whether so much is unsent that its source should pause; `onDrain` tells when to go on. */
export const congested = (socket: net.Socket): boolean => socket.writableLength >= highWaterMarkBytes;
