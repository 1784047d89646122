import { checkDynamic } from "../../src/config/dynamic-checks.ts";
import { type ConfigProblem, formatProblem } from "../../src/config/problem.ts";
import { parseSource } from "../../src/config/source.ts";
import type { Environment } from "../../src/config/substitute.ts";

/** Everything that is wrong with a dynamic document. */
export function problemsOf(yaml: string, environment: Environment = {}): ConfigProblem[] {
  const parsed = parseSource("routes.yaml", yaml, environment);
  if (!parsed.ok) return [...parsed.problems];
  const checked = checkDynamic(parsed.source.data, []);
  return checked.ok ? [] : checked.findings.map(parsed.source.locate);
}

/** The same as people read it: one line each. */
export function linesOf(yaml: string, environment: Environment = {}): string[] {
  return problemsOf(yaml, environment).map(formatProblem);
}

/** A document of one good route, in which parts can be replaced. Flow style: JSON is YAML. */
export function routeWith(parts: Record<string, unknown>): string {
  const route = {
    name: "shop",
    variants: [
      { name: "v1", endpoints: ["http://127.0.0.1:3001"] },
      { name: "v2", endpoints: ["http://127.0.0.1:3002"] },
    ],
    ...parts,
  };
  return JSON.stringify({ routes: [route] });
}
