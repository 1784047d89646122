/** What the audit log says of gates. */
import type { GateState } from "./state.ts";

export type GateRecord =
  /** The kill switch. */
  | { readonly kind: "gate"; readonly gate: string; readonly action: "kill" | "revive"; readonly who: string; readonly reason: string }
  /** It is open to more or fewer than before, or it is gone. */
  | { readonly kind: "gate"; readonly gate: string; readonly action: "state"; readonly from: GateState | null; readonly to: GateState; readonly reason: string };

/** One line for people. */
export function describeGate(record: GateRecord): string {
  const { gate, reason } = record;
  if (record.action === "state") return `gate ${gate}: ${record.from ?? "new"} -> ${record.to}: ${reason}`;
  return `gate ${gate}: ${record.action === "kill" ? "killed" : "revived"} by ${record.who}: ${reason}`;
}
