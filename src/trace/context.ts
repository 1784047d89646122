/**
 * W3C Trace Context (level 1, https://www.w3.org/TR/trace-context-1/, and level 2's random flag): reading `traceparent`
 * and `tracestate` strictly. What is not exactly as specified is no context, and a new trace begins.
 */

export interface ParentContext {
  /** 32 lower-case hex digits, not all 0. */
  readonly traceId: string;
  /** 16 lower-case hex digits, not all 0. */
  readonly spanId: string;
  readonly sampled: boolean;
  /** Level 2: the last 7 bytes of the trace id were made at random. */
  readonly random: boolean;
}

export const flagSampled = 1;
export const flagRandom = 2;

/** Length of a `traceparent` of version 00: `00-<32>-<16>-<2>`. */
const lengthOf00 = 55;
const hyphens = [2, 35, 52] as const;

/** @returns null where the text is no `traceparent` */
export function parseTraceparent(text: string): ParentContext | null {
  if (text.length < lengthOf00) return null;
  for (const at of hyphens) if (text.charCodeAt(at) !== 0x2d) return null;
  if (!isHex(text, 0, 2) || !isHex(text, 3, 35) || !isHex(text, 36, 52) || !isHex(text, 53, 55)) return null;
  if (text.length > lengthOf00 && !mayBeLonger(text)) return null;
  if (text.startsWith("ff") || isZero(text, 3, 35) || isZero(text, 36, 52)) return null;
  const flags = Number.parseInt(text.slice(53, 55), 16);
  return { traceId: text.slice(3, 35), spanId: text.slice(36, 52), sampled: (flags & flagSampled) !== 0, random: (flags & flagRandom) !== 0 };
}

/** Section 3.2.4: a version that we do not know may have more behind another hyphen, and is read as far as we know it. */
const mayBeLonger = (text: string): boolean => !text.startsWith("00") && text.charCodeAt(lengthOf00) === 0x2d;

function isHex(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const c = text.charCodeAt(i);
    if (!((c >= 0x30 && c <= 0x39) || (c >= 0x61 && c <= 0x66))) return false;
  }
  return true;
}

function isZero(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (text.charCodeAt(i) !== 0x30) return false;
  return true;
}

/** Of all `tracestate` fields together (section 3.3.1). */
const membersMax = 32;
/** More than the 512 that everybody has to pass on (section 3.3.1.5), and bounded. */
const charactersMax = 2_048;
/** A key is one of `simple` or `tenant@system`; level 2 also lets it begin with a digit. */
const member = /^(?:[a-z0-9][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/** Whether the values of the `tracestate` fields may be passed on: a list of members, no key twice. */
export function isTracestate(values: readonly string[]): boolean {
  const keys = new Set<string>();
  let characters = 0;
  for (const value of values) {
    characters += value.length;
    if (characters > charactersMax) return false;
    for (const part of value.split(",")) {
      const text = part.replace(/^[ \t]+|[ \t]+$/g, "");
      // Section 3.3.1.1: empty members are allowed.
      if (text === "") continue;
      if (!member.test(text)) return false;
      const key = text.slice(0, text.indexOf("="));
      if (keys.has(key)) return false;
      keys.add(key);
    }
  }
  return keys.size <= membersMax;
}
