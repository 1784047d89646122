/** Takes a request's body off an HTTP/1.1 connection and passes it on as it arrives: by length or in chunks. */
import type { ErrorCode } from "../core/errors.ts";
import { ChunkedDecoder } from "../http1/chunked.ts";
import { chunked } from "../http1/framing.ts";
import type { Exchange } from "./exchange.ts";
import { forwardBody, forwardEnd } from "./forward.ts";

export class RequestBody {
  /** Bytes still to come of a body with a length. */
  private remaining = 0;
  private decoder: ChunkedDecoder | null = null;
  /** Why the body is refused: malformed or too large. */
  failure: ErrorCode | null = null;

  begin(exchange: Exchange): void {
    this.failure = null;
    this.remaining = exchange.bodyLength;
    this.decoder = exchange.bodyLength === chunked ? new ChunkedDecoder(exchange.context.limits, true) : null;
  }

  /** Takes in buffer[start, end). The exchange's `requestDone` tells the end. @returns the index after what was used */
  take(exchange: Exchange, buffer: Buffer, start: number, end: number): number {
    return this.decoder === null ? this.takeLength(exchange, buffer, start, end) : this.takeChunks(exchange, this.decoder, buffer, start, end);
  }

  private takeLength(exchange: Exchange, buffer: Buffer, start: number, end: number): number {
    const stop = Math.min(end, start + this.remaining);
    this.remaining -= stop - start;
    forwardBody(exchange, buffer, start, stop);
    if (this.remaining === 0) forwardEnd(exchange, "");
    return stop;
  }

  private takeChunks(exchange: Exchange, decoder: ChunkedDecoder, buffer: Buffer, start: number, end: number): number {
    const next = decoder.push(buffer, start, end);
    if (decoder.failed) return this.fail("invalid_chunk", end);
    if (decoder.payloadEnd > decoder.payloadStart) forwardBody(exchange, buffer, decoder.payloadStart, decoder.payloadEnd);
    const { requestBodyBytesMax } = exchange.route.definition.limits;
    if (requestBodyBytesMax > 0 && exchange.requestBytes > requestBodyBytesMax) return this.fail("body_too_large", end);
    if (decoder.done) forwardEnd(exchange, decoder.trailers);
    return next;
  }

  private fail(code: ErrorCode, end: number): number {
    this.failure = code;
    return end;
  }
}
