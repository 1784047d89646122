/** What all candidates of an experiment may hold together. Pure. */
import type { RolloutWeight } from "./ports.ts";
import { around } from "./surroundings.ts";
import type { Turn } from "./turn.ts";
import type { Sibling } from "./types.ts";

const siblings = ({ evidence }: Pick<Turn, "evidence">): readonly Sibling[] => around(evidence).siblings ?? [];

export const chosenSibling = (turn: Turn): Sibling | undefined => (turn.plan.experiment === undefined ? undefined : siblings(turn).find(({ chosen }) => chosen));

/** Whether all candidates together stay within what they may hold. */
export function hasRoom({ plan, evidence }: Pick<Turn, "plan" | "evidence">, weight: number): boolean {
  if (plan.experiment === undefined) return true;
  return siblings({ evidence }).reduce((sum, one) => sum + thousandths(one.weight), thousandths(weight)) <= thousandths(plan.experiment.room);
}

/** The others still have users that this step is to have. */
export function roomGate(turn: Turn, step: number): { readonly waiting: "candidates"; readonly reason: "awaitingCandidates"; readonly subject: string | null } | null {
  const next = turn.plan.steps[step];
  if (next === undefined || hasRoom(turn, next.weight)) return null;
  return { waiting: "candidates", reason: "awaitingCandidates", subject: siblings(turn).find(({ weight }) => weight > 0)?.candidate ?? null };
}

/**
 * A sidecar that follows hears of one candidate before it hears of another: until it has heard of all, the largest has only what the others
 * leave. Nobody is given more by it.
 * @param rooms by route, in percent
 */
export function withinRoom(weights: readonly RolloutWeight[], rooms: ReadonlyMap<string, number>): readonly RolloutWeight[] {
  const fitted = [...weights];
  for (const [route, room] of rooms) {
    for (const key of ["weight", "shared"] as const) {
      const mine = fitted.flatMap((one, index) => (one.route === route ? [{ index, weight: one[key] ?? one.weight }] : []));
      const over = mine.reduce((sum, { weight }) => sum + thousandths(weight), 0) - thousandths(room);
      if (over <= 0) continue;
      const { index, weight } = mine.reduce((most, one) => (one.weight > most.weight ? one : most));
      fitted[index] = { ...fitted[index]!, [key]: Math.max(0, thousandths(weight) - over) / 1000 };
    }
  }
  return fitted;
}

const thousandths = (percent: number): number => Math.round(percent * 1000);
