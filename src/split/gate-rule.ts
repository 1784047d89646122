/** One rule of a gate, compiled once for each snapshot: whether a request matches it. */
import { bucketCount } from "../core/buckets.ts";
import type { GateCondition, GateEffect, GateRule } from "../core/gates.ts";
import { isOpenAt } from "../core/time-window.ts";
import { attributeReader, textTest } from "./attributes.ts";
import { bucketOfHash, cohortHash, type CohortHash } from "./bucket.ts";
import { never, slotOfRule } from "./gate-marks.ts";
import type { GateQuestion } from "./gate-question.ts";

type Test = (question: GateQuestion) => boolean;

/** When a rule says something, but for its share: one object for all rules of a snapshot that say the same, so that it is near when it is asked. */
export class Conditions {
  readonly when: readonly Test[];
  readonly unless: readonly Test[];

  constructor(when: readonly Test[], unless: readonly Test[]) {
    this.when = when;
    this.unless = unless;
  }

  hold(question: GateQuestion): boolean {
    const { when, unless } = this;
    for (let i = 0; i < when.length; i++) if (!when[i]!(question)) return false;
    return unless.length === 0 || !holdsAll(unless, question);
  }
}

/** What all rules of a snapshot share. */
export class RuleBook {
  /** Cohort keys that some rule names. */
  readonly namedKeys = new Set<string>();
  private readonly tests = new Map<string, Test>();
  private readonly conditions = new Map<string, Conditions>();

  of({ when, unless }: GateRule, region: string | null): Conditions {
    const make = (): Conditions => new Conditions(when.map((one) => this.test(one, region)), unless.map((one) => this.test(one, region)));
    // Lists of users are long, and nobody else's.
    return [...when, ...unless].some(({ kind }) => kind === "keys") ? make() : kept(this.conditions, JSON.stringify([when, unless]), make);
  }

  private test(condition: GateCondition, region: string | null): Test {
    if (condition.kind !== "keys") return kept(this.tests, JSON.stringify(condition), () => (condition.kind === "attribute" ? once(compileCondition(condition, region)) : compileCondition(condition, region)));
    for (const key of condition.values) this.namedKeys.add(key);
    return compileCondition(condition, region);
  }
}

function kept<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

/** Several rules ask the same of a request. */
function once(test: Test): Test {
  let of = -1;
  let known = false;
  return (question) => {
    if (question.number !== of) {
      known = test(question);
      of = question.number;
    }
    return known;
  };
}

/** Why a rule does not match. */
export type Miss =
  | { readonly part: "when"; readonly condition: GateCondition }
  | { readonly part: "unless"; /** The last, since all of them hold. */ readonly condition: GateCondition }
  | { readonly part: "share"; /** The cohort's place among those that the rule would match, 0 ... 99,999; null: it has no key. */ readonly bucket: number | null };

export class CompiledRule {
  readonly name: string;
  readonly effect: GateEffect;
  /** What a request has to have a mark for (gate-marks.ts) to be worth asking. */
  readonly slot: number;
  readonly conditions: Conditions;
  private readonly rule: GateRule;
  private readonly hash: CohortHash;

  /** @param gate the gate's name @param region the sidecar's; null: it has none */
  constructor(gate: string, rule: GateRule, region: string | null, book: RuleBook) {
    this.name = rule.name;
    this.effect = rule.effect;
    this.rule = rule;
    this.conditions = book.of(rule, region);
    this.hash = cohortHash(shareSalt(gate, rule.name));
    const here = (condition: GateCondition): boolean | null => (condition.kind === "regions" ? region !== null && condition.values.includes(region) : null);
    const elsewhere = rule.when.some((condition) => here(condition) === false) || (rule.unless.length > 0 && rule.unless.every((condition) => here(condition) === true));
    this.slot = elsewhere ? never : slotOfRule(rule.when);
  }

  matches(question: GateQuestion): boolean {
    return this.conditions.hold(question) && this.takes(question.key);
  }

  /** Whether the cohort is within the rule's share. */
  takes(key: string | undefined): boolean {
    return this.rule.share >= bucketCount || (key !== undefined && this.bucketOf(key) < this.rule.share);
  }

  /** Why it does not match, by the same tests; null where it does. Not for the request path. */
  miss(question: GateQuestion): Miss | null {
    if (this.matches(question)) return null;
    const { when, unless } = this.conditions;
    const failing = when.findIndex((test) => !test(question));
    if (failing >= 0) return { part: "when", condition: this.rule.when[failing]! };
    if (unless.length > 0 && holdsAll(unless, question)) return { part: "unless", condition: this.rule.unless.at(-1)! };
    return { part: "share", bucket: question.key === undefined ? null : this.bucketOf(question.key) };
  }

  private bucketOf(key: string): number {
    return bucketOfHash(this.hash(key));
  }
}

/** The salt of a rule's share: another one than the route's, so that who is targeted says nothing about who is in which bucket of the split. */
export const shareSalt = (gate: string, rule: string): string => `${gate}/${rule}`;

function holdsAll(tests: readonly Test[], question: GateQuestion): boolean {
  for (let i = 0; i < tests.length; i++) if (!tests[i]!(question)) return false;
  return true;
}

function compileCondition(condition: GateCondition, region: string | null): Test {
  switch (condition.kind) {
    case "attribute": {
      const read = attributeReader(condition.source, condition.name);
      const test = textTest(condition.source, condition.test);
      return (question) => {
        const value = read(question);
        return value !== undefined && test(value);
      };
    }
    case "keys": {
      const keys = new Set(condition.values);
      return ({ key }) => key !== undefined && keys.has(key);
    }
    case "paths":
      return pathTest(condition.values);
    case "methods": {
      const { values } = condition;
      return ({ request }) => values.includes(request.method);
    }
    case "regions": {
      const here = region !== null && condition.values.includes(region);
      return () => here;
    }
    case "times":
      return timeTest(condition.windows);
  }
}

function pathTest(values: Extract<GateCondition, { kind: "paths" }>["values"]): Test {
  const paths = values.map(({ kind, value }) => ({ exact: kind === "exact", value: kind === "prefix" && value.endsWith("/") ? value.slice(0, -1) : value }));
  return ({ request: { path } }) => {
    for (let i = 0; i < paths.length; i++) {
      const { exact, value } = paths[i]!;
      if (exact ? path === value : path.startsWith(value) && (path.length === value.length || path.charCodeAt(value.length) === slash)) return true;
    }
    return false;
  };
}

const slash = 0x2f;
const minuteMs = 60_000;

/** Edges are whole minutes, and to tell local time costs microseconds: what a minute's first request found holds for all of it. */
function timeTest(windows: Extract<GateCondition, { kind: "times" }>["windows"]): Test {
  let minute = -1;
  let open = false;
  return ({ nowMs }) => {
    const now = Math.floor(nowMs / minuteMs);
    if (now !== minute) {
      open = windows.some((window) => isOpenAt(window, now * minuteMs));
      minute = now;
    }
    return open;
  };
}
