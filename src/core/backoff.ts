import type { Random } from "./random.ts";

/**
 * How long to wait before another attempt: twice as long each time, half of it random, so that many who failed together do not come back together.
 *
 * @param attempt 1, 2, 3, ... @returns whole milliseconds, `firstMs / 2` ... `maxMs`
 */
export function jitteredMs(attempt: number, random: Random, firstMs: number, maxMs: number): number {
  const ceiling = Math.min(maxMs, firstMs * 2 ** Math.min(attempt - 1, 20));
  return Math.round(ceiling / 2 + random() * (ceiling / 2));
}
