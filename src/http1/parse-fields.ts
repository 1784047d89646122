import type { ErrorCode } from "../core/errors.ts";
import { COLON, CR, HTAB, LF, SP, tokenChar } from "./chars.ts";
import { kindOf } from "./field-kinds.ts";
import { headBytes, nextControl } from "./head-bytes.ts";
import type { MessageHead } from "./message-head.ts";

/**
 * Parses field lines (RFC 9112 section 5) from `at` to the empty line. Strict: a name is a token
 * directly followed by a colon; no obs-fold, no bare CR or LF, no control byte in a value.
 *
 * @param head its text is latin1; what follows the empty line is not looked at
 * @param base what `loadBytes` gave for that text
 * @returns null, or why the head is refused; `head` is then undefined in its fields
 */
export function parseFields(head: MessageHead, at: number, base: number): ErrorCode | null {
  const bytes = headBytes();
  const max = head.nameStart.length;
  let count = 0;
  let mask = 0;
  let i = base + at;
  head.bytes = bytes;
  head.base = base;
  head.fieldsStart = at;
  for (;;) {
    let c = bytes[i]!;
    if (c === CR) {
      if (bytes[i + 1] !== LF) return "invalid_line_ending";
      head.fieldsEnd = i - base;
      head.end = i + 2 - base;
      head.count = count;
      head.kindMask = mask;
      return null;
    }
    if (count === max) return "too_many_headers";
    const nameStart = i;
    while (tokenChar[c] === 1) c = bytes[++i]!;
    if (i === nameStart || c !== COLON) return c === LF || c === CR ? "invalid_line_ending" : "invalid_header";
    head.nameStart[count] = nameStart - base;
    head.nameEnd[count] = i - base;
    const kind = kindOf(bytes, nameStart, i);
    head.kinds[count] = kind;
    mask |= 1 << kind;
    c = bytes[++i]!;
    while (c === SP || c === HTAB) c = bytes[++i]!;
    const valueStart = i;
    head.valueStart[count] = i - base;
    i = nextControl(i);
    while (bytes[i] === HTAB) i = nextControl(i + 1);
    if (bytes[i] !== CR || bytes[i + 1] !== LF) return bytes[i] === CR || bytes[i] === LF ? "invalid_line_ending" : "invalid_header";
    let end = i;
    while (end > valueStart && (bytes[end - 1] === SP || bytes[end - 1] === HTAB)) end--;
    head.valueEnd[count] = end - base;
    count++;
    i += 2;
  }
}
