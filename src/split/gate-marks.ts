/**
 * Which rules a request can match at all, told by a byte each: a rule that asks for a header, cookie or query parameter is not looked at where the request has nothing that could be
 * it. Of twenty rules a usual request leaves a few, whose memory is then read (decisions 061, 100). Marks say "perhaps" or "no", never "yes": names that share one are told apart by the rule itself.
 */
import type { GateCondition } from "../core/gates.ts";
import { bytesOf } from "./attributes.ts";

/** Of a rule that says nothing of what follows. */
export const always = 0;
/** Of a rule that cannot match in this region. */
export const never = 1;
/** Of a rule for cohort keys that it names. */
export const namedKey = 2;
/** Of a rule for methods that are neither GET nor HEAD. */
export const otherMethod = 3;
/** Of rules for times alone: of what is told by a calendar there is little, and it is the same for all requests of a minute. */
export const firstTime = 4;
export const timeSlots = 12;
const firstName = firstTime + timeSlots;
/** With a request of twenty names one rule in fifty is asked in vain. */
const nameSlotBits = 10;
/** Bits that any slot fits in. */
export const slotBits = nameSlotBits + 1;

/** A request's marks: the cells that have its number. So nothing is wiped between two requests, but for one in 255. */
export class Marks {
  readonly cells = new Uint8Array(firstName + (1 << nameSlotBits));
  number = 0;

  next(): void {
    if (++this.number < 256) return;
    this.cells.fill(0);
    this.number = 1;
  }

  add(slot: number): void {
    this.cells[slot] = this.number;
  }

  /** A name could be any. */
  addNames(): void {
    this.cells.fill(this.number, firstName);
  }
}

const seeds = { header: 0, cookie: 0x55, query: 0xaa } as const;

/** What is looked at of a name is little on purpose: this is done for each header of each request. */
const slotOf = (seed: number, length: number, first: number, middle: number, last: number): number =>
  mixed(seed ^ length ^ ((first | 0x20) << 8) ^ ((middle | 0x20) << 16) ^ ((last | 0x20) << 24));

/** The high bits of a product hang on all bits (Knuth's multiplicative hashing). */
const mixed = (bits: number): number => firstName + (Math.imul(bits, 0x9e3779b1) >>> (32 - nameSlotBits));

/** Of a cookie and the one value that is asked for: many have a cookie of that name, and few that value. */
const slotOfValue = (nameSlot: number, length: number, first: number, last: number): number => mixed((nameSlot << 20) ^ (length << 16) ^ (first << 8) ^ last);

const slotOfName = (seed: number, name: string): number => slotOf(seed, name.length, name.charCodeAt(0), name.charCodeAt(name.length >> 1), name.charCodeAt(name.length - 1));

/** @param when of a rule; conditions on regions are not among them @param timeSlot of its times @returns the slot that has to be marked for the rule to match */
export function slotOfRule(when: readonly GateCondition[], timeSlot: (times: Extract<GateCondition, { kind: "times" }>) => number): number {
  // What fewest requests have first.
  for (const condition of when) if (condition.kind === "keys") return namedKey;
  for (const source of ["query", "cookie", "claim", "header"] as const) {
    for (const condition of when) {
      if (condition.kind !== "attribute" || condition.source !== source) continue;
      return source === "claim" ? slotOfName(seeds.header, "authorization") : slotOfAttribute(seeds[source], condition);
    }
  }
  for (const condition of when) if (condition.kind === "methods" && !condition.values.some((method) => method === "GET" || method === "HEAD")) return otherMethod;
  for (const condition of when) if (condition.kind === "times") return timeSlot(condition);
  return always;
}

function slotOfAttribute(seed: number, { source, name, test }: Extract<GateCondition, { kind: "attribute" }>): number {
  const slot = slotOfName(seed, name);
  if (source !== "cookie" || test.kind !== "in" || test.values.length !== 1) return slot;
  const value = bytesOf(test.values[0]!);
  return value === "" ? slotOfValue(slot, 0, 0, 0) : slotOfValue(slot, value.length, value.charCodeAt(0), value.charCodeAt(value.length - 1));
}

