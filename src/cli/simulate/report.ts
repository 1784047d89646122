/** Everything that a simulation found, and how to repeat it: what `--json` prints, and what text and plots are made from. */
import type { Reference } from "./row.ts";
import { summarise, type Summary } from "./summary.ts";
import type { Outcome } from "./run.ts";
import { rowNamed, type Task } from "./work.ts";

export interface RowReport extends Summary {
  readonly row: string;
  readonly title: string;
  readonly kind: "quiet" | "regression";
  readonly judge: string;
  readonly reference: Reference | null;
}

export interface Report {
  readonly seed: number;
  readonly alpha: number;
  readonly command: string;
  readonly node: string;
  readonly elapsedSeconds: number;
  readonly rows: readonly RowReport[];
}

export const own = "ebbgate";

/** One row for each row and judge, in the order of the tasks. */
export function rowReports(tasks: readonly Task[], results: readonly (readonly Outcome[])[]): RowReport[] {
  const outcomes = new Map<string, { readonly task: Task; readonly all: Outcome[] }>();
  tasks.forEach((task, i) => {
    const key = `${task.row} ${task.judge}`;
    const entry = outcomes.get(key) ?? { task, all: [] };
    entry.all.push(...results[i]!);
    outcomes.set(key, entry);
  });
  return [...outcomes.values()].map(({ task, all }) => {
    const row = rowNamed(task.row);
    return { row: row.name, title: row.title, kind: row.kind, judge: task.judge, reference: row.kind === "regression" ? row.reference : null, ...summarise(row, all) };
  });
}

/** The promise of JUDGE 9: at most alpha false verdicts in a quiet row. */
export const keepsPromise = (row: RowReport, alpha: number): boolean => row.kind !== "quiet" || row.falseShare <= alpha;
