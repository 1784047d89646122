import { variantAt } from "../split/table.ts";
import type { Exchange } from "./exchange.ts";

/** The allocation decides: the bucket's owner serves. A request without a cohort key gets the baseline. */
export function chooseVariant(exchange: Exchange): void {
  const { route } = exchange;
  const index = exchange.bucket < 0 ? 0 : variantAt(route.allocation, exchange.bucket);
  exchange.reason = exchange.bucket < 0 ? "default" : "weighted";
  exchange.variant = route.variants[index]!;
  exchange.serving = exchange.variant;
}
