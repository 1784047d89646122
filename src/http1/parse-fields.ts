import type { ErrorCode } from "../core/errors.ts";
import { COLON, CR, HTAB, LF, SP, tokenChar, valueChar } from "./chars.ts";
import { kindOf } from "./field-kinds.ts";
import type { MessageHead } from "./message-head.ts";

/**
 * Parses field lines (RFC 9112 section 5) from `at` to the empty line, which must end the text. Strict: a name is a token
 * directly followed by a colon; no obs-fold, no bare CR or LF, no control byte in a value.
 *
 * @returns null, or why the head is refused; `head` is then undefined in its fields
 */
export function parseFields(head: MessageHead, at: number): ErrorCode | null {
  const text = head.text;
  const length = text.length;
  const max = head.nameStart.length;
  let count = 0;
  let i = at;
  head.fieldsStart = at;
  for (;;) {
    if (text.charCodeAt(i) === CR) {
      if (text.charCodeAt(i + 1) !== LF || i + 2 !== length) return "invalid_line_ending";
      head.fieldsEnd = i;
      head.count = count;
      return null;
    }
    if (count === max) return "too_many_headers";
    const nameStart = i;
    let c = text.charCodeAt(i);
    while (tokenChar[c] === 1) c = text.charCodeAt(++i);
    if (i === nameStart || c !== COLON) return c === LF || c === CR ? "invalid_line_ending" : "invalid_header";
    head.nameStart[count] = nameStart;
    head.nameEnd[count] = i;
    head.kinds[count] = kindOf(text, nameStart, i);
    c = text.charCodeAt(++i);
    while (c === SP || c === HTAB) c = text.charCodeAt(++i);
    head.valueStart[count] = i;
    while (valueChar[c] === 1) c = text.charCodeAt(++i);
    if (c !== CR || text.charCodeAt(i + 1) !== LF) return c === CR || c === LF ? "invalid_line_ending" : "invalid_header";
    let end = i;
    while (end > head.valueStart[count]! && (text.charCodeAt(end - 1) === SP || text.charCodeAt(end - 1) === HTAB)) end--;
    head.valueEnd[count] = end;
    count++;
    i += 2;
  }
}
