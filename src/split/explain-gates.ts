/** Why a request was given what it was given: the same rules and tests as on the request path, told one by one. */
import type { Closure, GateEffect } from "../core/gates.ts";
import type { RoutingReason } from "../core/reasons.ts";
import { decideGates, GateOutcome, type CompiledGate } from "./gate.ts";
import type { Miss } from "./gate-rule.ts";
import type { GateQuestion } from "./gate-question.ts";

export interface GateExplanation {
  readonly gate: string;
  /** Index into the route's variants. */
  readonly variant: number;
  /** Null: it is open, and its rules count. */
  readonly closed: Closure | null;
  /** As far as they were asked: up to the first that matched. Of a closed gate none is. */
  readonly rules: readonly RuleExplanation[];
}

export interface RuleExplanation {
  readonly rule: string;
  readonly effect: GateEffect;
  /** Null: it matched. */
  readonly miss: Miss | null;
}

export interface GatesExplanation {
  readonly variant: number;
  readonly reason: RoutingReason;
  /** The gate and the rule that decided; null: none did, or it is closed. */
  readonly gate: string | null;
  readonly rule: string | null;
  /** As far as they were asked. */
  readonly gates: readonly GateExplanation[];
}

/** @param owner of the bucket @param reason of a request that the split decides about: see `decideGates` */
export function explainGates(first: CompiledGate | null, question: GateQuestion, owner: number, reason: RoutingReason): GatesExplanation {
  const outcome = new GateOutcome();
  decideGates(first, question, owner, reason, outcome);
  const given = outcome.reason === "allowed" || outcome.reason === "targeted";
  const asked: CompiledGate[] = [];
  for (let gate = first; gate !== null; gate = given && gate === outcome.gate ? null : gate.next) asked.push(gate);
  return {
    variant: outcome.variant,
    reason: outcome.reason,
    gate: outcome.gate?.name ?? null,
    rule: outcome.gate?.rules[outcome.rule]?.name ?? null,
    gates: asked.map((gate) => ({ gate: gate.name, variant: gate.variant, closed: gate.closed, rules: gate.closed === null ? rulesOf(gate, question) : [] })),
  };
}

function rulesOf({ rules }: CompiledGate, question: GateQuestion): RuleExplanation[] {
  const told: RuleExplanation[] = [];
  for (const rule of rules) {
    const miss = rule.miss(question);
    told.push({ rule: rule.name, effect: rule.effect, miss });
    if (miss === null) break;
  }
  return told;
}
