/** Durations as people write them: `250ms`, `30s`, `1m30s`, `2h`, `1d`. */

const durationUnitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** @returns milliseconds; undefined where it is no duration */
export function parseDuration(written: unknown): number | undefined {
  if (typeof written !== "string" || !/^(\d{1,15}(\.\d{1,9})?(ms|s|m|h|d))+$/.test(written)) return undefined;
  let ms = 0;
  for (const [, amount, unit] of written.matchAll(/([\d.]+)(ms|s|m|h|d)/g)) ms += Number(amount) * durationUnitsMs[unit!]!;
  return Math.round(ms);
}

/** The shortest written form, as the document takes it. @param ms 0 or more, whole */
export function formatDuration(ms: number): string {
  for (const unit of ["d", "h", "m", "s"]) {
    const unitMs = durationUnitsMs[unit]!;
    if (ms > 0 && ms % unitMs === 0) return `${ms / unitMs}${unit}`;
  }
  return `${ms}ms`;
}
