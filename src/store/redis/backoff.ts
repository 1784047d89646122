import { jitteredMs } from "../../core/backoff.ts";
import type { Random } from "../../core/random.ts";

export const backoffFirstMs = 50;
export const backoffMsMax = 5_000;

/** How long to wait before an attempt to connect: a thousand sidecars that lost one Redis must not come back in one instant. @param attempt 1, 2, 3, ... */
export const backoffMs = (attempt: number, random: Random): number => jitteredMs(attempt, random, backoffFirstMs, backoffMsMax);
