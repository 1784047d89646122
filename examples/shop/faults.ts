import { setTimeout as delay } from "node:timers/promises";

/**
 * What can be broken, one at a time. `errors`: the database is gone, 503 on nearly every request. `latency`: an
 * index is missing, every query takes longer. `hang`: requests are accepted and never answered. `crash`: the process
 * exits.
 */
export const faults = ["none", "errors", "latency", "hang", "crash"] as const;
export type Fault = (typeof faults)[number];

export const isFault = (text: string): text is Fault => (faults as readonly string[]).includes(text);

/** Share of requests that still find an answer (a cache, say) while the database is gone. */
const survivingShare = 0.03;
const missingIndexMs = 250;

export class DatabaseGone extends Error {}

/**
 * Stands where a real shop has its database: every request waits for one query. The wait is drawn from a right-skewed
 * distribution (most near 1.5 ms, one in a hundred above 8 ms), as a local database's is.
 */
export class Database {
  fault: Fault = "none";

  /** @throws {DatabaseGone} while the fault is `errors` */
  async query(): Promise<void> {
    if (this.fault === "hang") await new Promise<never>(() => {});
    if (this.fault === "errors" && Math.random() >= survivingShare) throw new DatabaseGone("the database is gone");
    await delay(queryMs() + (this.fault === "latency" ? missingIndexMs * (0.7 + 0.6 * Math.random()) : 0));
  }
}

function queryMs(): number {
  // Exponential of a sum of uniforms: near enough to a log-normal, without a tail that never ends.
  const spread = Math.random() + Math.random() + Math.random() - 1.5;
  return 1.5 * Math.exp(1.4 * spread);
}
