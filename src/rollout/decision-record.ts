import type { DecisionRecord } from "./types.ts";

/** Whether an audit record is a decision: by what every decision has, whichever version wrote it. */
export function isDecisionRecord(record: object): record is DecisionRecord {
  const has = record as Readonly<Record<string, unknown>>;
  return ["route", "candidate", "revision", "reason", "from", "to"].every((key) => typeof has[key] === "string") && typeof has["atMs"] === "number";
}

/** What the rollout that decided is called. */
export const nameOf = ({ route, rollout, inputs }: Pick<DecisionRecord, "route" | "rollout" | "inputs">): string => rollout ?? inputs?.plan.name ?? route;

/** Absent where it is the route's name. */
export const named = ({ name, route }: { readonly name: string; readonly route: string }): { rollout?: string } => (name === route ? {} : { rollout: name });

/** Whether it takes a candidate back: in earnest, also out of a drill. */
export const beginsRollback = ({ to, reason }: Pick<DecisionRecord, "to" | "reason">): boolean => to === "rollingBack" && reason !== "drill" && reason !== "commandRefused";

export const beginsDrill = ({ reason }: Pick<DecisionRecord, "reason">): boolean => reason === "drill";

/** Whether it belongs to a drill; the rollback that takes a drill's place does not. */
export const isDrilled = (record: Pick<DecisionRecord, "to" | "reason" | "drill">): boolean => record.drill !== undefined && !beginsRollback(record);
