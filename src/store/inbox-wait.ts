/** Whether a message that was left in an inbox has been taken. */
import { access } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

const pollMs = 10;

/** @param withinMs how long is waited @returns false where it still lies there */
export async function isTaken(message: string, withinMs: number): Promise<boolean> {
  for (const endMs = performance.now() + withinMs; ; await delay(pollMs)) {
    const there = await access(message).then(() => true, () => false);
    if (!there) return true;
    if (performance.now() >= endMs) return false;
  }
}
