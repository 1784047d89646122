/** Windows of time, told in the local time of their own zone: whether one is open at a moment. Pure but for the machine's time zone data. */

/** Times of day and dates are local ones of the time zone (an IANA name), so daylight saving time needs no thought. */
export type TimeWindow = WeeklyWindow | DatedWindow;

export interface WeeklyWindow {
  readonly kind: "weekly";
  /** Days on which it begins; 0 is Sunday. */
  readonly days: readonly number[];
  /** Minutes of the day; `to` at or before `from` is on the next day. */
  readonly fromMinute: number;
  readonly toMinute: number;
  readonly timezone: string;
}

export interface DatedWindow {
  readonly kind: "dates";
  /** Local, as `2026-12-20T00:00`: inclusive. */
  readonly from: string;
  /** Exclusive. */
  readonly to: string;
  readonly timezone: string;
}

/** Making one costs about 50 us, asking it about 2. */
const formats = new Map<string, Intl.DateTimeFormat>();
/** Zones come from the configuration, which may change for years. */
const formatsMax = 256;

/** Wall time in a zone, as its people read it. */
interface LocalTime {
  /** `2026-11-22T14:05` */
  readonly text: string;
  /** 0 is Sunday. */
  readonly day: number;
  readonly minute: number;
}

/** @param atMs since 1970 */
export function isOpenAt(window: TimeWindow, atMs: number): boolean {
  return isOpen(window, localTime(window.timezone, atMs));
}

function isOpen(window: TimeWindow, now: LocalTime): boolean {
  if (window.kind === "dates") return window.from <= now.text && now.text < window.to;
  const { days, fromMinute, toMinute } = window;
  if (fromMinute < toMinute) return days.includes(now.day) && fromMinute <= now.minute && now.minute < toMinute;
  // It crosses midnight: the evening of its day, and the morning after.
  return (days.includes(now.day) && now.minute >= fromMinute) || (days.includes((now.day + 6) % 7) && now.minute < toMinute);
}

/** @param timezone an IANA name that this machine knows @throws RangeError for any other */
function localTime(timezone: string, atMs: number): LocalTime {
  let format = formats.get(timezone);
  if (format === undefined) {
    const options: Intl.DateTimeFormatOptions = { timeZone: timezone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" };
    format = new Intl.DateTimeFormat("en-US", options);
    if (formats.size >= formatsMax) formats.clear();
    formats.set(timezone, format);
  }
  const parts = new Map(format.formatToParts(atMs).map(({ type, value }) => [type, value]));
  const of = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? "00";
  const [year, month, day, hour, minute] = [of("year"), of("month"), of("day"), of("hour"), of("minute")];
  return {
    text: `${year}-${month}-${day}T${hour}:${minute}`,
    day: new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDay(),
    minute: Number(hour) * 60 + Number(minute),
  };
}
