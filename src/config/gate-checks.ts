/** What is wrong with gates although each is well-formed: where they belong, and whether a rule can ever match. */
import { baselineIndex } from "./compile-dynamic.ts";
import type { RouteDocument } from "./dynamic-schema.ts";
import { ruleName } from "./gate-compile.ts";
import type { GateConditionsDocument, GateDocument, GateRuleDocument, JwtDocument } from "./gate-schema.ts";
import { jwkFindings } from "./jwk-checks.ts";
import type { ConfigPath, Finding } from "./problem.ts";
import { windowFindings } from "./window-schema.ts";

interface World {
  readonly routes: readonly RouteDocument[];
  readonly gates: readonly GateDocument[];
  readonly jwt?: JwtDocument | undefined;
}

export function gateFindings(world: World, base: ConfigPath): Finding[] {
  const findings = world.gates.flatMap((gate, index) => {
    const path = [...base, "gates", index];
    const earlier = world.gates.slice(0, index);
    return [...placeFindings(gate, earlier, world.routes, path), ...dateFindings(gate, path), ...gate.rules.flatMap((rule, i) => ruleFindings(gate, rule, i, world, [...path, "rules", i]))];
  });
  return [...findings, ...(world.jwt === undefined ? [] : jwkFindings(world.jwt.keys, [...base, "jwt", "keys"]))];
}

function placeFindings(gate: GateDocument, earlier: readonly GateDocument[], routes: readonly RouteDocument[], path: ConfigPath): Finding[] {
  const found = (key: string, message: string, remedy: string): Finding[] => [{ path: [...path, key], message, remedy }];
  if (earlier.some((other) => other.name === gate.name)) return found("name", "is the name of an earlier gate", "Give each gate its own name");
  const route = routes.find((one) => one.name === gate.route);
  if (route === undefined) return found("route", "is not a route of this document", `Write ${routes.map((one) => one.name).slice(0, 8).join(" or ")}`);
  const baseline = route.variants[baselineIndex(route.variants)]!.name;
  if (gate.variant === baseline) return found("variant", "is the baseline, which whoever is not given a candidate gets", "Write the candidate that the gate opens");
  const candidates = route.variants.map((variant) => variant.name).filter((one) => one !== baseline);
  if (!candidates.includes(gate.variant)) return found("variant", `is not a variant of route '${route.name}'`, candidates.length === 0 ? "Add the variant to the route" : `Write ${candidates.join(" or ")}`);
  const other = earlier.find((one) => one.route === gate.route && one.variant === gate.variant);
  return other === undefined ? [] : found("variant", `has a gate already: '${other.name}'`, "Put the rules of both into one gate: their order decides");
}

function dateFindings({ created, sunset }: GateDocument, path: ConfigPath): Finding[] {
  return created !== undefined && sunset !== undefined && sunset <= created ? [{ path: [...path, "sunset"], message: "is not after `created`", remedy: "Write the day on which the gate should be gone" }] : [];
}

function ruleFindings(gate: GateDocument, rule: GateRuleDocument, index: number, { routes, jwt }: World, path: ConfigPath): Finding[] {
  const findings: Finding[] = [];
  const name = ruleName(rule, index);
  if (gate.rules.slice(0, index).some((other, i) => ruleName(other, i) === name)) findings.push({ path: [...path, "name"], message: "is the name of an earlier rule", remedy: "Give each rule of a gate its own name" });
  const keyless = routes.find((one) => one.name === gate.route)?.cohort === "random";
  if (keyless && rule.share < 1) findings.push({ path: [...path, "share"], message: "is a share of cohorts on a route that has no cohort key", remedy: "Give the route a cohort key, or remove the share" });
  for (const part of ["when", "unless"] as const) {
    const conditions = rule[part];
    if (conditions === undefined) continue;
    const at = [...path, part];
    if (Object.keys(conditions).length === 0) findings.push({ path: at, message: "asks for nothing", remedy: "Add a condition, or remove the key" });
    if (keyless && conditions.keys !== undefined) findings.push({ path: [...at, "keys"], message: "are cohort keys on a route that has none", remedy: "Give the route a cohort key" });
    if (jwt === undefined && conditions.claims !== undefined) findings.push({ path: [...at, "claims"], message: "are asked for, and nothing says whose tokens are believed", remedy: "Add jwt with the issuer's public keys to the document" });
    findings.push(...conditionFindings(conditions, at));
  }
  const earlier = gate.rules.findIndex((other, i) => i < index && other.when === undefined && other.unless === undefined && other.share >= 1);
  if (earlier >= 0) findings.push({ path, message: `can never match: '${ruleName(gate.rules[earlier]!, earlier)}' above matches every request`, remedy: "Move it up, or remove it: the first match counts" });
  return findings;
}

function conditionFindings(conditions: GateConditionsDocument, at: ConfigPath): Finding[] {
  const several = (["headers", "cookies", "claims", "query"] as const).flatMap((source) =>
    (conditions[source] ?? []).flatMap((one, index): Finding[] => {
      const given = Object.keys(one).filter((key) => key !== "name");
      return given.length > 1 ? [{ path: [...at, source, index, given[1]!], message: `stands beside ${given[0]}`, remedy: "Keep one of them: two entries of one name must both hold", atKey: true }] : [];
    }),
  );
  return [...several, ...(conditions.times ?? []).flatMap((window, index) => windowFindings(window, [...at, "times", index]))];
}
