/** From a checked rollout document to the plan that `decide` reads. Pure. */
import type { VariantDefinition } from "./definition.ts";
import { defaultLimits, defaultMirrorLimit, defaultRollout, rolloutName, type FreezeWindow, type LimitPlan, type RolloutPlan, type RolloutStep } from "./rollout-plan.ts";
import type { GoalDocument, RolloutDocument } from "./rollout-schema.ts";
import { compilePath } from "./path-schema.ts";
import { compileWindow } from "./window-schema.ts";
import { bakeOf, candidatesOf, stepDrafts } from "./rollout-strategies.ts";
import type { Goal } from "./snapshot.ts";

/** The limits of a document that names none. */
const limitsOf = (strategy: RolloutDocument["strategy"]): readonly LimitPlan[] => (strategy === "mirrorFirst" ? [...defaultLimits, defaultMirrorLimit] : defaultLimits);

/** @param variants of the route; index 0 is the baseline @returns a plan for each candidate, in the document's order */
export function compileRollout(route: string, rollout: RolloutDocument, variants: readonly VariantDefinition[]): readonly RolloutPlan[] {
  return candidatesOf(rollout).map((candidate) => compileCandidate(route, rollout, variants, candidate));
}

function compileCandidate(route: string, rollout: RolloutDocument, variants: readonly VariantDefinition[], name: string): RolloutPlan {
  const candidate = variants.find((variant) => variant.name === name)!;
  const candidates = rollout.candidates?.length ?? 1;
  const left = (100_000 - variants.reduce((sum, { weight }) => sum + Math.round((weight ?? 0) * 1000), 0)) / 1000;
  const limits = rollout.limits === undefined ? limitsOf(rollout.strategy) : rollout.limits.map(compileLimit);
  const provable = limits.some((limit) => limit.prove === true);
  return {
    name: rolloutName(route, rollout.candidates === undefined ? null : name),
    route,
    baseline: variants[0]!.name,
    candidate: candidate.name,
    revision: candidate.revision,
    strategy: rollout.strategy,
    steps: stepDrafts(rollout, left).map((step): RolloutStep => {
      const weight = typeof step === "number" ? step : step.weight;
      // Beside a baseline without users nothing can be shown.
      const evidence = (typeof step === "number" ? undefined : step.evidence) ?? (defaultRollout.evidence && provable && weight < left);
      return typeof step === "number"
        ? { weight, dwellMs: defaultRollout.dwellMs, minRequests: defaultRollout.minRequests, approval: false, evidence, early: false, probes: 0, mirrored: false, externalGates: [] }
        : { weight, dwellMs: step.dwell, minRequests: step.minRequests, approval: step.approval, evidence, early: step.early, probes: step.probes, mirrored: step.mirrored, externalGates: step.externalGates };
    }),
    limits,
    bakeMs: bakeOf(rollout),
    exposureBudget: rollout.exposureBudget ?? null,
    paused: rollout.paused,
    breaker: rollout.breaker,
    // Whichever of them goes back falsely: the union bound.
    alpha: rollout.alpha / candidates,
    ...(rollout.candidates === undefined ? {} : { experiment: { candidates, room: left } }),
    inconclusive: rollout.inconclusive === undefined ? null : { afterMs: rollout.inconclusive.after, action: rollout.inconclusive.action },
    freeze: rollout.freeze.map(compileFreeze),
    cooldown: { firstMs: rollout.cooldown.first, maxMs: rollout.cooldown.max },
    regions: Object.entries(rollout.regions).map(([region, weightMax]) => ({ region, weightMax })),
    group: rollout.group ?? null,
    playbook: rollout.playbook,
    sampleRatio: rollout.sampleRatio,
    probes: rollout.probes === undefined ? null : { method: rollout.probes.method, path: rollout.probes.path, intervalMs: rollout.probes.interval, timeoutMs: rollout.probes.timeout },
  };
}

function compileLimit(limit: NonNullable<RolloutDocument["limits"]>[number]): LimitPlan {
  const { action, scope, prove, budgetShare } = limit;
  // Absent where it is not written, so that a plan is the same as before the option was known.
  const options = { action, scope, ...(budgetShare === undefined ? {} : { budgetShare }) };
  switch (limit.metric) {
    case "errorRate": {
      const { metric, relative, margin, absolute, advanceMargin } = limit;
      return { ...options, metric, relative, margin, absolute: absolute ?? null, prove, advanceMargin: Math.max(margin, advanceMargin) };
    }
    case "latency": {
      const { metric, quantile, margin, floor, absolute } = limit;
      return { ...options, metric, quantile, margin, floorMs: floor, absoluteMs: absolute ?? null, prove: prove ?? quantile === "location" };
    }
    case "conversion": {
      const { metric, name, relative, goal } = limit;
      return { ...options, metric, name, goal: compileGoal(goal), relative, prove };
    }
    case "custom": {
      const { metric, name, header, worse, margin } = limit;
      return { ...options, metric, name, header: header.toLowerCase(), worse, margin, prove };
    }
    case "mirror": {
      const { metric, differing } = limit;
      return { ...options, metric, differing, prove };
    }
  }
}

function compileGoal({ path, method, status = [200, 299], header, value }: GoalDocument): Goal {
  if (path === undefined) return { kind: "header", name: (header ?? "").toLowerCase(), value: value ?? null };
  return { kind: "request", method: method ?? null, path: compilePath(path), statusFrom: status[0], statusTo: status[1] };
}

const compileFreeze = ({ name, ...window }: RolloutDocument["freeze"][number]): FreezeWindow => ({ ...compileWindow(window), name });
