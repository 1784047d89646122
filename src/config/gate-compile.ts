/** From a checked gate to what the proxy evaluates and what people are told. Pure. */
import type { AttributeSource, GateCondition, GateRule, TextTest } from "../core/gates.ts";
import { bucketCount } from "../core/buckets.ts";
import type { GateDefinition, GatePolicy } from "./definition.ts";
import type { GateConditionsDocument, GateDocument, GateRuleDocument, JwtDocument, PolicyDocument } from "./gate-schema.ts";
import { compilePath } from "./path-schema.ts";
import type { JwtSettings } from "./snapshot.ts";
import { compileWindow } from "./window-schema.ts";

export function compileGate({ name, route, variant, description, owner, ticket, created, sunset, criteria, rules }: GateDocument): GateDefinition {
  return {
    name, route, variant, description: description ?? null, owner: owner ?? null, ticket: ticket ?? null,
    created: created ?? null, sunset: sunset ?? null, criteria: criteria ?? null, rules: rules.map(compileRule),
  };
}

export function compilePolicy({ mode, require, prefixes, style, lifeMax, stale }: PolicyDocument): GatePolicy {
  return { mode, require, prefixes, style, lifeMaxMs: lifeMax ?? null, fullMs: stale.full, hiddenMs: stale.hidden, idleMs: stale.idle };
}

export function compileJwt(jwt: JwtDocument | undefined): JwtSettings | null {
  return jwt === undefined ? null : { keys: jwt.keys, issuer: jwt.issuer ?? null, audience: jwt.audience ?? null, clockToleranceMs: jwt.clockTolerance };
}

/** A rule without a name has its place's. */
export const ruleName = (rule: GateRuleDocument, index: number): string => rule.name ?? `rule-${index + 1}`;

function compileRule(rule: GateRuleDocument, index: number): GateRule {
  return { name: ruleName(rule, index), effect: rule.effect, when: compileConditions(rule.when), unless: compileConditions(rule.unless), share: Math.round(rule.share * bucketCount) };
}

/** The cheap ones first: a rule that does not match should say so soon. */
function compileConditions(conditions: GateConditionsDocument | undefined): GateCondition[] {
  if (conditions === undefined) return [];
  const { regions, methods, paths, times, keys, headers = [], cookies = [], query = [], claims = [] } = conditions;
  return [
    ...(regions === undefined ? [] : [{ kind: "regions", values: regions } as const]),
    ...(methods === undefined ? [] : [{ kind: "methods", values: methods } as const]),
    ...(paths === undefined ? [] : [{ kind: "paths", values: paths.map(compilePath) } as const]),
    ...(times === undefined ? [] : [{ kind: "times", windows: times.map(compileWindow) } as const]),
    ...(keys === undefined ? [] : [{ kind: "keys", values: keys } as const]),
    ...headers.map((one) => compileAttribute("header", { ...one, name: one.name.toLowerCase() })),
    ...cookies.map((one) => compileAttribute("cookie", one)),
    ...query.map((one) => compileAttribute("query", one)),
    ...claims.map((one) => compileAttribute("claim", one)),
  ];
}

type Attribute = NonNullable<GateConditionsDocument["headers"]>[number];

function compileAttribute(source: AttributeSource, { name, ...tests }: Attribute): GateCondition {
  return { kind: "attribute", source, name, test: compileTest(tests) };
}

function compileTest({ value, in: values, prefix, suffix, contains }: Omit<Attribute, "name">): TextTest {
  if (value !== undefined) return { kind: "in", values: [value] };
  if (values !== undefined) return { kind: "in", values };
  if (prefix !== undefined) return { kind: "prefix", value: prefix };
  if (suffix !== undefined) return { kind: "suffix", value: suffix };
  return contains === undefined ? { kind: "present" } : { kind: "contains", value: contains };
}
