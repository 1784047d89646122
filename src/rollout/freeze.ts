/** Freeze windows: whether one is open. */
import type { FreezeWindow } from "../config/rollout-plan.ts";
import { isOpenAt } from "../core/time-window.ts";

/** @param atMs since 1970 @returns the first window that is open then; undefined: none */
export function openFreeze(windows: readonly FreezeWindow[], atMs: number): FreezeWindow | undefined {
  return windows.find((window) => isOpenAt(window, atMs));
}
