import { baselineIndex } from "./compile-dynamic.ts";
import type { RouteDocument } from "./dynamic-schema.ts";
import { nearest } from "./nearest.ts";
import type { ConfigPath, Finding } from "./problem.ts";
import { goalFindings } from "./goal-checks.ts";
import { experimentFindings } from "./experiment-checks.ts";
import type { RolloutDocument } from "./rollout-schema.ts";
import { candidatesOf } from "./rollout-strategies.ts";
import { mirrorFindings, optionFindings, strategyFindings } from "./rollout-option-checks.ts";

/** What is wrong with a rollout although each of its parts is well-formed. */
export function rolloutFindings(route: RouteDocument, rollout: RolloutDocument, path: ConfigPath): Finding[] {
  const at = [...path, "rollout"];
  return [
    ...candidateFindings(route, rollout, at), ...stepFindings(route, rollout, at), ...limitFindings(rollout, at), ...goalFindings(route, rollout, at),
    ...strategyFindings(route, rollout, at), ...experimentFindings(route, rollout, at), ...mirrorFindings(route, rollout, at), ...optionFindings(rollout, at),
  ];
}

function candidateFindings(route: RouteDocument, rollout: RolloutDocument, at: ConfigPath): Finding[] {
  const { candidate, candidates } = rollout;
  if (candidate === undefined && candidates === undefined) return [{ path: [...at, "candidate"], message: "is missing", remedy: "Name the variant whose weight moves, or several as candidates" }];
  if (candidate !== undefined && candidates !== undefined) return [{ path: [...at, "candidates"], message: "are named beside candidate", remedy: "Keep one of the two: all that are compared with the baseline belong into candidates" }];
  return candidatesOf(rollout).flatMap((name, index, all): Finding[] => {
    const path = candidates === undefined ? [...at, "candidate"] : [...at, "candidates", index];
    if (all.indexOf(name) < index) return [{ path, message: "is named before", remedy: "Name each candidate once" }];
    return namedFindings(route, name, path);
  });
}

function namedFindings({ variants }: RouteDocument, name: string, path: ConfigPath): Finding[] {
  const baseline = variants[baselineIndex(variants)]!.name;
  const candidates = variants.map((variant) => variant.name).filter((one) => one !== baseline);
  if (name === baseline) {
    const remedy = candidates.length === 0 ? "Add a second variant: the candidate" : `Write ${candidates.join(" or ")}`;
    return [{ path, message: "is the baseline", remedy }];
  }
  if (candidates.includes(name)) return [];
  const near = nearest(name, candidates);
  const remedy = candidates.length === 0 ? "Add a second variant of this name" : near === undefined ? `Write ${candidates.join(" or ")}` : `Did you mean '${near}'?`;
  return [{ path, message: "is not a variant of this route", remedy }];
}

function stepFindings({ variants }: RouteDocument, rollout: RolloutDocument, at: ConfigPath): Finding[] {
  const findings: Finding[] = [];
  const steps = rollout.steps ?? [];
  const weights = steps.map((step) => (typeof step === "number" ? step : step.weight));
  for (const [index, weight] of weights.entries()) {
    const step = steps[index];
    const path = [...at, "steps", index, ...(typeof step === "number" ? [] : ["weight"])];
    if (weight === 0) findings.push({ path, message: "is 0, which exposes nobody", remedy: "Begin with a weight above 0; paused: true holds a rollout back" });
    else if (index > 0 && weight <= weights[index - 1]!) findings.push({ path, message: `is not above the step before it (${weights[index - 1]})`, remedy: "Let the weights rise" });
  }
  const baseline = baselineIndex(variants);
  const others = variants.reduce((sum, variant, index) => sum + (index === baseline || candidatesOf(rollout).includes(variant.name) ? 0 : Math.round((variant.weight ?? 0) * 1000)), 0);
  const left = (100_000 - others) / 1000;
  const last = weights.at(-1);
  if (left > 0 && last !== undefined && last !== left) {
    const remedy =
      last > left
        ? `End with ${left}: the route's other candidates hold ${others / 1000}`
        : `End with ${left}, where the bake watches the candidate; {weight: ${left}, approval: true} waits to be asked`;
    findings.push({ path: [...at, "steps", weights.length - 1], message: `must take all of the baseline's weight, ${left} percent, in the last step`, remedy });
  } else if (left <= 0) {
    findings.push({ path: [...at, "steps"], message: "has no room: the route's other candidates hold 100 percent or more", remedy: "Lower their weights" });
  }
  return findings;
}

function limitFindings(rollout: RolloutDocument, at: ConfigPath): Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<string>();
  for (const [index, limit] of (rollout.limits ?? []).entries()) {
    const path = [...at, "limits", index];
    const id = [limit.metric, limit.metric === "latency" ? limit.quantile : "name" in limit ? limit.name : []].flat().join(" ");
    if (seen.has(id)) findings.push({ path, message: `is a second limit on ${id}`, remedy: "name" in limit ? "Give it another name" : "Keep one limit for each metric and quantile" });
    seen.add(id);
    if (limit.metric === "latency" && limit.absolute !== undefined && limit.quantile !== "p95" && limit.quantile !== "p99") {
      const remedy = "Write quantile: p95 or quantile: p99 for it, or remove it";
      findings.push({ path: [...path, "absolute"], message: `has no meaning for ${limit.quantile}, which is only compared with the baseline`, remedy });
    }
  }
  return findings;
}
