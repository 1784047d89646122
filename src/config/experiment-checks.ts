/** What several candidates beside one baseline ask of the rest of their rollout. */
import { baselineIndex } from "./compile-dynamic.ts";
import type { RouteDocument } from "./dynamic-schema.ts";
import type { ConfigPath, Finding } from "./problem.ts";
import type { RolloutDocument } from "./rollout-schema.ts";

export function experimentFindings(route: RouteDocument, rollout: RolloutDocument, at: ConfigPath): Finding[] {
  const { candidates, strategy, group, limits, steps = [] } = rollout;
  if (candidates === undefined) return [];
  const findings: Finding[] = [];
  if (strategy !== "ab") findings.push({ path: [...at, "strategy"], message: `is ${strategy} with several candidates, of which one can have all users in the end`, remedy: "Write strategy: ab, in which somebody chooses it" });
  if (group !== undefined) findings.push({ path: [...at, "group"], message: "is given to several candidates, which go back one by one", remedy: "Remove it" });
  for (const [index, { metric }] of (limits ?? []).entries()) {
    if (metric === "mirror") findings.push({ path: [...at, "limits", index, "metric"], message: "is mirror with several candidates, and a route copies to one variant", remedy: "Remove it" });
  }
  for (const [index, step] of steps.entries()) {
    if (typeof step !== "number" && step.mirrored) findings.push({ path: [...at, "steps", index, "mirrored"], message: "is true with several candidates, and a route copies to one variant", remedy: "Remove it" });
  }
  if (steps.length === 1) findings.push({ path: [...at, "steps"], message: "has the one step of whoever is chosen, and none in which the candidates are compared", remedy: "Add a step before it" });
  return [...findings, ...roomFindings(route, candidates, steps, at)];
}

/** All candidates may be in the same step at once, and the baseline that they are compared with needs users. */
function roomFindings({ variants }: RouteDocument, candidates: readonly string[], steps: NonNullable<RolloutDocument["steps"]>, at: ConfigPath): Finding[] {
  const baseline = baselineIndex(variants);
  const others = variants.reduce((sum, { name, weight }, index) => sum + (index === baseline || candidates.includes(name) ? 0 : Math.round((weight ?? 0) * 1000)), 0);
  const left = 100_000 - others;
  return steps.slice(0, -1).flatMap((step, index): Finding[] => {
    const weight = typeof step === "number" ? step : step.weight;
    if (Math.round(weight * 1000) * candidates.length < left) return [];
    const most = Math.floor(left / (candidates.length + 1)) / 1000;
    return [{
      path: [...at, "steps", index, ...(typeof step === "number" ? [] : ["weight"])], message: `is ${weight} percent for each of ${candidates.length} candidates, which leaves the baseline no users to compare with`,
      remedy: `Write ${most} for an even split, or less`,
    }];
  });
}
