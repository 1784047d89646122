/** Recorded inputs, as another plan would have had them, as far as the record can tell. Pure. */
import { limitId as idOf, type LimitPlan, type RolloutPlan } from "../config/rollout-plan.ts";
import { nameOf } from "./limit-evidence.ts";
import type { DecisionInputs, Evidence, LimitEvidence, RolloutState } from "./types.ts";

export interface Reworked extends DecisionInputs {
  /** What the record cannot tell of the other plan. */
  readonly caveats: readonly string[];
}

/**
 * The other plan on the recorded candidate. The evidence of a limit that tests the same thing is taken over, and held
 * against the other plan's threshold and action; what another margin would have gathered is not in the record.
 */
export function underPlan({ plan: recorded, state, evidence }: DecisionInputs, other: RolloutPlan): Reworked {
  const { name, route, baseline, candidate, revision } = recorded;
  const plan: RolloutPlan = { ...other, name, route, baseline, candidate, revision };
  const caveats: string[] = [];
  const limits = sameJudging(plan, recorded) ? evidence.limits : reweighed(plan, plan.limits.map((limit) => carried(limit, recorded.limits, evidence.limits, caveats)));
  if (plan.limits.length !== recorded.limits.length) caveats.push("it has other limits: what is taken over keeps the recorded shares of the budget");
  const around = evidence.around === undefined ? {} : { around: { ...evidence.around, shown: plan.limits.map((limit) => shownOf(limit, recorded.limits, evidence)) } };
  if (plan.steps.length !== recorded.steps.length) caveats.push(`it has ${plan.steps.length} steps and not ${recorded.steps.length}: a step is taken for the one of the same number`);
  return { plan, state: standIn(state, recorded, plan), evidence: { ...evidence, limits, ...around }, caveats };
}

/** At the other plan's step of the same number, with that step's weight: otherwise each decision would be that the plan has changed. */
function standIn(state: RolloutState, recorded: RolloutPlan, plan: RolloutPlan): RolloutState {
  if (JSON.stringify(plan.steps) === JSON.stringify(recorded.steps)) return state;
  const step = Math.min(state.step, plan.steps.length - 1);
  const full = state.step >= 0 && state.weight === recorded.steps[Math.min(state.step, recorded.steps.length - 1)]!.weight;
  const bakeSinceMs = step === plan.steps.length - 1 ? state.bakeSinceMs : null;
  const phase = state.phase === "baking" && bakeSinceMs === null ? "progressing" : state.phase;
  return { ...state, step, phase, bakeSinceMs, weight: full ? plan.steps[step]!.weight : state.weight };
}

/** Then the recorded verdicts are the other plan's as well. */
const sameJudging = (a: RolloutPlan, b: RolloutPlan): boolean =>
  a.alpha === b.alpha && a.limits.length === b.limits.length && a.limits.every((limit, i) => limit.action === b.limits[i]!.action && idOf(limit) === idOf(b.limits[i]!) && testOf(limit) === testOf(b.limits[i]!));

/** What the evidence of a limit was gathered with; its action, its scope and whether it has to prove something are not part of it. */
function testOf(limit: LimitPlan): string {
  const { action: _action, scope: _scope, prove: _prove, ...test } = limit;
  return JSON.stringify(Object.entries(test).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function carried(limit: LimitPlan, before: readonly LimitPlan[], evidence: readonly LimitEvidence[], caveats: string[]): LimitEvidence {
  const index = before.findIndex((other) => idOf(other) === idOf(limit));
  const found = evidence[index];
  if (found !== undefined && testOf(before[index]!) === testOf(limit)) return found;
  caveats.push(found === undefined ? `nothing was gathered for its limit on ${idOf(limit)}` : `its limit on ${idOf(limit)} tests something else than the recorded one`);
  const quantile = limit.metric === "latency" ? limit.quantile : null;
  const unknown: LimitEvidence = {
    metric: limit.metric, quantile, ...nameOf(limit), action: limit.action, verdict: "inconclusive", bound: "relative", candidateValue: null, baselineValue: null, limitValue: null,
    margin: "margin" in limit ? limit.margin : 0, candidateN: 0, baselineN: 0, wealth: 0, groupWealth: 0, threshold: 0, share: 0, phi: 1, notWorse: 0,
  };
  return found === undefined ? unknown : { ...unknown, candidateValue: found.candidateValue, baselineValue: found.baselineValue, candidateN: found.candidateN, baselineN: found.baselineN };
}

function shownOf(limit: LimitPlan, before: readonly LimitPlan[], evidence: Evidence): boolean {
  const index = before.findIndex((other) => idOf(other) === idOf(limit) && testOf(other) === testOf(limit));
  return evidence.around?.shown?.[index] === true;
}

/** Groups are by action, and the threshold is 2 / alpha (JUDGE 3): both may be others now. */
function reweighed(plan: RolloutPlan, limits: readonly LimitEvidence[]): LimitEvidence[] {
  const threshold = 2 / plan.alpha;
  return limits.map((limit, i) => {
    const { action } = plan.limits[i]!;
    const group = limits.filter((_, k) => plan.limits[k]!.action === action);
    const groupWealth = group.reduce((sum, { wealth }) => sum + wealth, 0);
    const strongest = group.every(({ wealth }) => wealth <= limit.wealth) && limit.wealth > 0;
    const verdict = groupWealth >= threshold && strongest ? "breached" : limit.notWorse >= 20 ? "healthy" : "inconclusive";
    return { ...limit, action, verdict, groupWealth, threshold };
  });
}
