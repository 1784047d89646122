/** Gates in words. */
import { bucketCount } from "../../core/buckets.ts";
import type { Closure, GateCondition, TextTest } from "../../core/gates.ts";
import type { TimeWindow } from "../../core/time-window.ts";
import type { Explanation } from "../../proxy/explain.ts";
import type { Miss } from "../../split/gate-rule.ts";

const closureWords: Readonly<Record<Closure, string>> = {
  killed: "killed by hand",
  rolledBack: "closed: its rollout was rolled back",
  tripped: "closed: the breaker has taken the weight away",
  regionOut: "closed in this region",
  notChosen: "closed: another candidate of its experiment was chosen",
  unknown: "closed: the rollout's state is not known yet",
};

export const describeClosure = (closed: Closure | null): string => (closed === null ? "open" : closureWords[closed]);

/** What a request would have to be for the condition to hold. */
export function describeCondition(condition: GateCondition): string {
  switch (condition.kind) {
    case "attribute":
      return `${condition.source} ${condition.name} ${describeTest(condition.test)}`;
    case "keys":
      return `the cohort key is ${list(condition.values)}`;
    case "paths":
      return `the path ${list(condition.values.map(({ kind, value }) => (kind === "exact" ? `= ${value}` : `is below ${value}`)), "")}`;
    case "methods":
      return `the method is ${list(condition.values, "")}`;
    case "regions":
      return `the sidecar's region is ${list(condition.values, "")}`;
    case "times":
      return `the time is ${list(condition.windows.map(describeWindow), "")}`;
  }
}

function describeTest(test: TextTest): string {
  switch (test.kind) {
    case "present":
      return "is there";
    case "in":
      return `is ${list(test.values)}`;
    case "prefix":
      return `begins with '${test.value}'`;
    case "suffix":
      return `ends with '${test.value}'`;
    case "contains":
      return `contains '${test.value}'`;
  }
}

const dayNames = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const clock = (minute: number): string => `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;

function describeWindow(window: TimeWindow): string {
  if (window.kind === "dates") return `${window.from} to ${window.to} in ${window.timezone}`;
  const days = window.days.length === 7 ? "every day" : window.days.map((day) => dayNames[day]).join(", ");
  return `${days} ${clock(window.fromMinute)} to ${clock(window.toMinute)} in ${window.timezone}`;
}

const shownMax = 3;

/** A long list is not worth a line of its own: the document has it. */
function list(values: readonly string[], quote = "'"): string {
  const shown = values.slice(0, shownMax).map((value) => `${quote}${value}${quote}`).join(" or ");
  return values.length > shownMax ? `${shown} or one of ${values.length - shownMax} more` : shown;
}

export function describeMiss(miss: Miss): string {
  if (miss.part !== "share") return `does not match: asks ${miss.part === "when" ? "that" : "for anything unless"} ${describeCondition(miss.condition)}`;
  if (miss.bucket === null) return "does not match: the request has no cohort key, and so is in no share";
  return `does not match: the cohort's place in the rule's share is ${percent(miss.bucket)}`;
}

const percent = (buckets: number): string => `${(buckets / bucketCount) * 100}%`;

/** One sentence. */
export function describeReason({ reason, gate, rule, variant, owner }: Explanation): string {
  switch (reason) {
    case "allowed":
    case "targeted":
      return `${reason}: rule '${rule}' of gate '${gate}' gives ${variant}`;
    case "denied":
      return `denied: rule '${rule}' of gate '${gate}' keeps the request from its variant; ${variant} serves`;
    case "killed":
      return `killed: the bucket is ${owner ?? "a candidate"}'s, whose gate is closed; ${variant} serves`;
    case "default":
      return "default: no rule matches, and the request has no cohort key: its bucket is drawn for it alone";
    default:
      return owner === null ? "weighted: no rule matches, and the bucket is drawn" : `weighted: no rule matches, and the bucket is ${owner}'s`;
  }
}
