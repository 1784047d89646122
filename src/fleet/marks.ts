/**
 * How often each effect has happened to a rollout, stored beside its state. A sidecar that follows the state, or was away while it
 * changed, sees from the difference what its own judge has to do; and evidence that is marked with these numbers is never
 * counted towards another step, candidate or breaker. Pure.
 */
import type { Effect } from "../rollout/types.ts";

/** By kind of effect; `rearmLimit` by limit, as `rearmLimit:2`. Absent: never. */
export type Marks = Readonly<Record<string, number>>;

export const noMarks: Marks = {};

const keyOf = (effect: Effect): string => (effect.kind === "rearmLimit" ? `rearmLimit:${effect.limit}` : effect.kind);

export function marked(marks: Marks, effects: readonly Effect[]): Marks {
  if (effects.length === 0) return marks;
  const next: Record<string, number> = { ...marks };
  for (const effect of effects) next[keyOf(effect)] = (next[keyOf(effect)] ?? 0) + 1;
  return next;
}

/** In the order in which a decision gives them: what is forgotten comes before what begins. */
const order = ["setWeight", "beginCandidate", "resetEvidence", "resetBreaker", "rearmLimit", "beginStep", "beginVerify"];

/** What has happened between two moments: each effect once, however often it did. @param state's step and weight, as they are now */
export function effectsSince(before: Marks, after: Marks, state: { readonly step: number; readonly weight: number }): Effect[] {
  const changed = Object.keys(after).filter((key) => after[key] !== before[key]);
  const rank = (key: string): number => order.indexOf(key.split(":")[0]!);
  return changed.toSorted((a, b) => rank(a) - rank(b)).flatMap((key): Effect[] => {
    const [kind, limit] = key.split(":");
    switch (kind) {
      case "setWeight": return [{ kind, weight: state.weight }];
      case "beginStep": return [{ kind, step: state.step }];
      case "rearmLimit": return [{ kind, limit: Number(limit) }];
      case "beginCandidate": case "resetEvidence": case "resetBreaker": case "beginVerify": return [{ kind }];
      default: return [];
    }
  });
}

/** What the strata and the bad responses were gathered for. */
export const eraOf = (marks: Marks): string => `${marks["beginCandidate"] ?? 0}.${marks["resetEvidence"] ?? 0}`;
/** What the step's counts were gathered for. */
export const stepOf = (marks: Marks): number => marks["beginStep"] ?? 0;
export const breakerOf = (marks: Marks): number => marks["resetBreaker"] ?? 0;
export const verifyOf = (marks: Marks): number => marks["beginVerify"] ?? 0;
