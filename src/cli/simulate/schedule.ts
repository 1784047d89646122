/** Which runs are made, in pieces that keep all threads busy to the end. */
import type { Row } from "./row.ts";
import type { Task } from "./work.ts";

/** Rough cost of a run in simulated seconds; the whole way costs more (see whole-judge.ts), latencies as well. */
export const costOf = (row: Row): number =>
  (row.candidates ?? 1) * (row.way === "whole" ? 30 : row.way === "fleet" ? 25 : row.traffic.latency === undefined ? 1 : 5) * (row.kind === "regression" && row.onsetSecond === 0 ? Math.min(300, row.seconds) : row.seconds);

export interface ScheduleOptions {
  readonly rows: readonly Row[];
  readonly judges: readonly string[];
  readonly runs: (row: Row) => number;
  readonly alpha: number;
  readonly seed: number;
  readonly threads: number;
}

/** Row after row; no piece is long, so the threads end together. */
export function schedule(options: ScheduleOptions): Task[] {
  const { alpha, seed } = options;
  const whole = options.rows.map((row) => ({ row, runs: options.runs(row) }));
  const total = whole.reduce((sum, { row, runs }) => sum + costOf(row) * runs * options.judges.length, 0);
  const pieceMax = total / (options.threads * 32);
  return whole.flatMap(({ row, runs }) => {
    const each = Math.max(1, Math.min(runs, Math.floor(pieceMax / costOf(row))));
    return options.judges.flatMap((judge) => Array.from({ length: Math.ceil(runs / each) }, (_, i): Task => ({
      row: row.name, judge, alpha, seed, from: i * each, to: Math.min(runs, (i + 1) * each),
    })));
  });
}
