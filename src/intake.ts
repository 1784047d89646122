/** What became of the configuration documents that were seen: for the log, the status and the metrics. */
import type { ConfigurationStatus } from "./admin/ports.ts";
import { formatProblem, type ConfigProblem } from "./config/problem.ts";
import type { Log } from "./core/log.ts";

export class Intake {
  private readonly log: Log;
  private readonly nowMs: () => number;
  private current: ConfigurationStatus;

  /** @param source where the document comes from, for people @param nowMs wall time */
  constructor(source: string, log: Log, nowMs: () => number) {
    this.log = log;
    this.nowMs = nowMs;
    this.current = { source, loadedMs: null, lastLoadOk: false, refusals: 0, lastRefusal: null };
  }

  get status(): ConfigurationStatus {
    return this.current;
  }

  /** The document is good, whether it says anything new or not. */
  good(): void {
    this.current = { ...this.current, lastLoadOk: true };
  }

  /** It runs. */
  taken(source: string): void {
    this.current = { ...this.current, source, loadedMs: this.nowMs(), lastLoadOk: true };
  }

  readonly refused = (problems: readonly ConfigProblem[]): void => {
    const lines = problems.map(formatProblem);
    this.current = { ...this.current, lastLoadOk: false, refusals: this.current.refusals + 1, lastRefusal: { wallMs: this.nowMs(), detail: lines.join("\n") } };
    this.log.error({ problems: lines }, "The configuration is refused; the last good one runs on.");
  };
}
