/** Rows as a table for people. @param rows the first one is the head @param right columns of numbers, by place */
export function columns(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const padded = (cell: string, column: number): string => (right.includes(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!));
  return rows.map((row) => `${row.map(padded).join("  ").trimEnd()}\n`).join("");
}
