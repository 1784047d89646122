import type { Log } from "./core/log.ts";
import { severityOf } from "./rollout/severity.ts";
import type { ExplainedDecision } from "./rollout/status.ts";

/** One line for each decision: the sentence, and all that it was made on. */
export function logDecision(log: Log, decision: ExplainedDecision): void {
  const { sentence, ...record } = decision;
  const severity = severityOf(decision.reason);
  log[severity === "page" ? "error" : severity]({ decision: record, severity }, sentence);
}
