import type { Fields } from "../core/fields.ts";

/** Judges a value; a refused one is passed over, and the search goes on to the next pair of that name. */
export type AcceptCookie = (value: string) => boolean;

const acceptAny: AcceptCookie = () => true;

/**
 * Finds a cookie by its exact, case-sensitive name over all Cookie lines, in order (HTTP/2 may send a line for each
 * pair, RFC 9113 section 8.2.3). The first acceptable pair wins. A pair without `=`, or with whitespace around it, is
 * nobody's; nothing is percent-decoded. Reads by position, and builds no object by name.
 *
 * @param nameAndEquals the cookie's name followed by `=`
 * @returns the value without its pair of double quotes, possibly empty; undefined where there is none
 */
export function findCookie(fields: Fields, nameAndEquals: string, accept: AcceptCookie = acceptAny): string | undefined {
  const first = fields.get("cookie");
  if (first === undefined) return undefined;
  const found = findInLine(first, nameAndEquals, accept);
  if (found !== undefined) return found;
  const lines = fields.all("cookie");
  for (let i = 1; i < lines.length; i++) {
    const later = findInLine(lines[i]!, nameAndEquals, accept);
    if (later !== undefined) return later;
  }
  return undefined;
}

/** RFC 6265 section 4.2.1: pairs divided by `;`, whitespace around each. */
function findInLine(line: string, nameAndEquals: string, accept: AcceptCookie): string | undefined {
  let start = 0;
  while (start < line.length) {
    while (isBlank(line.charCodeAt(start))) start++;
    const semicolon = line.indexOf(";", start);
    const end = semicolon < 0 ? line.length : semicolon;
    if (line.startsWith(nameAndEquals, start)) {
      const value = cookieValue(line, start + nameAndEquals.length, end);
      if (value !== undefined && accept(value)) return value;
    }
    start = end + 1;
  }
  return undefined;
}

/** @returns undefined for whitespace right behind the `=`, which belongs to no value */
function cookieValue(line: string, start: number, end: number): string | undefined {
  while (end > start && isBlank(line.charCodeAt(end - 1))) end--;
  if (isBlank(line.charCodeAt(start)) && start < end) return undefined;
  const quoted = end - start >= 2 && line.charCodeAt(start) === doubleQuote && line.charCodeAt(end - 1) === doubleQuote;
  return quoted ? line.slice(start + 1, end - 1) : line.slice(start, end);
}

const doubleQuote = 0x22;
const isBlank = (unit: number): boolean => unit === 0x20 || unit === 0x09;
