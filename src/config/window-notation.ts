/** Written forms of windows of time: days, edges, time zones. */
import { Refusal, scalar } from "./scalars.ts";

const dayNames = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;

/** @returns 0 (Sunday) ... 6 */
export const weekday = scalar({
  json: { title: "day", type: "string", enum: [...dayNames] },
  parse(written) {
    const day = (dayNames as readonly unknown[]).indexOf(written);
    return day >= 0 ? day : new Refusal("must be a day of the week", `Write ${dayNames.slice(1).join(", ")} or sun`);
  },
});

/** A time of day recurs; a date does not. */
export type WindowEdge = { readonly kind: "time"; readonly minute: number } | { readonly kind: "date"; /** Local, as `2026-12-20T00:00`. */ readonly text: string };

export const windowEdge = scalar({
  json: { title: "time or date", type: "string", pattern: "^(\\d{2}:\\d{2}|\\d{4}-\\d{2}-\\d{2}(T\\d{2}:\\d{2})?)$", examples: ["16:00", "2026-12-20T18:00"] },
  parse(written): WindowEdge | Refusal {
    const remedy = "Write a time of day, as 16:00, or a date, as 2026-12-20 or 2026-12-20T18:00";
    if (typeof written !== "string") return new Refusal("must be a time of day or a date", `${remedy}, in quotes`);
    const [, date, clock] = /^(?:(\d{4}-\d{2}-\d{2})(?:T|$))?(\d{2}:\d{2})?$/.exec(written) ?? [];
    const minute = clock === undefined ? 0 : minuteOf(clock);
    if ((date === undefined && clock === undefined) || written.endsWith("T") || minute === undefined) return new Refusal("must be a time of day or a date", remedy);
    if (date === undefined) return { kind: "time", minute };
    const exists = new Date(`${date}T00:00:00Z`);
    if (Number.isNaN(exists.getTime()) || exists.toISOString().slice(0, 10) !== date) return new Refusal("is not a day of the calendar", remedy);
    return { kind: "date", text: `${date}T${clock ?? "00:00"}` };
  },
});

/** 24:00 is the end of the day. */
function minuteOf(clock: string): number | undefined {
  const [hours, minutes] = clock.split(":").map(Number) as [number, number];
  const minute = hours * 60 + minutes;
  return minutes < 60 && minute <= 1_440 ? minute : undefined;
}

export const timezone = scalar({
  json: { title: "time zone", type: "string", examples: ["Europe/Berlin"] },
  parse(written) {
    const remedy = "Write an IANA name, as Europe/Berlin, America/New_York or UTC";
    if (typeof written !== "string" || written === "") return new Refusal("must be the name of a time zone", remedy);
    try {
      return new Intl.DateTimeFormat("en-US", { timeZone: written }).resolvedOptions().timeZone;
    } catch {
      return new Refusal("is not a time zone that this machine knows", remedy);
    }
  },
});