/** Where a parsed head has its lines: from `base` on in `bytes`, which are looked at within the call in which it was parsed. */
export interface MarkedHead {
  readonly bytes: Uint8Array;
  readonly base: number;
  readonly count: number;
  readonly nameStart: Int32Array;
  readonly nameEnd: Int32Array;
  readonly valueStart: Int32Array;
  readonly valueEnd: Int32Array;
  readonly method: string;
  /** Of the target's query, without its question mark; -1: it has none. */
  readonly queryStart: number;
  readonly targetEnd: number;
}

/** Marks what a head says. */
export function markHead(marks: Marks, head: MarkedHead): void {
  if (head.method !== "GET" && head.method !== "HEAD") marks.add(otherMethod);
  const { bytes, base, count, nameStart, nameEnd } = head;
  for (let i = 0; i < count; i++) {
    const start = base + nameStart[i]!;
    const end = base + nameEnd[i]!;
    const length = end - start;
    const first = bytes[start]!;
    marks.add(slotOf(seeds.header, length, first, bytes[start + (length >> 1)]!, bytes[end - 1]!));
    if (length === 6 && (first | 0x20) === 0x63 && isCookie(bytes, start)) markCookies(marks, bytes, base + head.valueStart[i]!, base + head.valueEnd[i]!);
  }
  if (head.queryStart >= 0 && !markQuery(marks, bytes, base + head.queryStart, base + head.targetEnd)) marks.addNames();
}

const cookie = [0x63, 0x6f, 0x6f, 0x6b, 0x69, 0x65] as const;

function isCookie(bytes: Uint8Array, start: number): boolean {
  for (let i = 1; i < cookie.length; i++) if ((bytes[start + i]! | 0x20) !== cookie[i]) return false;
  return true;
}

function markCookies(marks: Marks, bytes: Uint8Array, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    while (i < to && (bytes[i] === space || bytes[i] === tab)) i++;
    const start = i;
    while (i < to && bytes[i] !== equals && bytes[i] !== semicolon) i++;
    const nameEnd = i;
    while (i < to && bytes[i] !== semicolon) i++;
    if (nameEnd === start) continue;
    const slot = slotOf(seeds.cookie, nameEnd - start, bytes[start]!, bytes[start + ((nameEnd - start) >> 1)]!, bytes[nameEnd - 1]!);
    marks.add(slot);
    if (nameEnd < i) markValue(marks, slot, bytes, nameEnd + 1, i);
  }
}

/** As `findCookie` reads it: without blanks behind it, and without its quotes. */
function markValue(marks: Marks, slot: number, bytes: Uint8Array, from: number, to: number): void {
  let start = from;
  let end = to;
  while (end > start && (bytes[end - 1] === space || bytes[end - 1] === tab)) end--;
  if (end - start >= 2 && bytes[start] === quote && bytes[end - 1] === quote) {
    start++;
    end--;
  }
  marks.add(end === start ? slotOfValue(slot, 0, 0, 0) : slotOfValue(slot, end - start, bytes[start]!, bytes[end - 1]!));
}

/** @returns false where a name is escaped, and could be any */
function markQuery(marks: Marks, bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const start = i;
    for (; i < to; i++) {
      const c = bytes[i]!;
      if (c === percent || c === plus) return false;
      if (c === equals || c === ampersand) break;
    }
    if (i > start) marks.add(slotOf(seeds.query, i - start, bytes[start]!, bytes[start + ((i - start) >> 1)]!, bytes[i - 1]!));
    while (i < to && bytes[i] !== ampersand) i++;
  }
  return true;
}

const tab = 0x09;
const space = 0x20;
const quote = 0x22;
const percent = 0x25;
const ampersand = 0x26;
const plus = 0x2b;
const semicolon = 0x3b;
const equals = 0x3d;
