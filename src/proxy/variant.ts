import type { RequestHead } from "../http1/request-head.ts";
import { counters, gatedReasons } from "../observe/layout.ts";
import { decideGates } from "../split/gate.ts";
import { variantAt } from "../split/table.ts";
import type { Exchange } from "./exchange.ts";

/** The gates decide, and where none does, the allocation: the bucket's owner serves. @param key the cohort key, if there is one */
export function chooseVariant(exchange: Exchange, head: RequestHead, key: string | undefined): void {
  const { route } = exchange;
  let chosen = variantAt(route.allocation, exchange.bucket);
  if (route.gates !== null) {
    const { question, outcome, runtime } = exchange.context;
    decideGates(route.gates, question.ask(head, key, Date.now(), runtime!.claimsOf).glance(head, runtime!.marks, exchange.client), chosen, exchange.reason, outcome);
    chosen = outcome.variant;
    exchange.reason = outcome.reason;
    if (outcome.gate !== null) countGated(exchange, outcome.gate.variant);
  }
  exchange.variant = chosen === 0 ? route.baseline : route.variants[chosen]!;
  exchange.serving = exchange.variant;
}

/** What a gate decided is counted for its own variant, whoever serves. */
function countGated({ route, reason }: Exchange, variant: number): void {
  const index = gatedReasons.indexOf(reason as (typeof gatedReasons)[number]);
  if (index >= 0) route.variants[variant]!.recorder.add(counters.gated + index, 1);
}
