import { z } from "zod";
import { check, type Checked } from "./check.ts";
import { cohortFindings } from "./cohort-checks.ts";
import { type DynamicDocument, dynamicSchema, type RouteDocument, routeSchema } from "./dynamic-schema.ts";
import { gateFindings } from "./gate-checks.ts";
import { policyFindings } from "./gate-policy.ts";
import { shadows } from "./match-cover.ts";
import type { ConfigPath, Finding } from "./problem.ts";
import { rolloutFindings } from "./rollout-checks.ts";
import { groupFindings } from "./rollout-groups.ts";
import { variantFindings } from "./variant-checks.ts";

/** A route that is well-formed by itself, and where it stands in the document. */
export interface PlacedRoute {
  readonly route: RouteDocument;
  readonly path: ConfigPath;
}

/**
 * Checks a dynamic document: its form by the schema, then its sense. The sense of each route that is well-formed is
 * checked even where another route is not, so that one run shows every error.
 *
 * @param base where the document stands: empty, or `dynamic` inside a bootstrap document
 */
export function checkDynamic(data: unknown, base: ConfigPath): Checked<DynamicDocument> & { readonly routes: readonly PlacedRoute[] } {
  const checked = check(dynamicSchema, data, base);
  const routes = checked.ok
    ? checked.value.routes.map((route, index) => ({ route, path: [...base, "routes", index] }))
    : wellFormedRoutes(data, base);
  const findings = [...(checked.ok ? [] : checked.findings), ...routes.flatMap(routeFindings), ...acrossRoutes(routes), ...(checked.ok ? [...groupFindings(routes), ...acrossGates(checked.value, base)] : [])];
  return findings.length === 0 && checked.ok ? { ...checked, routes } : { ok: false, findings, routes };
}

function acrossGates(document: DynamicDocument, base: ConfigPath): Finding[] {
  const { gates, gatePolicy } = document;
  return [...gateFindings(document, base), ...(gatePolicy.mode === "enforce" ? policyFindings(gates, gatePolicy, base) : [])];
}

function wellFormedRoutes(data: unknown, base: ConfigPath): PlacedRoute[] {
  const list = z.object({ routes: z.array(z.unknown()) }).safeParse(data);
  if (!list.success) return [];
  return list.data.routes.flatMap((one, index) => {
    const parsed = routeSchema.safeParse(one);
    return parsed.success ? [{ route: parsed.data, path: [...base, "routes", index] }] : [];
  });
}

function routeFindings({ route, path }: PlacedRoute): Finding[] {
  return [
    ...cohortFindings(route, path),
    ...variantFindings(route, path),
    ...(route.rollout === undefined ? [] : rolloutFindings(route, route.rollout, path)),
  ];
}

function acrossRoutes(routes: readonly PlacedRoute[]): Finding[] {
  const findings: Finding[] = [];
  for (const [index, { route, path }] of routes.entries()) {
    const earlier = routes.slice(0, index);
    if (earlier.some((other) => other.route.name === route.name)) {
      findings.push({ path: [...path, "name"], message: "is the name of an earlier route", remedy: "Give each route its own name" });
    }
    const shadow = earlier.find((other) => shadows(other.route.match, route.match));
    if (shadow !== undefined) {
      const remedy = "Move the narrower route up, or remove this one: the first match serves";
      findings.push({ path, message: `can never be reached: route '${shadow.route.name}' above matches all that it matches`, remedy });
    }
  }
  return findings;
}
