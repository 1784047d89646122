/** How long a message's body is (RFC 9112 section 6). */
import type { ErrorCode } from "../core/errors.ts";
import { CR, HTAB } from "./chars.ts";
import { kind } from "./field-kinds.ts";
import type { MessageHead } from "./message-head.ts";

/** `length` >= 0: that many bytes. Otherwise one of these. */
export const chunked = -1;
export const untilClose = -2;

/** What the framing fields say. `length` is -2 where neither is present. */
export interface Framing {
  length: number;
  error: ErrorCode | null;
}

const contentLengthDigitsMax = 15;
const knownCodings = new Set(["chunked", "gzip", "x-gzip", "deflate", "compress", "x-compress", "identity"]);

/**
 * Reads Content-Length and Transfer-Encoding, strictly: one line at most of either, never both, plain digits, exactly
 * `chunked`, and no Transfer-Encoding in HTTP/1.0.
 */
export function readFraming(head: MessageHead, minor: number, out: Framing): void {
  out.length = untilClose;
  out.error = null;
  if (!head.has(kind.contentLength) && !head.has(kind.transferEncoding)) return;
  let lengths = 0;
  let encodings = 0;
  for (let i = 0; i < head.count; i++) {
    const k = head.kinds[i];
    if (k === kind.contentLength) {
      lengths++;
      const n = parseLength(head.text, head.valueStart[i]!, head.valueEnd[i]!);
      if (n < 0 || lengths > 1) out.error = "invalid_content_length";
      else out.length = n;
    } else if (k === kind.transferEncoding) {
      encodings++;
      out.error ??= encodings > 1 || minor === 0 || isPadded(head, i) ? "invalid_transfer_encoding" : codingError(head.value(i));
    }
  }
  if (encodings > 0) {
    if (lengths > 0) out.error = "conflicting_framing";
    out.length = chunked;
  }
}

/**
 * A tab around the coding, or a space behind it, is allowed by the grammar and written by nobody but those who look for a
 * parser that takes `chunked` and something invisible for an unknown coding (Node refuses the tab behind it).
 */
function isPadded(head: MessageHead, i: number): boolean {
  for (let at = head.nameEnd[i]! + 1; at < head.valueStart[i]!; at++) if (head.text.charCodeAt(at) === HTAB) return true;
  return head.text.charCodeAt(head.valueEnd[i]!) !== CR;
}

function parseLength(text: string, start: number, end: number): number {
  if (end === start || end - start > contentLengthDigitsMax) return -1;
  let n = 0;
  for (let i = start; i < end; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    n = n * 10 + digit;
  }
  return n;
}

function codingError(value: string): ErrorCode | null {
  const lower = value.toLowerCase();
  if (lower === "chunked") return null;
  const codings = lower.split(",").map((coding) => coding.trim());
  if (codings.some((coding) => !/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(coding))) return "invalid_transfer_encoding";
  if (codings.indexOf("chunked") !== codings.lastIndexOf("chunked")) return "invalid_transfer_encoding";
  if (codings.some((coding) => !knownCodings.has(coding))) return "unknown_transfer_coding";
  return codings.at(-1) === "chunked" ? "unknown_transfer_coding" : "invalid_transfer_encoding";
}
