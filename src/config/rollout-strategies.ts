/** Strategies are presets: they fill in the steps and the bake time that a document leaves out. The engine is the same. */
import type { RolloutDocument } from "./rollout-schema.ts";

const day = 86_400_000;
const hour = 3_600_000;

/** A step as a strategy or a document has it; what is left out is filled in by the compiler. */
export type StepDraft = NonNullable<RolloutDocument["steps"]>[number];

const draft = (weight: number, changes: Partial<Exclude<StepDraft, number>> = {}): Exclude<StepDraft, number> => ({
  weight, dwell: 60_000, minRequests: 100, approval: false, evidence: undefined, early: false, mirrored: false, externalGates: [], probes: 0, ...changes,
});

/** The variants that a document moves, in its order; none where it names none. */
export const candidatesOf = ({ candidate, candidates }: Pick<RolloutDocument, "candidate" | "candidates">): readonly string[] => candidates ?? (candidate === undefined ? [] : [candidate]);

/** @param left percent that the route's other candidates leave, more than 0 @returns the document's steps, or the strategy's */
export function stepDrafts({ strategy, steps, candidates }: RolloutDocument, left: number): readonly StepDraft[] {
  if (steps !== undefined) return steps;
  switch (strategy) {
    case "blueGreen":
      return [draft(left, { approval: true })];
    case "ab":
      // Whether a split goes on is a question of goals, which a person answers.
      return [draft(Math.floor((left * 1000) / ((candidates?.length ?? 1) + 1)) / 1000, { dwell: 7 * day, evidence: false }), draft(left, { approval: true })];
    case "canary":
      return ramp(left);
    case "mirrorFirst":
      return ramp(left).with(0, draft(ramp(left)[0]!.weight, { mirrored: true }));
  }
}

const ramp = (left: number): Exclude<StepDraft, number>[] => [...[1, 10, 50].filter((weight) => weight < left), left].map((weight) => draft(weight));

/** Milliseconds. A switch of all users at once is watched longer than the end of a ramp. */
export const bakeOf = ({ strategy, bake }: RolloutDocument): number => bake ?? (strategy === "blueGreen" ? hour : 600_000);
