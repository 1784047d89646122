/** What the proxy would decide about a request that somebody describes, by the proxy's own steps. Pure. */
import { defaultProxyLimits } from "../config/settings.ts";
import type { RouteSnapshot, Snapshot } from "../config/snapshot.ts";
import { errorTable } from "../core/errors.ts";
import { parseRequestHead, RequestHead } from "../http1/request-head.ts";
import { Explainer, type Asked, type Explanation } from "../proxy/explain.ts";
import type { Claims } from "../split/claims.ts";

/** What is not said is as the gate's route asks for it. */
export interface DescribedRequest {
  readonly method?: string | undefined;
  /** With its query. */
  readonly path?: string | undefined;
  readonly host?: string | undefined;
  /** Names and values. */
  readonly headers: readonly (readonly [string, string])[];
  readonly cookies: readonly (readonly [string, string])[];
  /** As if a token had been verified. */
  readonly claims: Claims | null;
  /** The cohort key, instead of what the request would have. */
  readonly key?: string | undefined;
  /** The client's address. */
  readonly ip?: string | undefined;
}

/** A request that the proxy would not take. */
export class Unfit extends Error {}

/**
 * @param route of the gate @param region the sidecar's; null: it has none @param nowMs wall time
 * @returns null where no route matches @throws Unfit
 */
export function explainRequest(snapshot: Snapshot, region: string | null, route: string, described: DescribedRequest, nowMs: number): Explanation | null {
  const head = headOf(snapshot.routes.find(({ name }) => name === route)!, described);
  const asked: Asked = { clientIp: described.ip ?? "192.0.2.1", nowMs, ...(described.claims === null ? {} : { claims: described.claims }) };
  const explainer = new Explainer(snapshot, region);
  return described.key === undefined ? explainer.request(head, asked) : explainer.cohort(route, head, described.key, asked);
}

function headOf({ match }: RouteSnapshot, { method, path, host, headers, cookies }: DescribedRequest): RequestHead {
  const [own = "explain.example"] = match.hosts.map((one) => one.replace(/^\*\./, "any."));
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  if (cookies.length > 0) lines.push(`cookie: ${cookies.map(([name, value]) => `${name}=${value}`).join("; ")}`);
  const text = [`${(method ?? match.methods[0] ?? "GET").toUpperCase()} ${path ?? match.path.value} HTTP/1.1`, `host: ${host ?? own}`, ...lines, "", ""].join("\r\n");
  const head = new RequestHead(defaultProxyLimits.headersMax);
  const refused = parseRequestHead(head, Buffer.from(text).toString("latin1"), defaultProxyLimits);
  if (refused !== null) throw new Unfit(`the proxy would refuse this request (${refused}): ${errorTable[refused].detail}`);
  return head;
}
