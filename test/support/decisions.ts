/** Records of decisions as the controller writes them, made by `decide` itself on evidence that a test chooses. */
import type { RolloutPlan } from "../../src/config/rollout-plan.ts";
import { decide, initialState } from "../../src/rollout/decide.ts";
import { alone } from "../../src/rollout/surroundings.ts";
import type { DecisionRecord, Evidence, RolloutState, VariantWindow } from "../../src/rollout/types.ts";
import { plan } from "../rollout/world.ts";

export const quiet: VariantWindow = { requests: 0, settled: 0, failed: 0, errorRate: null, p50Ms: null, p95Ms: null, p99Ms: null };
export const well: VariantWindow = { requests: 500, settled: 500, failed: 1, errorRate: 0.002, p50Ms: 12, p95Ms: 20, p99Ms: 31 };
export const ill: VariantWindow = { requests: 60, settled: 60, failed: 30, errorRate: 0.5, p50Ms: 12, p95Ms: 20, p99Ms: 31 };

export const evidence = (changes: Partial<Evidence> = {}): Evidence => ({
  candidate: quiet, baseline: well, baselineEarlier: well, baselineSinceVerify: well,
  stepCandidateRequests: 0, stepBaselineRequests: 0, stepCandidateSettled: 0, candidateQuietMs: 60_000, limits: [],
  breaker: { tripped: false, wealth: 0, threshold: 200, bound: 0.3, bad: 0, ok: 0, clients: 0 }, badResponses: 0, command: null, ...changes,
});

export const tripped: Partial<Evidence> = {
  candidate: ill, breaker: { tripped: true, wealth: 900, threshold: 200, bound: 0.3, bad: 30, ok: 30, clients: 12 }, badResponses: 30, stepCandidateRequests: 60,
  candidateCohorts: 40,
};

/** A rollout that decides one thing after the other. */
export class Told {
  readonly records: DecisionRecord[] = [];
  state: RolloutState;
  private readonly plan: RolloutPlan;

  constructor(changes: Partial<RolloutPlan> = {}) {
    this.plan = plan(changes);
    this.state = initialState(this.plan, 0);
  }

  /** @returns what was recorded; throws where nothing is decided */
  decide(nowMs: number, changes: Partial<Evidence> = {}): DecisionRecord {
    const given = evidence(changes);
    const before = this.state;
    const { state, effects, reasons } = decide(this.plan, before, given, nowMs);
    const decision = reasons.at(-1);
    if (decision === undefined) throw new Error(`nothing is decided in ${before.phase}`);
    this.state = state;
    const record = { ...decision, inputs: { plan: this.plan, state: before, evidence: given }, effects, after: state };
    this.records.push(record);
    return record;
  }
}

/** It starts, fails, is rolled back, and that is verified. */
export function failedRollout(changes: Partial<RolloutPlan> = {}, fromMs = 1_000): Told {
  const told = new Told(changes);
  told.decide(fromMs);
  told.decide(fromMs + 4_000, tripped);
  told.decide(fromMs + 5_000);
  told.decide(fromMs + 12_000);
  return told;
}

/** It starts, is drilled by ada, and goes back to its step. */
export function drilledRollout(changes: Partial<RolloutPlan> = {}, fromMs = 1_000): Told {
  const told = new Told(changes);
  told.decide(fromMs);
  told.decide(fromMs + 4_000, { candidate: well, stepCandidateRequests: 200, stepCandidateSettled: 200, candidateQuietMs: 0, command: { verb: "drill", by: "ada", why: "game day" } });
  told.decide(fromMs + 4_600, { around: { ...alone, acknowledgedAfterMs: 83 } });
  told.decide(fromMs + 6_700);
  told.decide(fromMs + 6_800);
  return told;
}
