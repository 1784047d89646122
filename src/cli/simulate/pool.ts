/** Runs tasks on worker threads. What comes back is in the order of the tasks, whichever thread was faster. */
import { Worker } from "node:worker_threads";
import type { Outcome } from "./run.ts";
import type { Task } from "./work.ts";

export interface PoolOptions {
  readonly threads: number;
  /** A module that calls `serve` (work.ts). */
  readonly entry: URL;
  /** After each task. */
  readonly done: (task: Task) => void;
  readonly signal: AbortSignal;
}

/** Much is thrown away every simulated second: a larger nursery is emptied less often. */
const resourceLimits = { maxYoungGenerationSizeMb: 64 } as const;

/** Beside this file: TypeScript in the sources, JavaScript in the published bundle. */
export const ownEntry = (): URL => new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./simulate.js", import.meta.url);

/** @throws what a worker throws; the signal's reason when it is aborted */
export async function runTasks(tasks: readonly Task[], options: PoolOptions): Promise<readonly Outcome[][]> {
  const results: Outcome[][] = Array.from({ length: tasks.length }, () => []);
  const workers = Array.from({ length: Math.min(options.threads, tasks.length) }, (_, i) => new Worker(options.entry, { name: `simulate-${i}`, resourceLimits }));
  let next = 0;
  const abort = Promise.withResolvers<never>();
  const onAbort = (): void => abort.reject(options.signal.reason);
  options.signal.addEventListener("abort", onAbort, { once: true });
  if (options.signal.aborted) onAbort();
  const drive = async (worker: Worker): Promise<void> => {
    while (next < tasks.length) {
      const at = next++;
      results[at] = await ask(worker, tasks[at]!);
      options.done(tasks[at]!);
    }
  };
  try {
    await Promise.race([Promise.all(workers.map(drive)), abort.promise]);
  } finally {
    options.signal.removeEventListener("abort", onAbort);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return results;
}

function ask(worker: Worker, task: Task): Promise<Outcome[]> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      worker.off("message", onMessage);
      worker.off("error", onError);
    };
    const onMessage = (outcomes: Outcome[]): void => {
      settle();
      resolve(outcomes);
    };
    const onError = (error: unknown): void => {
      settle();
      reject(error instanceof Error ? error : new Error(String(error)));
    };
    worker.on("message", onMessage);
    worker.on("error", onError);
    worker.postMessage(task);
  });
}
