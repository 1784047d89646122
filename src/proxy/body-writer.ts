import type net from "node:net";

/**
 * Buffers of large pieces go back here when they are written. Fresh ones would cost page faults and, until the garbage
 * collector comes, tens of megabytes.
 */
const pool: Buffer[] = [];
const pooledMax = 32;
const pooledBytes = 65_536;

/** Pieces up to this size travel as text with the head, in one write; larger ones are copied out of the read buffer. */
const textBytesMax = 8_192;

/**
 * Gathers what one turn has to send on a socket, so that a head and a small body leave in one write. Text is latin1, one
 * character a byte.
 */
export class BodyWriter {
  /** Whether the body is sent in chunks. */
  chunked = false;
  private pending = "";
  private corked = false;
  private readonly socket: net.Socket;

  constructor(socket: net.Socket) {
    this.socket = socket;
  }

  text(text: string): void {
    this.pending = this.pending === "" ? text : this.pending + text;
  }

  /** A non-empty piece of a body. */
  body(buffer: Buffer, start: number, end: number): void {
    const length = end - start;
    if (this.chunked) this.pending += `${length.toString(16)}\r\n`;
    if (length <= textBytesMax) this.pending += buffer.latin1Slice(start, end);
    else this.large(buffer, start, end);
    if (this.chunked) this.pending += "\r\n";
  }

  end(trailers: string): void {
    if (this.chunked) this.pending += `0\r\n${trailers}\r\n`;
  }

  /** Bytes of a tunnel: neither framed nor gathered. */
  raw(buffer: Buffer, start: number, end: number): void {
    if (end - start <= textBytesMax) this.pending += buffer.latin1Slice(start, end);
    else this.large(buffer, start, end);
    this.flush();
  }

  flush(): void {
    if (this.pending !== "") {
      const { pending } = this;
      this.pending = "";
      this.socket.write(pending);
    }
    if (this.corked) {
      this.corked = false;
      this.socket.uncork();
    }
  }

  private large(buffer: Buffer, start: number, end: number): void {
    if (!this.corked) {
      this.corked = true;
      this.socket.cork();
    }
    if (this.pending !== "") {
      this.socket.write(this.pending);
      this.pending = "";
    }
    const length = end - start;
    if (length > pooledBytes) {
      this.socket.write(Buffer.from(buffer.subarray(start, end)));
      return;
    }
    const copy = pool.pop() ?? Buffer.allocUnsafeSlow(pooledBytes);
    buffer.copy(copy, 0, start, end);
    this.socket.write(length === pooledBytes ? copy : copy.subarray(0, length), (error) => {
      // After an error the kernel may not be done with it.
      if (!error && pool.length < pooledMax) pool.push(copy);
    });
  }
}
