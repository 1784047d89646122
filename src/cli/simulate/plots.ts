/** The plots of a report: false rollbacks by world, and times to the verdict by regression. */
import { own, type Report, type RowReport } from "./report.ts";
import { dot, document, faint, gridLine, ink, label, line, palette, scale } from "../../report/svg.ts";

const left = 330;
const right = 28;
const width = 860;
const top = 72;
const rowHeight = 24;

/** @returns file names and their contents */
export function plots(report: Report): readonly (readonly [name: string, svg: string])[] {
  const files: [string, string][] = [];
  const judges = [...new Set(report.rows.map(({ judge }) => judge))];
  const suffix = judges.length > 1 ? "-rivals" : "";
  if (report.rows.some(({ kind }) => kind === "quiet")) files.push([`false-rollbacks${suffix}.svg`, falseRollbacks(report, judges)]);
  if (report.rows.some(({ kind }) => kind === "regression")) files.push([`detection${suffix}.svg`, detection(report, judges)]);
  return files;
}

function falseRollbacks(report: Report, judges: readonly string[]): string {
  const rows = report.rows.filter(({ kind }) => kind === "quiet");
  const titles = [...new Set(rows.map(({ title }) => title))];
  const percents = rows.map((row) => row.falseShareMost * 100);
  const most = judges.length > 1 ? 100 : Math.max(1.25 * report.alpha * 100, ...percents) * 1.05;
  const x = scale(0, most, left, width - right);
  const bottom = top + titles.length * rowHeight;
  const parts = [label(12, 24, "Nothing is wrong: how often is the candidate rolled back?", "start", ink, 16), ...legend(judges)];
  for (const tick of ticks(most)) parts.push(gridLine(x(tick), top - 4, x(tick), bottom), label(x(tick), bottom + 16, `${tick}%`, "middle", faint, 11));
  parts.push(line(x(report.alpha * 100), top - 8, x(report.alpha * 100), bottom, palette[1], 1.5, "5 3"), label(x(report.alpha * 100) + 4, top - 10, "promised", "start", palette[1], 11));
  titles.forEach((title, i) => {
    parts.push(label(left - 12, top + i * rowHeight + 16, title, "end"));
    judges.forEach((judge, k) => {
      const row = rows.find((one) => one.title === title && one.judge === judge);
      if (row === undefined) return;
      const y = top + i * rowHeight + 12 + offset(k, judges.length);
      parts.push(line(x(row.falseShare * 100), y, x(row.falseShareMost * 100), y, palette[k % palette.length]!, 2), dot(x(row.falseShare * 100), y, 3.5, palette[k % palette.length]!));
    });
  });
  parts.push(label(12, bottom + 36, `Dot: share of runs; line: up to the 95% bound. ${footnote(report)}`, "start", faint, 11));
  return document(width, bottom + 48, "False rollbacks by world", parts);
}

function detection(report: Report, judges: readonly string[]): string {
  const rows = report.rows.filter(({ kind }) => kind === "regression");
  const titles = [...new Set(rows.map(({ title }) => title))];
  const x = scale(0.1, 10_000, left, width - right, true);
  const bottom = top + titles.length * rowHeight;
  const parts = [label(12, 24, "Something is wrong: seconds until the verdict", "start", ink, 16), ...legend([...judges, "reference engine"])];
  for (const tick of [0.1, 1, 10, 60, 600, 3_600]) {
    parts.push(gridLine(x(tick), top - 4, x(tick), bottom), label(x(tick), bottom + 16, tick < 60 ? `${tick} s` : tick < 3_600 ? `${tick / 60} min` : "1 h", "middle", faint, 11));
  }
  titles.forEach((title, i) => {
    parts.push(label(left - 12, top + i * rowHeight + 16, title, "end"));
    const count = judges.length + 1;
    judges.forEach((judge, k) => {
      const row = rows.find((one) => one.title === title && one.judge === judge);
      if (row === undefined) return;
      parts.push(...range(row.seconds.median, row.seconds.p95, x, top + i * rowHeight + 12 + offset(k, count), palette[k % palette.length]!));
    });
    const reference = rows.find((one) => one.title === title && one.judge === own)?.reference?.seconds;
    if (reference != null) parts.push(...range(reference.median, reference.p95, x, top + i * rowHeight + 12 + offset(judges.length, count), faint));
  });
  parts.push(label(12, bottom + 36, `Dot: median; line: to the 95th percentile; ring: more than 5% of the runs came to no verdict. ${footnote(report)}`, "start", faint, 11));
  return document(width, bottom + 48, "Time to the verdict by regression", parts);
}

function range(median: number | null, p95: number | null, x: (value: number) => number, y: number, colour: string): string[] {
  if (median === null) return [dot(x(10_000), y, 3.5, colour, false)];
  return p95 === null ? [dot(x(median), y, 3.5, colour, colour === faint)] : [line(x(median), y, x(p95), y, colour, 2), dot(x(median), y, 3.5, colour)];
}

const offset = (k: number, count: number): number => (count === 1 ? 0 : ((k - (count - 1) / 2) * (rowHeight - 8)) / count);
const footnote = (report: Report): string => `Seed ${report.seed}, up to ${Math.max(...report.rows.map((row: RowReport) => row.runs)).toLocaleString("en-US")} runs a row.`;

function legend(names: readonly string[]): string[] {
  let at = 12;
  return names.flatMap((name, k) => {
    const colour = name === "reference engine" ? faint : palette[k % palette.length]!;
    const parts = [dot(at + 4, 40, 3.5, colour), label(at + 12, 44, name, "start", ink, 11)];
    at += 28 + name.length * 6.4;
    return parts;
  });
}

function ticks(most: number): number[] {
  const step = [0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 25].find((one) => most / one <= 6) ?? 50;
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => Number((i * step).toFixed(2)));
}
