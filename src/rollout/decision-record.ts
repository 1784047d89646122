import type { DecisionRecord } from "./types.ts";

/** Whether an audit record is a decision: by what every decision has, whichever version wrote it. */
export function isDecisionRecord(record: object): record is DecisionRecord {
  const has = record as Readonly<Record<string, unknown>>;
  return ["route", "candidate", "revision", "reason", "from", "to"].every((key) => typeof has[key] === "string") && typeof has["atMs"] === "number";
}
