/**
 * Ebbgate's judge beside its rivals, on the same traffic, run by run with the same seeds:
 * `node bench/rivals/run.ts [--runs N] [--seed N] [--row NAME,NAME] [--threads N] [--json] [--svg DIR]`
 */
import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runTasks } from "../../src/cli/simulate/pool.ts";
import { plots } from "../../src/cli/simulate/plots.ts";
import { Progress } from "../../src/cli/simulate/progress.ts";
import { own, rowReports, type Report } from "../../src/cli/simulate/report.ts";
import { costOf, schedule } from "../../src/cli/simulate/schedule.ts";
import { text } from "../../src/cli/simulate/text.ts";
import { allRows, rowNamed, type Task } from "../../src/cli/simulate/work.ts";
import { rivals } from "./rivals.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "200" }, seed: { type: "string", default: "1" }, row: { type: "string" },
    threads: { type: "string", default: String(availableParallelism()) }, json: { type: "boolean", default: false }, svg: { type: "string" },
  },
});
/** A day and eight hours tell the rivals apart no better than a million requests do, and cost thirty times as much. */
const tooLong = ["day", "latency-8h", "late-onset"];
const names = values.row?.split(",") ?? allRows.map(({ name }) => name).filter((name) => !tooLong.includes(name));
const alpha = 0.01;
const seed = Number(values.seed);
const tasks = schedule({ rows: names.map(rowNamed), judges: [own, ...Object.keys(rivals)], runs: () => Number(values.runs), alpha, seed, threads: Number(values.threads) });
const cost = (task: Task): number => costOf(rowNamed(task.row)) * (task.to - task.from);
const progress = new Progress(process.stderr, process.env["TERM"], tasks.reduce((sum, task) => sum + cost(task), 0), () => performance.now());
const results = await runTasks(tasks, {
  threads: Number(values.threads), entry: new URL("./worker.ts", import.meta.url), signal: new AbortController().signal,
  done: (task) => progress.add(cost(task), `${task.row}, ${task.judge}`),
});
progress.end();
const report: Report = {
  seed, alpha, command: ["node bench/rivals/run.ts", ...process.argv.slice(2)].join(" "), node: `Node ${process.version}`,
  elapsedSeconds: performance.now() / 1000, rows: rowReports(tasks, results),
};
if (values.svg !== undefined) {
  await mkdir(values.svg, { recursive: true });
  for (const [name, svg] of plots(report)) await writeFile(join(values.svg, name), svg);
}
process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : text(report));
