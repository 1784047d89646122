/** A route's gates: who is given a candidate, or kept from it, before the weight says anything. Pure, and the same on the request path, in `explain` and in OFREP. */
import type { Closure, RouteGate } from "../core/gates.ts";
import type { RoutingReason } from "../core/reasons.ts";
import type { CohortHash } from "./bucket.ts";
import { conditionsOfAsk, RuleBook, slotOfAsk } from "./gate-book.ts";
import { CompiledRule } from "./gate-rule.ts";
import type { GateQuestion } from "./gate-question.ts";

/** A list by `next`: of a route with one gate it is one object. */
export interface CompiledGate {
  readonly variant: number;
  /** Where its rules are among the book's `asks`. */
  readonly book: RuleBook;
  readonly from: number;
  readonly to: number;
  /** Null: it is open. */
  readonly closed: Closure | null;
  /** In the document's order. */
  readonly next: CompiledGate | null;
  readonly name: string;
  readonly rules: readonly CompiledRule[];
}

/**
 * @param hashOf the route's cohort hash, where requests are to be glanced at (gate-question.ts)
 * @returns the first; null where the route has no gates: then a request pays one comparison
 */
export function compileGates(gates: readonly (RouteGate & { readonly closed: Closure | null })[], book: RuleBook, hashOf: CohortHash | null = null): CompiledGate | null {
  return gates.reduceRight<CompiledGate | null>((next, { name, variant, rules, closed }) => {
    const from = book.add(rules, hashOf);
    return { variant, book, from, to: from + rules.length, closed, next, name, rules: rules.map((rule, i) => new CompiledRule(name, rule, book.conditions[conditionsOfAsk(book.asks[from + i]!)]!)) };
  }, null);
}

/** What was decided. Scratch: overwritten by the next `decideGates`. */
export class GateOutcome {
  /** Index into the route's variants. */
  variant = 0;
  reason: RoutingReason = "default";
  /** Which gate decided; null: none did. */
  gate: CompiledGate | null = null;
  /** Which rule of it: an index; -1: none, it is closed. */
  rule = -1;
}

/**
 * Gates are asked in the document's order, and their rules in the written order; of a gate the first rule that matches counts. `allow` and `target`
 * give the gate's variant and end the search. `deny` closes the variant to the request, and the next gate is asked. Where nobody gives, the bucket's owner
 * serves, or the baseline where the owner is closed. A closed gate (kill switch, rollback) is not asked, and its variant is closed to everybody.
 *
 * So a request that any rule matched is no part of the random sample (its reason is neither `weighted` nor `default`), whichever bucket it has: what is
 * left of each variant's buckets is alike, and may be compared.
 *
 * @param owner of the request's bucket @param reason of a request that the split decides about: `weighted` or `default`
 */
export function decideGates(first: CompiledGate | null, question: GateQuestion, owner: number, reason: RoutingReason, outcome: GateOutcome): void {
  let denied = false;
  let closed = false;
  outcome.variant = owner;
  outcome.reason = reason;
  outcome.gate = null;
  outcome.rule = -1;
  for (let gate = first; gate !== null; gate = gate.next) {
    if (gate.closed !== null) {
      if (gate.variant !== owner) continue;
      closed = true;
      if (!denied) outcome.gate = gate;
      continue;
    }
    const rule = firstMatch(gate, question);
    if (rule < 0) continue;
    const { effect } = gate.rules[rule]!;
    if (effect === "deny") {
      if (!denied || gate.variant === owner) {
        outcome.gate = gate;
        outcome.rule = rule;
      }
      denied = true;
      if (gate.variant === owner) outcome.variant = 0;
      continue;
    }
    outcome.variant = gate.variant;
    outcome.reason = effect === "allow" ? "allowed" : "targeted";
    outcome.gate = gate;
    outcome.rule = rule;
    return;
  }
  if (denied) outcome.reason = "denied";
  else if (closed) outcome.reason = "killed";
  if (closed) outcome.variant = 0;
}

function firstMatch({ rules, book, from, to }: CompiledGate, question: GateQuestion): number {
  const { marks, key } = question;
  if (marks === null) return rules.findIndex((rule) => rule.matches(question));
  const { asks, conditions } = book;
  const { cells, number } = marks;
  for (let i = from; i < to; i++) {
    const ask = asks[i]!;
    if (cells[slotOfAsk(ask)] === number && conditions[conditionsOfAsk(ask)]!.hold(question) && rules[i - from]!.takes(key)) return i - from;
  }
  return -1;
}
