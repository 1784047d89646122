/** What a worker thread does: runs of rows, as they are asked for. Rivals serve the same way (bench/rivals/). */
import type { MessagePort } from "node:worker_threads";
import { experimentRows } from "./experiment-rows.ts";
import type { JudgeMaker } from "./judge.ts";
import { quietRows } from "./quiet-rows.ts";
import { regressionRows } from "./regression-rows.ts";
import { runOnce, type Outcome } from "./run.ts";
import type { Row } from "./row.ts";
import { trafficRows } from "./traffic-rows.ts";

/** Some runs of one row under one judge. */
export interface Task {
  readonly row: string;
  /** Whose judge; the worker knows its own. */
  readonly judge: string;
  readonly alpha: number;
  readonly seed: number;
  readonly from: number;
  readonly to: number;
}

/** The two tables of JUDGE 9. */
export const allRows: readonly Row[] = [...quietRows, ...regressionRows];

/** @throws RangeError for a row that is not there */
export function rowNamed(name: string): Row {
  const row = [...allRows, ...trafficRows, ...experimentRows].find((one) => one.name === name);
  if (row === undefined) throw new RangeError(`no row is called '${name}'`);
  return row;
}

export function work(task: Task, maker: (row: Row, judge: string) => JudgeMaker): Outcome[] {
  const row = rowNamed(task.row);
  const make = maker(row, task.judge);
  const outcomes: Outcome[] = [];
  for (let run = task.from; run < task.to; run++) outcomes.push(runOnce(row, make, task.alpha, task.seed, run));
  return outcomes;
}

/** Answers each task with its outcomes, in order. */
export function serve(port: MessagePort, maker: (row: Row, judge: string) => JudgeMaker): void {
  port.on("message", (task: Task) => port.postMessage(work(task, maker)));
}
