/** The two tables, for a terminal. */
import { keepsPromise, own, type Report, type RowReport } from "./report.ts";
import type { Spread as ReferenceSpread } from "./row.ts";

const percent = (share: number): string => `${(share * 100).toFixed(2)}%`;
export const number = (value: number | null): string =>
  value === null ? "-" : value >= 100 ? Math.round(value).toLocaleString("en-US") : value >= 10 ? value.toFixed(0) : value.toFixed(1);
const pair = (spread: { readonly median: number | null; readonly p95: number | null }): string => `${number(spread.median)} / ${number(spread.p95)}`;
const reference = (spread: ReferenceSpread | null | undefined): string => (spread == null ? "-" : spread.p95 === null ? number(spread.median) : pair(spread));

export function text(report: Report): string {
  const quiet = report.rows.filter((row) => row.kind === "quiet");
  const regressions = report.rows.filter((row) => row.kind === "regression");
  const several = new Set(report.rows.map(({ judge }) => judge)).size > 1;
  const parts: string[] = [];
  if (quiet.length > 0) {
    parts.push(
      `Nothing is wrong: false rollbacks (promised: at most ${percent(report.alpha)}; the reference engine: 0-0.30%)\n`,
      table(["world", ...(several ? ["judge"] : []), "runs", "requests a run", "false", "share", "at most (95%)", ""], quiet.map((row) => [
        row.title, ...(several ? [row.judge] : []), String(row.runs), row.requestsPerRun.toLocaleString("en-US"), falseOf(row), percent(row.falseShare), percent(row.falseShareMost),
        row.judge !== own ? "" : keepsPromise(row, report.alpha) ? "kept" : "BROKEN",
      ])),
    );
  }
  if (regressions.length > 0) {
    parts.push(
      `${parts.length > 0 ? "\n" : ""}Something is wrong: median / 95th percentile until the verdict, beside the reference engine's\n`,
      table(["regression", ...(several ? ["judge"] : []), "found", "candidate requests", "reference", "seconds", "reference"], regressions.map((row) => [
        row.title, ...(several ? [row.judge] : []), `${row.found}/${row.runs}${row.falseVerdicts > 0 ? ` (${row.falseVerdicts} too early)` : ""}`,
        pair(row.requests), reference(row.reference?.requests), pair(row.seconds), reference(row.reference?.seconds),
      ])),
    );
  }
  parts.push(`\nseed ${report.seed}, alpha ${percent(report.alpha)}, ${report.node}, ${report.elapsedSeconds.toFixed(0)} s: ${report.command}\n`);
  return parts.join("");
}

const falseOf = (row: RowReport): string => `${row.falseVerdicts}${row.falseTrips > 0 ? ` (+${row.falseTrips} trips)` : ""}`;

/** The first column to the left, the others to the right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]): string => `  ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  ")}`.trimEnd();
  return `${[head, ...rows].map(line).join("\n")}\n`;
}
