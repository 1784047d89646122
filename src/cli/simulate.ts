/** `ebbgate simulate`: how often the judge convicts the innocent, and how soon it finds the guilty, in simulated worlds. */
import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { systemClock, type Clock } from "../core/clock.ts";
import { exitCodes, parseArguments, type CliIo } from "./args.ts";
import { experimentRows } from "./simulate/experiment-rows.ts";
import { ownEntry, runTasks } from "./simulate/pool.ts";
import { Progress } from "./simulate/progress.ts";
import { keepsPromise, own, rowReports, type Report } from "./simulate/report.ts";
import type { Row } from "./simulate/row.ts";
import { costOf, schedule } from "./simulate/schedule.ts";
import { plots } from "./simulate/plots.ts";
import { text } from "./simulate/text.ts";
import { trafficRows } from "./simulate/traffic-rows.ts";
import { allRows, rowNamed, type Task } from "./simulate/work.ts";

export const spec = {
  name: "simulate",
  summary: "Measure the judge: false rollbacks and detection times over simulated traffic, with the functions that run in production.",
  options: {
    quick: { type: "boolean", help: "Fewer runs: the tables within 2 minutes on 2 cores. The full run takes most of an hour." },
    row: { type: "string", value: "NAME", multiple: true, choices: [...allRows, ...experimentRows].map(({ name }) => name), help: "Only this row." },
    need: { type: "boolean", help: "Instead of the tables: how many candidate requests a decision needs, by what goes wrong." },
    experiment: { type: "boolean", help: "Instead of the tables: several candidates beside one baseline." },
    runs: { type: "string", value: "N", help: "Runs of each row, 1 to 1000000 (default 2000, fewer for regressions and with --quick)." },
    seed: { type: "string", value: "N", help: "Fixes every draw: equal seeds give equal figures (default 1)." },
    alpha: { type: "string", value: "SHARE", help: "The promise that is simulated, above 0 and at most 0.5 (default 0.01)." },
    threads: { type: "string", value: "N", help: "Worker threads, 1 to 256 (default: one for each core)." },
    svg: { type: "string", value: "DIR", completes: "directory", help: "Also write the plots there." },
    json: { type: "boolean", help: "Print the report as JSON." },
  },
  examples: [
    ["ebbgate simulate --quick", "both tables, roughly"],
    ["ebbgate simulate --row errors-1 --runs 1000", "one regression, exactly"],
    ["ebbgate simulate --json --svg plots > report.json", "the full run, for a page"],
  ],
  exits: [
    [0, "every row without a fault kept alpha"],
    [1, "a row had more false rollbacks than alpha"],
    [2, "wrong usage"],
    [130, "ended by Ctrl-C or SIGTERM"],
  ],
} as const;

const interrupted = 130;

export async function run(argv: readonly string[], io: CliIo, clock: Clock = systemClock): Promise<number> {
  const args = parseArguments(spec, argv, io);
  if (typeof args === "number") return args;
  const { values } = args;
  const limits = { runs: [1, 1_000_000], seed: [0, 4_294_967_295], threads: [1, 256] } as const;
  for (const name of ["runs", "seed", "threads"] as const) {
    const value = values[name];
    const [least, most] = limits[name];
    if (value === undefined || (/^\d+$/.test(value) && Number(value) >= least && Number(value) <= most)) continue;
    io.stderr.write(`ebbgate simulate: --${name} is '${value}'; give a whole number from ${least} to ${most}\n`);
    return exitCodes.usage;
  }
  const alpha = Number(values.alpha ?? "0.01");
  if (!(alpha > 0 && alpha <= 0.5)) {
    io.stderr.write(`ebbgate simulate: --alpha is '${values.alpha}'; give a share above 0 and at most 0.5\n`);
    return exitCodes.usage;
  }
  const seed = Number(values.seed ?? "1");
  const threads = Number(values.threads ?? availableParallelism());
  const rows = values.experiment ? experimentRows : values.need ? trafficRows : values.row.length === 0 ? allRows : [...allRows, ...experimentRows].filter(({ name }) => values.row.includes(name));
  const runs = (row: Row): number => (values.runs === undefined ? row.runs[values.quick ? "quick" : "full"] : Number(values.runs));
  const tasks = schedule({ rows, judges: [own], runs, alpha, seed, threads });
  const cost = (task: Task): number => costOf(rowNamed(task.row)) * (task.to - task.from);
  const progress = new Progress(io.stderr, io.env["TERM"], tasks.reduce((sum, task) => sum + cost(task), 0), () => clock.monotonicMs());
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  const startedMs = clock.monotonicMs();
  try {
    const done = (task: Task): void => progress.add(cost(task), task.row);
    const results = await runTasks(tasks, { threads, entry: ownEntry(), done, signal: stop.signal });
    progress.end();
    const report: Report = {
      seed, alpha, command: ["ebbgate simulate", ...argv].join(" "), node: `Node ${process.version}`,
      elapsedSeconds: (clock.monotonicMs() - startedMs) / 1000, rows: rowReports(tasks, results),
    };
    if (values.svg !== undefined) await writePlots(resolve(io.cwd, values.svg), report, io);
    io.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : text(report));
    return report.rows.every((row) => keepsPromise(row, alpha)) ? exitCodes.ok : exitCodes.failed;
  } catch (error) {
    progress.end();
    if (!stop.signal.aborted) throw error;
    io.stderr.write("ebbgate simulate: ended before the tables were full; nothing is reported\n");
    return interrupted;
  } finally {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(signal, onSignal);
  }
}

async function writePlots(directory: string, report: Report, io: CliIo): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const [name, svg] of plots(report)) {
    await writeFile(resolve(directory, name), svg);
    io.stderr.write(`wrote ${resolve(directory, name)}\n`);
  }
}
