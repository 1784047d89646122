/** One rule of a gate, compiled once for each snapshot: whether a request matches it. */
import { bucketCount } from "../core/buckets.ts";
import type { GateCondition, GateEffect, GateRule } from "../core/gates.ts";
import { bucketOfHash, cohortHash, type CohortHash } from "./bucket.ts";
import type { Conditions } from "./gate-conditions.ts";
import type { GateQuestion } from "./gate-question.ts";

/** Why a rule does not match. */
export type Miss =
  | { readonly part: "when"; readonly condition: GateCondition }
  | { readonly part: "unless"; /** The last, since all of them hold. */ readonly condition: GateCondition }
  | { readonly part: "share"; /** The cohort's place among those that the rule would match, 0 ... 99,999; null: it has no key. */ readonly bucket: number | null };

export class CompiledRule {
  readonly name: string;
  readonly effect: GateEffect;
  private readonly conditions: Conditions;
  private readonly rule: GateRule;
  /** Of its share; null: it takes all. */
  private readonly places: CohortHash | null;

  /** @param gate the gate's name */
  constructor(gate: string, rule: GateRule, conditions: Conditions) {
    this.name = rule.name;
    this.effect = rule.effect;
    this.rule = rule;
    this.conditions = conditions;
    this.places = rule.share >= bucketCount ? null : cohortHash(shareSalt(gate, rule.name));
  }

  matches(question: GateQuestion): boolean {
    return this.conditions.hold(question) && this.takes(question.key);
  }

  /** Whether the cohort is within the rule's share. */
  takes(key: string | undefined): boolean {
    return this.places === null || (key !== undefined && bucketOfHash(this.places.hash(key)) < this.rule.share);
  }

  /** Why it does not match, by the same tests; null where it does. Not for the request path. */
  miss(question: GateQuestion): Miss | null {
    const { key } = question;
    const failing = this.conditions.when.findIndex((condition) => !condition.holds(question));
    if (failing >= 0) return { part: "when", condition: this.rule.when[failing]! };
    if (this.conditions.excuse(question)) return { part: "unless", condition: this.rule.unless.at(-1)! };
    if (this.takes(key)) return null;
    return { part: "share", bucket: key === undefined || this.places === null ? null : bucketOfHash(this.places.hash(key)) };
  }
}

/** The salt of a rule's share: another one than the route's, so that who is targeted says nothing about who is in which bucket of the split. */
export const shareSalt = (gate: string, rule: string): string => `${gate}/${rule}`;
