import type { RequestHead } from "../http1/request-head.ts";
import { decideGates } from "../split/gate.ts";
import { variantAt } from "../split/table.ts";
import type { Exchange } from "./exchange.ts";

/** The gates decide, and where none does, the allocation: the bucket's owner serves. @param key the cohort key, if there is one */
export function chooseVariant(exchange: Exchange, head: RequestHead, key: string | undefined): void {
  const { route } = exchange;
  let chosen = variantAt(route.allocation, exchange.bucket);
  if (route.gates !== null) {
    const { question, outcome, runtime } = exchange.context;
    decideGates(route.gates, question.ask(head, key, Date.now(), runtime!.claimsOf), chosen, exchange.reason, outcome);
    chosen = outcome.variant;
    exchange.reason = outcome.reason;
  }
  exchange.variant = route.variants[chosen]!;
  exchange.serving = exchange.variant;
}
