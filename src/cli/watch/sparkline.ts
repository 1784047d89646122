/** A row of numbers as a row of signs of different heights. */

export const blocks = "▁▂▃▄▅▆▇█";
/** For terminals that show no such signs. */
export const ascii = "_.-=+*#@";

/**
 * @param values oldest first; null: nothing was known, shown as a gap
 * @param width signs; only the last so many values are shown, and fewer are put at the right
 * @param most what the highest sign stands for; 0 and less: the lowest stands for everything
 */
export function sparkline(values: readonly (number | null)[], width: number, most: number, signs: string): string {
  const shown = width <= 0 ? [] : values.slice(-width);
  const top = signs.length - 1;
  const sign = (value: number | null): string => (value === null || Number.isNaN(value) ? " " : signs[most > 0 ? Math.min(top, Math.max(0, Math.round((value / most) * top))) : 0]!);
  return shown.map(sign).join("").padStart(Math.max(0, width));
}

export const highest = (...rows: readonly (readonly (number | null)[])[]): number => rows.flat().reduce<number>((most, value) => Math.max(most, value ?? 0), 0);
