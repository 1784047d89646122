import { z } from "zod";
import type { TimeWindow } from "../core/time-window.ts";
import type { ConfigPath, Finding } from "./problem.ts";
import { windowEdge, timezone, weekday } from "./window-notation.ts";

/** A window of time: by the week, or between two dates. */
export const windowShape = {
  days: z.array(weekday).min(1).max(7).describe("Days on which it begins, with `from` and `to` as times of day. Left out: every day.").optional(),
  from: windowEdge.describe("A time of day, as `16:00`; or a date, as `2026-12-20` or `2026-12-20T18:00`."),
  to: windowEdge.describe("In the same form, exclusive. A time at or before `from` is on the next day."),
  timezone: timezone.describe("An IANA name, as `Europe/Berlin` or `UTC`."),
};

const window = z.strictObject(windowShape);
export type WindowDocument = z.output<typeof window>;

const everyDay = [0, 1, 2, 3, 4, 5, 6] as const;

/** Of one without findings. */
export function compileWindow({ days, from, to, timezone: zone }: WindowDocument): TimeWindow {
  if (from.kind === "time" && to.kind === "time") return { kind: "weekly", days: days ?? everyDay, fromMinute: from.minute, toMinute: to.minute, timezone: zone };
  const textOf = (edge: typeof from): string => (edge.kind === "date" ? edge.text : "");
  return { kind: "dates", from: textOf(from), to: textOf(to), timezone: zone };
}

export function windowFindings({ from, to, days }: WindowDocument, path: ConfigPath): Finding[] {
  const findings: Finding[] = [];
  if (from.kind !== to.kind) findings.push({ path: [...path, "to"], message: "is not in the form of `from`", remedy: "Write two times of day, or two dates" });
  else if (from.kind === "date" && to.kind === "date" && to.text <= from.text) findings.push({ path: [...path, "to"], message: "is not after `from`", remedy: "Let the window end after it begins" });
  if (from.kind === "date" && days !== undefined) findings.push({ path: [...path, "days"], message: "stands beside dates, which do not recur", remedy: "Remove it, or write times of day" });
  return findings;
}
