/** A request from its parsed head to its way upstream: route, cohort, variant, forward. Reads top to bottom. */
import type { ErrorCode } from "../core/errors.ts";
import { clientAddress, forwardHead, type Forwarding } from "../http1/forward-head.ts";
import { kind } from "../http1/field-kinds.ts";
import type { RequestHead } from "../http1/request-head.ts";
import { assignCohort } from "./cohort.ts";
import type { ProxyContext } from "./context.ts";
import { Exchange, type Downstream } from "./exchange.ts";
import { takeLane } from "./lane.ts";
import { chooseMirror } from "./mirror-capture.ts";
import { followPage } from "./page.ts";
import { matchRoute } from "./route.ts";
import { inboundTraceId } from "./tracing.ts";
import { chooseVariant } from "./variant.ts";

/**
 * @param head scratch: nothing of it is kept
 * @returns the exchange, which may be over already; or why the request goes nowhere
 */
export function begin(context: ProxyContext, downstream: Downstream, head: RequestHead, forwarding: Forwarding, startMs: number): Exchange | ErrorCode {
  const { runtime } = context;
  if (runtime === null) return "no_configuration";
  if (isLoop(head, context.viaName)) return "loop_detected";
  const route = matchRoute(runtime.table, head);
  if (route === null) return "no_route";
  const { requestBodyBytesMax, mirror } = route;
  if (requestBodyBytesMax > 0 && head.bodyLength > requestBodyBytesMax) return "body_too_large";
  const upgrade = upgradeOf(head);
  if (upgrade !== "" && head.bodyLength !== 0) return "upgrade_with_body";

  const exchange = new Exchange(context, downstream, head.method, head.target, head.bodyLength, startMs);
  exchange.route = route;
  exchange.upgrade = upgrade;
  const key = assignCohort(exchange, head, clientAddress(head, forwarding));
  chooseVariant(exchange, head, key);
  takeLane(exchange, head, forwarding.trusted);
  followPage(exchange, head);
  if (mirror !== null) chooseMirror(exchange, mirror);
  const { tracer } = context;
  if (tracer === null) {
    exchange.commonHead = forwardHead(head, forwarding, route.setNames, upgrade);
    // Whoever traces is not us: the context passes as it is, and the log says whose it was.
    if (context.accessLog !== null && head.has(kind.traceparent)) exchange.traceId = inboundTraceId(head);
  } else {
    const trace = tracer.begin(head, forwarding, exchange.variant.index !== 0);
    exchange.trace = trace;
    exchange.traceId = trace.traceId;
    exchange.commonHead = forwardHead(head, forwarding, route.setNames, upgrade, trace.replaced) + trace.line;
  }
  context.inFlight.add(exchange);
  return exchange;
}

/** A second passage through this proxy (RFC 9110 section 7.6.3). */
function isLoop(head: RequestHead, viaName: string): boolean {
  for (let i = 0; head.has(kind.via) && i < head.count; i++) {
    if (head.kinds[i] !== kind.via) continue;
    for (const hop of head.value(i).split(",")) if (hop.trim().split(/\s+/)[1] === viaName) return true;
  }
  return false;
}

/** The protocols that are offered upstream. h2c is not: the tunnel would bypass every check (RFC 9113 section 3.1). */
function upgradeOf(head: RequestHead): string {
  if (!head.connectionNamesUpgrade || head.minor === 0) return "";
  return head
    .all("upgrade")
    .flatMap((value) => value.toLowerCase().split(","))
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== "" && !protocol.startsWith("h2"))
    .join(", ");
}

