/** What a person is told whose command is not obeyed: always with what to do instead. */
import { raiseGate } from "./gates.ts";
import { note, type Turn } from "./turn.ts";
import type { Decided } from "./types.ts";

export const refuse = (turn: Turn, refusal: string): Decided => note(turn, "commandRefused", [], { command: true, refusal });

/** Why no weight may rise, with the remedy; null: it may. A person cannot lift it by asking twice. */
export function risesNot(turn: Turn): string | null {
  const gate = raiseGate(turn);
  if (gate === null) return null;
  if (gate.waiting === "freeze") return `the freeze window '${gate.subject}' is open: wait for its end, or take it out of the configuration`;
  return "the sidecar is cut off from its store, so no weight may rise: wait until it is back";
}
