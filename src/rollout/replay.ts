/** Makes recorded decisions again, with `decide` and nothing else: the proof that a decision is what its record says. Pure. */
import type { RolloutPlan } from "../config/rollout-plan.ts";
import { decide } from "./decide.ts";
import { underPlan } from "./replay-policy.ts";
import type { Decision, DecisionInputs, DecisionRecord } from "./types.ts";

/** Where the first difference is, and what stands on both sides, as JSON. */
export interface Difference {
  /** As `decision.weight` or `after.trips`. */
  readonly path: string;
  readonly recorded: string;
  readonly replayed: string;
}

/** `skipped`: nothing was decided, or the record is older than its inputs. */
export type Replayed = { readonly outcome: "same" } | { readonly outcome: "different"; readonly difference: Difference } | { readonly outcome: "skipped"; readonly why: string };

/** Recomputes one decision, its effects and the state after it. */
export function replay(record: DecisionRecord): Replayed {
  if (record.inputs === undefined) return { outcome: "skipped", why: "it was recorded without its inputs" };
  if (record.inputs === null) return { outcome: "skipped", why: "nobody decided it: the rollout was taken out of the configuration" };
  const { inputs, effects, after, ...decision } = record;
  const again = decide(inputs.plan, inputs.state, inputs.evidence, record.atMs);
  // What was recorded has been through JSON; what is compared with it goes the same way.
  const replayed: unknown = JSON.parse(JSON.stringify({ decision: again.reasons[0] ?? null, effects: again.effects, after: again.state }));
  const difference = firstDifference("", { decision, effects, after }, replayed);
  return difference === null ? { outcome: "same" } : { outcome: "different", difference };
}

/** What another plan makes of the same evidence at the same moment of the same rollout. */
export interface Instead {
  /** Null: it would not have decided anything then. */
  readonly decision: Decision | null;
  /** What the record cannot tell of the other plan. */
  readonly caveats: readonly string[];
}

export function decideInstead(inputs: DecisionInputs, atMs: number, other: RolloutPlan): Instead {
  const { plan, state, evidence, caveats } = underPlan(inputs, other);
  return { decision: decide(plan, state, evidence, atMs).reasons[0] ?? null, caveats };
}

/** Depth first, in the recorded order of the keys. */
function firstDifference(path: string, recorded: unknown, replayed: unknown): Difference | null {
  if (isObject(recorded) && isObject(replayed) && Array.isArray(recorded) === Array.isArray(replayed)) {
    for (const key of new Set([...Object.keys(recorded), ...Object.keys(replayed)])) {
      const found = firstDifference(path === "" ? key : `${path}.${key}`, recorded[key], replayed[key]);
      if (found !== null) return found;
    }
    return null;
  }
  return Object.is(recorded, replayed) ? null : { path, recorded: told(recorded), replayed: told(replayed) };
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
const told = (value: unknown): string => (value === undefined ? "nothing" : JSON.stringify(value));
