/**
 * Puts measured figures into docs/judgement.md, between its markers: `node bench/rivals/page.ts full.json need.json rivals.json`.
 * No figure of that page's tables is written by hand.
 */
import { readFileSync, writeFileSync } from "node:fs";
import type { Report, RowReport } from "../../src/cli/simulate/report.ts";
import { number } from "../../src/cli/simulate/text.ts";

const page = "docs/judgement.md";
const [full, need, rivals] = process.argv.slice(2).map((file) => JSON.parse(readFileSync(file, "utf8")) as Report);
if (full === undefined || need === undefined || rivals === undefined) throw new Error("usage: node bench/rivals/page.ts full.json need.json rivals.json");

const percent = (share: number): string => `${(share * 100).toFixed(share > 0 && share < 0.001 ? 2 : 1)}%`;
const pair = (spread: { readonly median: number | null; readonly p95: number | null } | null | undefined): string =>
  spread == null ? "" : `${spread.median === null ? "not found" : number(spread.median)}${spread.p95 === null ? "" : ` / ${number(spread.p95)}`}`;
const source = (report: Report): string => `\n\`${report.command}\`, seed ${report.seed}, ${report.node}, ${Math.round(report.elapsedSeconds)} s.`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

const sections: Readonly<Record<string, string>> = {
  quiet: table(["world", "runs", "requests a run", "false rollbacks", "at most (95%)"], full.rows.filter(({ kind }) => kind === "quiet").map((row) => [
    row.title, row.runs.toLocaleString("en-US"), row.requestsPerRun.toLocaleString("en-US"), `${row.falseVerdicts} (${percent(row.falseShare)})`, percent(row.falseShareMost),
  ])) + source(full),
  detection: table(["what is wrong", "runs", "candidate requests", "reference", "seconds", "reference"], full.rows.filter(({ kind }) => kind === "regression").map((row) => [
    row.title, `${row.found} of ${row.runs}`, pair(row.requests), pair(row.reference?.requests), pair(row.seconds), pair(row.reference?.seconds),
  ])) + source(full),
  need: table(["what is wrong", "half of the cases", "95% of the cases"], need.rows.map((row) => [
    row.title, row.requests.median === null ? "more than 360,000" : number(row.requests.median), row.requests.p95 === null ? "more than 360,000" : number(row.requests.p95),
  ])) + source(need),
  rivals: rivalTables(rivals) + source(rivals),
};

function rivalTables({ rows }: Report): string {
  const judges = [...new Set(rows.map(({ judge }) => judge))];
  const of = (kind: RowReport["kind"], cell: (row: RowReport) => string): string => {
    const titles = [...new Set(rows.filter((row) => row.kind === kind).map(({ title }) => title))];
    return table(["", ...judges], titles.map((title) => [title, ...judges.map((judge) => cell(rows.find((row) => row.title === title && row.judge === judge)!))]));
  };
  return `False rollbacks:\n\n${of("quiet", (row) => percent(row.falseShare))}\n\nSeconds until the verdict, median / 95th percentile:\n\n${of("regression", (row) => pair(row.seconds))}\n`;
}

let text = readFileSync(page, "utf8");
for (const [name, content] of Object.entries(sections)) {
  const [from, to] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [before, rest] = text.split(from);
  const after = rest?.split(to)[1];
  if (before === undefined || after === undefined) throw new Error(`${page} has no ${from} ... ${to}`);
  text = `${before}${from}\n${content}\n${to}${after}`;
}
writeFileSync(page, text);
