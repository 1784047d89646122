/**
 * Puts measured figures into docs/judgement.md, between its markers, and draws its plots: `node bench/rivals/page.ts REPORT...`, with
 * JSON reports of `ebbgate simulate`, `ebbgate simulate --need` and bench/rivals/run.ts in any number and order. No figure of
 * that page's tables is written by hand.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { plots } from "../../src/cli/simulate/plots.ts";
import { own, type Report, type RowReport } from "../../src/cli/simulate/report.ts";
import type { Spread as ReferenceSpread } from "../../src/cli/simulate/row.ts";
import type { Spread } from "../../src/cli/simulate/summary.ts";
import { number } from "../../src/cli/simulate/text.ts";
import { trafficRows } from "../../src/cli/simulate/traffic-rows.ts";
import { allRows } from "../../src/cli/simulate/work.ts";

const page = "docs/judgement.md";
const plotsDirectory = "docs/judgement";

interface Sourced extends RowReport {
  readonly report: Report;
}
const reports = process.argv.slice(2).map((file) => JSON.parse(readFileSync(file, "utf8")) as Report);
const isRival = (report: Report): boolean => report.rows.some(({ judge }) => judge !== own);
const order = [...allRows, ...trafficRows].map(({ name }) => name);
const rowsOf = (wanted: readonly Report[]): Sourced[] =>
  wanted.flatMap((report) => report.rows.map((row) => ({ ...row, report }))).toSorted((a, b) => order.indexOf(a.row) - order.indexOf(b.row));
const ownRows = rowsOf(reports.filter((report) => !isRival(report)));
const quiet = ownRows.filter(({ kind }) => kind === "quiet");
const need = ownRows.filter(({ row }) => row.startsWith("need-"));
const regressions = ownRows.filter(({ kind, row }) => kind === "regression" && !row.startsWith("need-"));
const rivals = rowsOf(reports.filter(isRival));
if ([quiet, need, regressions, rivals].some((rows) => rows.length === 0)) throw new Error("four kinds of rows are wanted: quiet, regressions, --need, and rivals");

const percent = (share: number, digits = 1): string => `${(share * 100).toFixed(digits)}%`;
const pair = ({ median, p95 }: Spread): string => (median === null ? "not in half of the runs" : `${number(median)}${p95 === null ? " / -" : ` / ${number(p95)}`}`);
const expected = (spread: ReferenceSpread | null | undefined): string => (spread == null ? "" : `${number(spread.median)}${spread.p95 === null ? "" : ` / ${number(spread.p95)}`}`);
const source = (rows: readonly Sourced[]): string =>
  [...new Set(rows.map(({ report }) => report))].map((report) => `\n\nMeasured: \`${report.command}\`, seed ${report.seed}, ${report.node}, ${Math.round(report.elapsedSeconds)} s.`).join("");
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

const sections: Readonly<Record<string, string>> = {
  quiet: table(["world", "runs", "requests a run", "false rollbacks", "at most (95%)"], quiet.map((row) => [
    row.title, row.runs.toLocaleString("en-US"), row.requestsPerRun.toLocaleString("en-US"), `${row.falseVerdicts} (${percent(row.falseShare, 2)})`, percent(row.falseShareMost, 2),
  ])) + source(quiet),
  detection: table(["what is wrong", "found", "candidate requests", "reference", "seconds", "reference"], regressions.map((row) => [
    row.title, `${row.found} of ${row.runs}`, pair(row.requests), expected(row.reference?.requests), pair(row.seconds), expected(row.reference?.seconds),
  ])) + source(regressions),
  need: table(["what is wrong", "half of the cases", "95% of the cases"], need.map((row) => [row.title, atMost(row.requests.median), atMost(row.requests.p95)])) + source(need),
  rivals: `False rollbacks:\n\n${rivalTable("quiet", (row) => percent(row.falseShare, row.falseShare > 0 && row.falseShare < 0.001 ? 2 : 1))}\n\nSeconds until the verdict, median / 95th percentile:\n\n${rivalTable("regression", (row) => pair(row.seconds))}${source(rivals)}`,
};

/** The rows of `--need` are watched for four hours at 25 candidate requests a second. */
function atMost(value: number | null): string {
  return value === null ? "more than 360,000" : number(value);
}

function rivalTable(kind: RowReport["kind"], cell: (row: RowReport) => string): string {
  const judges = [...new Set(rivals.map(({ judge }) => judge))];
  const titles = [...new Set(rivals.filter((row) => row.kind === kind).map(({ title }) => title))];
  return table(["", ...judges], titles.map((title) => [title, ...judges.map((judge) => cell(rivals.find((row) => row.title === title && row.judge === judge)!))]));
}

function draw(rows: readonly Sourced[]): void {
  for (const [name, svg] of plots({ ...rows[0]!.report, rows })) writeFileSync(join(plotsDirectory, name), svg);
}

mkdirSync(plotsDirectory, { recursive: true });
draw([...quiet, ...regressions]);
draw(rivals);
let text = readFileSync(page, "utf8");
for (const [name, content] of Object.entries(sections)) {
  const [from, to] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [before, rest] = text.split(from);
  const after = rest?.split(to)[1];
  if (before === undefined || after === undefined) throw new Error(`${page} has no ${from} ... ${to}`);
  text = `${before}${from}\n${content}\n${to}${after}`;
}
writeFileSync(page, text);
