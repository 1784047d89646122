/** What is wrong with a conversion or custom limit although each of its parts is well-formed. */
import type { RouteDocument } from "./dynamic-schema.ts";
import type { ConfigPath, Finding } from "./problem.ts";
import type { RolloutDocument } from "./rollout-schema.ts";

/** What a row of the slab has room for. */
const goalsMax = 4;

/** @param at of the rollout */
export function goalFindings({ cohort }: RouteDocument, { limits = [] }: RolloutDocument, at: ConfigPath): Finding[] {
  let goals = 0;
  let customs = 0;
  return limits.flatMap((limit, index): Finding[] => {
    const path = [...at, "limits", index];
    if (limit.metric === "custom" && ++customs > 1) return [{ path, message: "is a second custom limit, and one is counted for each route", remedy: "Keep the number that says most" }];
    if (limit.metric !== "conversion") return [];
    const { goal } = limit;
    const findings: Finding[] = [];
    if (++goals > goalsMax) findings.push({ path, message: `is conversion limit ${goals} of the route, and ${goalsMax} are counted`, remedy: "Keep the goals that a release can break" });
    if (cohort === "random") findings.push({ path, message: "follows cohorts on a route that assigns each request at random", remedy: "Give the route a cohort key, so that a user keeps one version" });
    if ((goal.path === undefined) === (goal.header === undefined)) {
      findings.push({ path: [...path, "goal"], message: goal.path === undefined ? "names neither a path nor a header" : "names a path and a header", remedy: "Write one of them; a second goal is a limit of its own" });
    }
    const stray = goal.path === undefined ? (["method", "status"] as const).filter((key) => goal[key] !== undefined) : goal.value === undefined ? [] : (["value"] as const);
    for (const key of stray) findings.push({ path: [...path, "goal", key], message: `has no meaning beside ${goal.path === undefined ? "header" : "path"}`, remedy: "Remove it", atKey: true });
    return findings;
  });
}
