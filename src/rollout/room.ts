/** What all candidates of an experiment may hold together. Pure. */
import type { RolloutWeight } from "./ports.ts";

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
      const over = mine.reduce((sum, { weight }) => sum + Math.round(weight * 1000), 0) - Math.round(room * 1000);
      if (over <= 0) continue;
      const { index, weight } = mine.reduce((most, one) => (one.weight > most.weight ? one : most));
      fitted[index] = { ...fitted[index]!, [key]: Math.max(0, Math.round(weight * 1000) - over) / 1000 };
    }
  }
  return fitted;
}
