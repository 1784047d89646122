/** What the proxy's own parser makes of a connection's bytes: the requests it would accept, and where each ends. */
import { expect } from "vitest";
import { defaultProxyLimits } from "../../src/config/settings.ts";
import type { ErrorCode } from "../../src/core/errors.ts";
import { ChunkedDecoder } from "../../src/http1/chunked.ts";
import { forwardHead, makeForwarding } from "../../src/http1/forward-head.ts";
import { chunked } from "../../src/http1/framing.ts";
import { HeadCollector } from "../../src/http1/head-collector.ts";
import { parseRequestHead, RequestHead } from "../../src/http1/request-head.ts";

export interface Framed {
  readonly method: string;
  /** As the client wrote it. */
  readonly rawTarget: string;
  readonly body: string;
  /** Index after the request's last byte. */
  readonly end: number;
  /** What follows is no request, or not before the answer has come: it closes, or it may become a tunnel. */
  readonly last: boolean;
  readonly host: string;
  /** As the service gets it, and the whole request that it gets. */
  readonly target: string;
  readonly forwarded: string;
}

export interface Framing {
  readonly accepted: readonly Framed[];
  /** Why the bytes after the accepted requests are refused; null where they are not, or are incomplete. */
  readonly error: ErrorCode | null;
}

const limits = { ...defaultProxyLimits, chunkLineBytesMax: 256 };
const head = new RequestHead(limits.headersMax);
const forwarding = makeForwarding("192.0.2.1", "http", () => false, "gate");

/** One buffer for all reads, as in a proxy thread: behind a piece lies what earlier ones left. */
const readBuffer = Buffer.allocUnsafeSlow(65_536);
const failures = { line_ending: "invalid_line_ending", first_line_too_large: "target_too_long", too_large: "head_too_large" } as const;

/** @param pieces the connection's bytes in the pieces in which they arrive, each at most a read buffer; copied before the decoder moves them */
export function frame(pieces: readonly Buffer[]): Framing {
  const accepted: Framed[] = [];
  const heads = new HeadCollector(limits.headBytesMax, true);
  let decoder: ChunkedDecoder | null = null;
  let remaining = 0;
  let body = "";
  let consumed = 0;
  let parsed: Omit<Framed, "body" | "end" | "forwarded"> | null = null;
  let forwardedHead = "";
  const done = (trailers: string): void => {
    const length = body.length.toString(16);
    const forwarded = forwardedHead + (decoder === null ? body : body === "" ? `0\r\n${trailers}\r\n` : `${length}\r\n${body}\r\n0\r\n${trailers}\r\n`);
    accepted.push({ ...parsed!, body, end: consumed, forwarded });
    parsed = null;
    decoder = null;
    body = "";
  };
  for (const piece of pieces) {
    const bytes = readBuffer;
    const length = piece.copy(bytes);
    let i = 0;
    while (i < length) {
      if (parsed === null) {
        const whole = heads.whole(bytes, i, length);
        if (whole === null || parseRequestHead(head, whole, limits) !== null || head.end > whole.length) {
          const taken = heads.take(bytes, i, length);
          if (heads.failure !== null) return { accepted, error: failures[heads.failure] };
          consumed += heads.next - i;
          i = heads.next;
          if (taken === null) break;
          const error = parseRequestHead(head, taken, limits);
          if (error !== null) return { accepted, error };
          expect(head.end).toBe(taken.length);
          // What is good as a text of its own was good where it lay.
          expect(whole).toBeNull();
        } else {
          consumed += head.end;
          i += head.end;
        }
        const text = head.text.slice(0, head.end);
        const upgrades = head.connectionNamesUpgrade && head.minor === 1 && head.get("upgrade") !== undefined;
        if (upgrades && head.bodyLength !== 0) return { accepted, error: "upgrade_with_body" };
        parsed = { method: head.method, rawTarget: text.trimStart().split(" ")[1]!, last: head.close || upgrades, host: head.authority, target: head.target };
        forwardedHead = `${forwardHead(head, forwarding, [], "")}\r\n`;
        decoder = head.bodyLength === chunked ? new ChunkedDecoder(limits, true) : null;
        remaining = decoder === null ? head.bodyLength : 0;
        if (decoder === null && remaining === 0) done("");
      } else if (decoder !== null) {
        const next = decoder.push(bytes, i, length);
        if (decoder.failed) return { accepted, error: "invalid_chunk" };
        body += bytes.latin1Slice(decoder.payloadStart, decoder.payloadEnd);
        consumed += next - i;
        i = next;
        if (decoder.done) done(decoder.trailers);
      } else {
        const stop = Math.min(length, i + remaining);
        body += bytes.latin1Slice(i, stop);
        remaining -= stop - i;
        consumed += stop - i;
        i = stop;
        if (remaining === 0) done("");
      }
      if (parsed === null && accepted.at(-1)?.last === true) return { accepted, error: null };
    }
  }
  return { accepted, error: null };
}
