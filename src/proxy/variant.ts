import { variantAt } from "../split/table.ts";
import type { Exchange } from "./exchange.ts";

/** The allocation decides: the bucket's owner serves. */
export function chooseVariant(exchange: Exchange): void {
  const { route } = exchange;
  exchange.variant = route.variants[variantAt(route.allocation, exchange.bucket)]!;
  exchange.serving = exchange.variant;
}
