/** A command that was given to a sidecar that follows, on its way to the leader. */
import { commandVerbs, type Command } from "../rollout/types.ts";

export interface Forwarded {
  readonly route: string;
  readonly command: Command;
}

const textMax = 4_096;

/** @returns null for what is no command */
export function forwardedOf(text: string): Forwarded | null {
  try {
    const { route, command } = JSON.parse(text) as { route?: unknown; command?: { verb?: unknown; by?: unknown; why?: unknown; verified?: unknown } };
    const { verb, by, why, verified } = command ?? {};
    if (typeof route !== "string" || typeof by !== "string" || typeof why !== "string" || by.length + why.length > textMax) return null;
    const known = commandVerbs.find((one) => one === verb);
    return known === undefined ? null : { route, command: { verb: known, by, why, ...(typeof verified === "boolean" && { verified }) } };
  } catch {
    return null;
  }
}
