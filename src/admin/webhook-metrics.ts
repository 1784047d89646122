/** Rows of the metric table about calls to others; without webhooks there are none. */
import type { TargetStatus } from "../hooks/hooks.ts";
import type { MetricRow } from "./metric-row.ts";

function row(type: "counter" | "gauge", name: string, help: string, of: (target: TargetStatus) => number | null): MetricRow {
  return {
    type, name, labels: ["target"], help,
    read: ({ ports }, emit) => {
      for (const target of ports.webhooks?.() ?? []) {
        const value = of(target);
        if (value !== null) emit(value, target.target);
      }
    },
  };
}

export const webhookMetrics: readonly MetricRow[] = [
  row("counter", "ebbgate_webhook_calls_total", "Calls that the target has taken, with any 2xx.", ({ taken }) => taken),
  row("counter", "ebbgate_webhook_failed_attempts_total", "Attempts at calls that the target did not take.", ({ failed }) => failed),
  row("counter", "ebbgate_webhook_given_up_total", "Calls that were given up: notifications that became dead letters, steps of playbooks that failed.", ({ gaveUp }) => gaveUp),
  row("gauge", "ebbgate_webhook_behind_records", "Audit records that the target was not told of yet. Absent where another sidecar tells it.", ({ notified, behind }) => (notified ? behind : null)),
  row("gauge", "ebbgate_webhook_dead_letters", "Notifications that are kept to be sent again on request.", ({ deadLetters }) => deadLetters),
];
