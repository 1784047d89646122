/** One rule of a gate, compiled once for each snapshot: whether a request matches it. */
import { bucketCount } from "../core/buckets.ts";
import type { GateCondition, GateEffect, GateRule } from "../core/gates.ts";
import { isOpenAt } from "../core/time-window.ts";
import { attributeReader, textTest } from "./attributes.ts";
import { bucketOfHash, cohortHash, type CohortHash } from "./bucket.ts";
import type { GateQuestion } from "./gate-question.ts";

type Test = (question: GateQuestion) => boolean;

/** Why a rule does not match. */
export type Miss =
  | { readonly part: "when"; readonly condition: GateCondition }
  | { readonly part: "unless"; /** The last, since all of them hold. */ readonly condition: GateCondition }
  | { readonly part: "share"; /** The cohort's place among those that the rule would match, 0 ... 99,999; null: it has no key. */ readonly bucket: number | null };

export class CompiledRule {
  readonly name: string;
  readonly effect: GateEffect;
  private readonly rule: GateRule;
  private readonly when: readonly Test[];
  private readonly unless: readonly Test[];
  private readonly hash: CohortHash;

  /** @param gate the gate's name @param region the sidecar's; null: it has none */
  constructor(gate: string, rule: GateRule, region: string | null) {
    this.name = rule.name;
    this.effect = rule.effect;
    this.rule = rule;
    this.when = rule.when.map((condition) => compileCondition(condition, region));
    this.unless = rule.unless.map((condition) => compileCondition(condition, region));
    this.hash = cohortHash(shareSalt(gate, rule.name));
  }

  matches(question: GateQuestion): boolean {
    const { when, unless } = this;
    for (let i = 0; i < when.length; i++) if (!when[i]!(question)) return false;
    if (unless.length > 0 && holdsAll(unless, question)) return false;
    return this.rule.share >= bucketCount || (question.key !== undefined && this.bucketOf(question.key) < this.rule.share);
  }

  /** Why it does not match, by the same tests; null where it does. Not for the request path. */
  miss(question: GateQuestion): Miss | null {
    if (this.matches(question)) return null;
    const failing = this.when.findIndex((test) => !test(question));
    if (failing >= 0) return { part: "when", condition: this.rule.when[failing]! };
    if (this.unless.length > 0 && holdsAll(this.unless, question)) return { part: "unless", condition: this.rule.unless.at(-1)! };
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
