/**
 * Lanes: a request that a candidate's service sends on is served by a candidate at the next sidecar as well. A route starts a
 * lane, named like the variant that serves; one with `lane: join` keeps a trusted peer's lane, and follows it where it has a
 * variant for it that users are given at all.
 */
import type { RouteSnapshot } from "../config/snapshot.ts";
import { isDealt, type RoutingReason } from "../core/reasons.ts";
import { kind } from "../http1/field-kinds.ts";
import type { RequestHead } from "../http1/request-head.ts";
import { type Baggage, baggageLine, laneOf, readBaggage } from "../split/baggage.ts";
import type { Exchange } from "./exchange.ts";
import type { RuntimeVariant } from "./runtime.ts";

/** Lane -> index of the variant; null: inbound lanes mean nothing to the route. */
export type Lanes = ReadonlyMap<string, number> | null;

export function compileLanes({ lane, variants }: RouteSnapshot): Lanes {
  if (lane === null) return null;
  const indexes = new Map(variants.map(({ name }, index) => [name, index]));
  return lane.join === null ? indexes : new Map(lane.join.map(([from, to]) => [from, indexes.get(to)!]));
}

/** What a variant adds where the request brought no baggage. A route with one variant has nothing to tell. */
export const ownLaneLine = ({ variants }: RouteSnapshot, name: string): string => (variants.length > 1 ? baggageLine({ others: "", room: true }, name) : "");

/** Called once the split has chosen. @param trusted whether the peer's lane is believed */
export function takeLane(exchange: Exchange, head: RequestHead, trusted: boolean): void {
  const { lanes } = exchange.route;
  const joins = lanes !== null && trusted;
  const carries = head.has(kind.baggage);
  if (!carries && !(joins && head.has(kind.ebbgate))) return;
  const baggage = readBaggage(carries ? linesOf(head) : []);
  exchange.baggage = baggage;
  if (!joins) return;
  exchange.lane = laneIn(baggage, head);
  const index = laneVariant(lanes, exchange.lane, exchange.reason, exchange.route.variants);
  if (index < 0) return;
  exchange.variant = exchange.route.variants[index]!;
  exchange.serving = exchange.variant;
  exchange.reason = "laned";
}

/** The header is the last hop's variant; the baggage is the lane, also behind hops that have no variant for it. */
const laneIn = (baggage: Baggage, head: RequestHead): string => (baggage.lane === "" ? laneOf(head.get("ebbgate-variant")) : baggage.lane);

/** The lane that a request brings, for who explains; "": none. */
export const laneOfRequest = (head: RequestHead): string => laneIn(readBaggage(linesOf(head)), head);

/** None where the client says that its baggage is for this hop only (RFC 9110 section 7.6.1). */
function linesOf(head: RequestHead): string[] {
  const lines: string[] = [];
  if (head.connectionNames?.includes("baggage") === true) return lines;
  for (let i = 0; i < head.count; i++) if (head.kinds[i] === kind.baggage) lines.push(head.value(i));
  return lines;
}

/**
 * Where a lane leads. What a rule of this route says about the request outranks it, and so does a weight of 0: it is a promise.
 *
 * @returns an index; -1: nowhere
 */
export function laneVariant(lanes: ReadonlyMap<string, number>, lane: string, reason: RoutingReason, variants: readonly { readonly open: boolean }[]): number {
  const index = lanes.get(lane);
  return index !== undefined && isDealt(reason) && variants[index]!.open ? index : -1;
}

/** The `baggage` line of a request that this variant is sent, or "": its own lane, or the one that was joined. */
export function laneLine(exchange: Exchange, variant: RuntimeVariant): string {
  const { baggage, lane } = exchange;
  if (baggage === null) return variant.laneLine;
  return baggageLine(baggage, lane !== "" || variant.laneLine === "" ? lane : variant.name);
}

