/**
 * Which rules a request can match at all, told by a byte each: a rule that asks for a header, cookie or query parameter is not looked at where the request has nothing that could be
 * it. Of twenty rules a usual request leaves a few, whose memory is then read (decision 061). Marks say "perhaps" or "no", never "yes": names that share one are told apart by the rule itself.
 */
import type { GateCondition } from "../core/gates.ts";

/** A request's marks: one byte for each slot, 1 where a rule with that slot may match. */
export type Marks = Uint8Array;

const slots = 256;
/** Of a rule that says nothing of what follows. */
const always = 0;
/** Of a rule that cannot match in this region. */
export const never = 1;
/** Of a rule for cohort keys that it names. */
const namedKey = 2;
/** Of a rule for methods that are neither GET nor HEAD. */
const otherMethod = 3;
const firstName = 4;

const seeds = { header: 0, cookie: 85, query: 170 } as const;

export const newMarks = (): Marks => new Uint8Array(slots);

/** What is looked at of a name is little on purpose: this is done for each header of each request. */
const slotOf = (seed: number, length: number, first: number, middle: number, last: number): number =>
  firstName + ((seed + length * 5 + (first | 0x20) + (middle | 0x20) * 3 + (last | 0x20) * 11) % (slots - firstName));

const slotOfName = (seed: number, name: string): number => slotOf(seed, name.length, name.charCodeAt(0), name.charCodeAt(name.length >> 1), name.charCodeAt(name.length - 1));

/** @param when of a rule; conditions on regions are not among them @returns the slot that has to be marked for the rule to match */
export function slotOfRule(when: readonly GateCondition[]): number {
  // What fewest requests have first.
  for (const condition of when) if (condition.kind === "keys") return namedKey;
  for (const source of ["query", "cookie", "claim", "header"] as const) {
    for (const condition of when) {
      if (condition.kind !== "attribute" || condition.source !== source) continue;
      return source === "claim" ? slotOfName(seeds.header, "authorization") : slotOfName(seeds[source], condition.name);
    }
  }
  for (const condition of when) if (condition.kind === "methods" && !condition.values.some((method) => method === "GET" || method === "HEAD")) return otherMethod;
  return always;
}

/** Where a parsed head has its lines. */
export interface MarkedHead {
  readonly text: string;
  readonly count: number;
  readonly nameStart: Int32Array;
  readonly nameEnd: Int32Array;
  readonly valueStart: Int32Array;
  readonly valueEnd: Int32Array;
  readonly method: string;
  readonly target: string;
}

/** @param named whether some rule names the request's cohort key */
export function markRequest(marks: Marks, head: MarkedHead, named: boolean): void {
  marks.fill(0);
  marks[always] = 1;
  if (named) marks[namedKey] = 1;
  if (head.method !== "GET" && head.method !== "HEAD") marks[otherMethod] = 1;
  const { text, count, nameStart, nameEnd } = head;
  for (let i = 0; i < count; i++) {
    const start = nameStart[i]!;
    const end = nameEnd[i]!;
    const length = end - start;
    const first = text.charCodeAt(start);
    marks[slotOf(seeds.header, length, first, text.charCodeAt(start + (length >> 1)), text.charCodeAt(end - 1))] = 1;
    if (length === 6 && (first | 0x20) === 0x63 && isCookie(text, start)) markPairs(marks, seeds.cookie, text, head.valueStart[i]!, head.valueEnd[i]!, semicolon);
  }
  const query = head.target.indexOf("?");
  if (query >= 0 && !markPairs(marks, seeds.query, head.target, query + 1, head.target.length, ampersand)) marks.fill(1, firstName);
}

function isCookie(text: string, start: number): boolean {
  for (let i = 1; i < 6; i++) if ((text.charCodeAt(start + i) | 0x20) !== "cookie".charCodeAt(i)) return false;
  return true;
}

/** @returns false where a name of a query is escaped, and could be any */
function markPairs(marks: Marks, seed: number, text: string, from: number, to: number, divider: number): boolean {
  let start = from;
  let named = false;
  for (let i = from; i <= to; i++) {
    const c = i === to ? divider : text.charCodeAt(i);
    if (!named) {
      if (seed === seeds.query && (c === 0x25 || c === 0x2b)) return false;
      if (i === start && (c === 0x20 || c === 0x09)) {
        start++;
        continue;
      }
      if (c === equals || c === divider) {
        const length = i - start;
        if (length > 0) marks[slotOf(seed, length, text.charCodeAt(start), text.charCodeAt(start + (length >> 1)), text.charCodeAt(i - 1))] = 1;
        named = true;
      }
    }
    if (c === divider) {
      start = i + 1;
      named = false;
    }
  }
  return true;
}

const semicolon = 0x3b;
const ampersand = 0x26;
const equals = 0x3d;
