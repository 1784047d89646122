import type { Random } from "../../core/random.ts";

export const backoffFirstMs = 50;
export const backoffMsMax = 5_000;

/**
 * How long to wait before an attempt to connect. Half of it is random: a thousand sidecars that lost one Redis must not
 * come back in one instant.
 *
 * @param attempt 1, 2, 3, ... @returns milliseconds, `backoffFirstMs / 2` ... `backoffMsMax`
 */
export function backoffMs(attempt: number, random: Random): number {
  const ceiling = Math.min(backoffMsMax, backoffFirstMs * 2 ** Math.min(attempt - 1, 20));
  return Math.round(ceiling / 2 + random() * (ceiling / 2));
}
