/** Strategies, evidence, probes, freezes and the like: parts of a rollout that must fit together. */
import type { RouteDocument } from "./dynamic-schema.ts";
import type { ConfigPath, Finding } from "./problem.ts";
import type { RolloutDocument } from "./rollout-schema.ts";
import { windowFindings } from "./window-schema.ts";

export function strategyFindings({ cohort, mirror }: RouteDocument, { strategy, steps, candidate }: RolloutDocument, at: ConfigPath): Finding[] {
  const path = [...at, "strategy"];
  switch (strategy) {
    case "canary":
      return [];
    case "mirrorFirst":
      return candidate === undefined || mirror?.variant === candidate ? [] : [{ path, message: "is mirrorFirst, and the route mirrors nothing to the candidate", remedy: `Give the route mirror: {variant: ${candidate}}` }];
    case "blueGreen":
      return steps !== undefined && steps.length !== 1
        ? [{ path: [...at, "steps"], message: "has several steps, and blueGreen switches once", remedy: "Keep the last one, or write strategy: canary" }]
        : [];
    case "ab": {
      const last = steps?.at(-1);
      const asks = last === undefined || (typeof last !== "number" && last.approval);
      const findings: Finding[] = [];
      if (cohort === "random") findings.push({ path, message: "is ab on a route that assigns each request at random", remedy: "Give the route a cohort key, so that a user keeps one version" });
      if (!asks) findings.push({ path: [...at, "steps", steps!.length - 1], message: "ends an ab split without asking anybody", remedy: "Write approval: true on the last step" });
      return findings;
    }
  }
}

/** What speaks of copies needs copies. */
export function mirrorFindings({ mirror }: RouteDocument, { limits, steps = [], strategy, candidate }: RolloutDocument, at: ConfigPath): Finding[] {
  // Of several candidates one would get the copies, and all have the same limits: said once, by experimentFindings.
  if (candidate === undefined) return [];
  const copied = mirror?.variant === candidate;
  const limited = limits === undefined ? strategy === "mirrorFirst" : limits.some(({ metric }) => metric === "mirror");
  const remedy = `Give the route mirror: {variant: ${candidate}}, or remove this`;
  const findings: Finding[] = (limits ?? []).flatMap((limit, index) =>
    limit.metric === "mirror" && !copied ? [{ path: [...at, "limits", index, "metric"], message: "is mirror, and the route mirrors nothing to the candidate", remedy }] : []);
  if (strategy === "mirrorFirst" && !limited) findings.push({ path: [...at, "limits"], message: "has no limit on what is mirrored first", remedy: "Add {metric: mirror}" });
  for (const [index, step] of steps.entries()) {
    if (typeof step === "number" || !step.mirrored) continue;
    const path = [...at, "steps", index, "mirrored"];
    if (!copied) findings.push({ path, message: "is true, and the route mirrors nothing to the candidate", remedy });
    else if (!limited) findings.push({ path, message: "is true, and no limit says what may differ", remedy: "Add {metric: mirror} to the limits" });
  }
  return findings;
}

export function optionFindings(rollout: RolloutDocument, at: ConfigPath): Finding[] {
  return [...evidenceFindings(rollout, at), ...scopeFindings(rollout, at), ...timeFindings(rollout, at), ...regionFindings(rollout, at)];
}

function evidenceFindings({ steps = [], limits, probes }: RolloutDocument, at: ConfigPath): Finding[] {
  const provable = limits?.some((limit) => limit.prove ?? (limit.metric === "latency" && limit.quantile === "location")) ?? true;
  return steps.flatMap((step, index): Finding[] => {
    if (typeof step === "number") return [];
    const path = [...at, "steps", index];
    const findings: Finding[] = [];
    for (const key of ["evidence", "early"] as const) {
      if (step[key] !== true) continue;
      if (index === steps.length - 1) findings.push({ path: [...path, key], message: "is true on the last step, which leaves no baseline to compare with", remedy: "Remove it: the bake time watches the last step" });
      else if (!provable) findings.push({ path: [...path, key], message: "is true, but no limit has to prove anything", remedy: "Write prove: true on a limit" });
    }
    if (step.probes > 0 && probes === undefined) findings.push({ path: [...path, "probes"], message: "asks for probes that are not declared", remedy: "Declare rollout.probes with a path, or write 0" });
    return findings;
  });
}

function scopeFindings({ limits = [] }: RolloutDocument, at: ConfigPath): Finding[] {
  return limits.flatMap((limit, index) =>
    limit.scope === "inRegion" && limit.action !== "rollback"
      ? [{ path: [...at, "limits", index, "scope"], message: `is inRegion with the action ${limit.action}`, remedy: "Write action: rollback, or remove the scope: only taking users away is done by region" }]
      : [],
  );
}

function timeFindings({ steps = [], inconclusive, freeze, cooldown }: RolloutDocument, at: ConfigPath): Finding[] {
  const findings: Finding[] = [];
  const dwells = steps.map((step) => (typeof step === "number" ? 60_000 : step.dwell));
  const long = dwells.findIndex((dwell) => inconclusive !== undefined && inconclusive.after <= dwell);
  if (long >= 0) findings.push({ path: [...at, "inconclusive", "after"], message: `is not longer than the dwell of step ${long + 1}`, remedy: "Give every step its dwell first, and then time to gather evidence" });
  for (const [index, window] of freeze.entries()) findings.push(...windowFindings(window, [...at, "freeze", index]));
  if (cooldown.max < cooldown.first) findings.push({ path: [...at, "cooldown", "max"], message: "is shorter than the first cooldown", remedy: "Write at least as much as `first`" });
  return findings;
}

/** Every decision's record holds the plan. */
const regionsMax = 64;

/** As `identity.region` may be called. */
function regionFindings({ regions }: RolloutDocument, at: ConfigPath): Finding[] {
  const count = Object.keys(regions).length;
  if (count > regionsMax) return [{ path: [...at, "regions"], message: `names ${count} regions, more than ${regionsMax}`, remedy: "Name only those that need a cap" }];
  return Object.keys(regions).flatMap((region) =>
    /^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/.test(region)
      ? []
      : [{ path: [...at, "regions", region], message: "is not the name of a region", remedy: "Write letters, digits, '.', '_' and '-'", atKey: true }],
  );
}
