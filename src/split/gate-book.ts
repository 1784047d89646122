/** What all rules of a thread share, and what a request reads of them while it passes over those that cannot match (decisions 061, 100). */
import type { GateCondition, GateRule } from "../core/gates.ts";
import type { CohortHash } from "./bucket.ts";
import { Condition, Conditions, isOpenInMinute, minuteOf, type Times } from "./gate-conditions.ts";
import { always, firstTime, type Marks, namedKey, never, slotBits, slotOfRule, timeSlots } from "./gate-marks.ts";
import type { CommonMarks } from "./gate-question.ts";
import { KeyFilter } from "./key-filter.ts";

/** Rules are added, and none is taken out: when many have ceased to count, a new book is begun. */
export class RuleBook implements CommonMarks {
  /** Of all gates' rules, side by side: the slot, and above it an index into `conditions`. So to pass over twenty reads two lines of memory. */
  asks = new Int32Array(64);
  readonly conditions: Conditions[] = [];
  /** Rules that were ever added. */
  used = 0;
  /** By what they say: an index into `conditions`. */
  private readonly known = new Map<string, number>();
  private readonly single = new Map<string, Condition>();
  private readonly times = new Map<string, { readonly slot: number; readonly windows: Times["windows"] }>();
  private readonly namedKeys = new KeyFilter();
  private minute = -1;
  /** Slots of times that are open in that minute. */
  private open: readonly number[] = [];
  private readonly region: string | null;

  /** @param region the sidecar's; null: it has none */
  constructor(region: string | null) {
    this.region = region;
  }

  /** @param hashOf the route's cohort hash; null: no request will be glanced at @returns where in `asks` the rules begin */
  add(rules: readonly GateRule[], hashOf: CohortHash | null): number {
    const from = this.used;
    this.used += rules.length;
    if (this.used > this.asks.length) {
      const grown = new Int32Array(this.used * 2);
      grown.set(this.asks);
      this.asks = grown;
    }
    for (const [i, rule] of rules.entries()) this.asks[from + i] = this.slotOf(rule) | (this.indexOf(rule, hashOf) << slotBits);
    return from;
  }

  mark(marks: Marks, hash: number, nowMs: number): void {
    marks.add(always);
    if (hash >= 0 && this.namedKeys.mayHave(hash)) marks.add(namedKey);
    const minute = minuteOf(nowMs);
    if (minute !== this.minute) {
      this.open = [...this.times.values()].filter(({ windows }) => isOpenInMinute(windows, minute)).map(({ slot }) => slot);
      this.minute = minute;
    }
    for (let i = 0; i < this.open.length; i++) marks.add(this.open[i]!);
  }

  private slotOf({ when, unless }: GateRule): number {
    const here = (condition: GateCondition): boolean | null => (condition.kind === "regions" ? this.region !== null && condition.values.includes(this.region) : null);
    const elsewhere = when.some((condition) => here(condition) === false) || (unless.length > 0 && unless.every((condition) => here(condition) === true));
    return elsewhere ? never : slotOfRule(when, (times) => this.timeSlot(times));
  }

  private timeSlot({ windows }: Times): number {
    this.minute = -1;
    return kept(this.times, JSON.stringify(windows), () => ({ slot: firstTime + (this.times.size % timeSlots), windows })).slot;
  }

  private indexOf({ when, unless }: GateRule, hashOf: CohortHash | null): number {
    const add = (): number => this.conditions.push(new Conditions(when.map((one) => this.condition(one, hashOf)), unless.map((one) => this.condition(one, hashOf)))) - 1;
    // Lists of users are long, and nobody else's.
    return [...when, ...unless].some(({ kind }) => kind === "keys") ? add() : kept(this.known, JSON.stringify([when, unless]), add);
  }

  private condition(condition: GateCondition, hashOf: CohortHash | null): Condition {
    if (condition.kind !== "keys") return kept(this.single, JSON.stringify(condition), () => new Condition(condition, this.region));
    if (hashOf !== null) for (const key of condition.values) this.namedKeys.add(hashOf.hash(key));
    return new Condition(condition, this.region);
  }
}

export const slotOfAsk = (ask: number): number => ask & ((1 << slotBits) - 1);
export const conditionsOfAsk = (ask: number): number => ask >>> slotBits;

function kept<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
