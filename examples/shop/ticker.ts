import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { products } from "./catalog.ts";

const tickMs = 250;
/** A client whose socket holds more than this unread is let go: a ticker's old prices are worth nothing. */
const unreadBytesMax = 65_536;
/** Control frames carry at most 125 bytes (RFC 6455 section 5.5); clients of a ticker have nothing longer to say. */
const clientFrameBytesMax = 125 + 14;

interface Listener {
  send(text: string): void;
  close(): void;
}

/** Prices as they move: over WebSocket (RFC 6455), and as server-sent events to whoever does not upgrade. */
export class Ticker {
  readonly #listeners = new Set<Listener>();
  readonly #version: string;
  readonly #timer: NodeJS.Timeout;
  #tick = 0;

  constructor(version: string) {
    this.#version = version;
    this.#timer = setInterval(() => this.#send(), tickMs);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const listener of this.#listeners) listener.close();
  }

  serveEvents(response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store", "shop-version": this.#version });
    const listener: Listener = {
      send: (text) => {
        if (response.writableLength > unreadBytesMax) response.destroy();
        else response.write(`data: ${text}\n\n`);
      },
      close: () => response.end(),
    };
    this.#add(listener, response);
  }

  /** Answers the handshake and keeps the socket. Anything that is no RFC 6455 handshake gets 400. */
  serveWebSocket(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    const key = request.headers["sec-websocket-key"];
    if (request.headers.upgrade?.toLowerCase() !== "websocket" || request.headers["sec-websocket-version"] !== "13" || key === undefined) {
      socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${accept}\r\nShop-Version: ${this.#version}\r\n\r\n`,
    );
    const listener: Listener = {
      send: (text) => {
        if (socket.writableLength > unreadBytesMax) socket.destroy();
        else socket.write(frame(0x1, Buffer.from(text)));
      },
      close: () => socket.end(frame(0x8, Buffer.from([0x03, 0xe9]))),
    };
    this.#add(listener, socket);
    this.#answerControlFrames(socket, head);
  }

  #add(listener: Listener, stream: Duplex | ServerResponse): void {
    this.#listeners.add(listener);
    stream.once("close", () => this.#listeners.delete(listener));
    listener.send(this.#prices());
  }

  #send(): void {
    this.#tick += 1;
    const text = this.#prices();
    for (const listener of this.#listeners) listener.send(text);
  }

  #prices(): string {
    const product = products[this.#tick % products.length]!;
    return JSON.stringify({ version: this.#version, product: product.id, priceCents: product.priceCents + (this.#tick % 7) });
  }

  /** Close is answered with close, ping with pong; whatever else a client sends is skipped. */
  #answerControlFrames(socket: Duplex, head: Buffer): void {
    let unread = head;
    const onData = (bytes: Buffer): void => {
      unread = unread.length === 0 ? bytes : Buffer.concat([unread, bytes]);
      for (let taken = takeFrame(unread); taken !== null; taken = takeFrame(unread)) {
        unread = unread.subarray(taken.bytes);
        if (taken.opcode === 0x8) socket.end(frame(0x8, taken.payload));
        else if (taken.opcode === 0x9) socket.write(frame(0xa, taken.payload));
      }
      if (unread.length > clientFrameBytesMax) socket.destroy();
    };
    socket.on("data", onData);
    socket.on("end", () => socket.end());
    if (head.length > 0) onData(Buffer.alloc(0));
  }
}

/** One unmasked frame, as servers send it. @param payload at most 125 bytes */
function frame(opcode: number, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x80 | opcode, payload.length]), payload]);
}

/** The first whole masked frame of at most 125 bytes, or null while it is incomplete. */
function takeFrame(bytes: Buffer): { opcode: number; payload: Buffer; bytes: number } | null {
  if (bytes.length < 6) return null;
  const length = bytes[1]! & 0x7f;
  if (length > 125 || bytes.length < 6 + length) return null;
  const payload = Buffer.from(bytes.subarray(6, 6 + length));
  for (let i = 0; i < length; i++) payload[i]! ^= bytes[2 + (i & 3)]!;
  return { opcode: bytes[0]! & 0x0f, payload, bytes: 6 + length };
}
