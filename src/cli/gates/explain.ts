/** `ebbgate gates explain NAME`: what the proxy would decide about a request, and why, by the proxy's own steps. */
import { defaultProxyLimits } from "../../config/settings.ts";
import type { RouteSnapshot } from "../../config/snapshot.ts";
import { errorTable } from "../../core/errors.ts";
import { parseRequestHead, RequestHead } from "../../http1/request-head.ts";
import { Explainer, type Asked, type Explanation } from "../../proxy/explain.ts";
import { describeClosure, describeMiss, describeReason } from "./describe.ts";
import { snapshotOf } from "./snapshot.ts";
import type { GateWorld } from "./world.ts";

export interface ExplainOptions {
  readonly method?: string | undefined;
  readonly path?: string | undefined;
  readonly host?: string | undefined;
  readonly header: readonly string[];
  readonly cookie: readonly string[];
  readonly claim: readonly string[];
  readonly token?: string | undefined;
  readonly key?: string | undefined;
  readonly ip?: string | undefined;
  readonly region?: string | undefined;
  readonly at?: string | undefined;
}

/** A mistake on the command line. */
export class ExplainUsage extends Error {}

/** @returns null where no route matches @throws ExplainUsage */
export async function explain(world: GateWorld, gate: string, options: ExplainOptions): Promise<Explanation | null> {
  const region = options.region ?? world.region;
  const snapshot = await snapshotOf(world, region);
  const name = world.dynamic.gates.find((one) => one.name === gate)!.route;
  const route = snapshot.routes.find((one) => one.name === name)!;
  const head = headOf(route, options);
  const nowMs = momentOf(options.at);
  const asked: Asked = { clientIp: options.ip ?? "192.0.2.1", nowMs, ...(options.claim.length === 0 ? {} : { claims: claimsOf(options.claim) }) };
  const explainer = new Explainer(snapshot, region);
  return options.key === undefined ? explainer.request(head, asked) : explainer.cohort(name, head, options.key, asked);
}

/** @throws ExplainUsage */
export function momentOf(at: string | undefined): number {
  const nowMs = at === undefined ? Date.now() : Date.parse(at);
  if (Number.isNaN(nowMs)) throw new ExplainUsage("--at is a date, as 2026-12-24T18:00:00Z");
  return nowMs;
}

/** What is not said is as the route asks for it. */
function headOf({ match }: RouteSnapshot, options: ExplainOptions): RequestHead {
  const [host = "explain.example"] = match.hosts.map((one) => one.replace(/^\*\./, "any."));
  const lines = options.header.map((line) => pair(line, ":", "--header is NAME:VALUE, as 'x-plan: pro'").join(": "));
  if (options.cookie.length > 0) lines.push(`cookie: ${options.cookie.map((one) => pair(one, "=", "--cookie is NAME=VALUE, as beta=on").join("=")).join("; ")}`);
  if (options.token !== undefined) lines.push(`authorization: Bearer ${options.token}`);
  const text = [`${(options.method ?? match.methods[0] ?? "GET").toUpperCase()} ${options.path ?? match.path.value} HTTP/1.1`, `host: ${options.host ?? host}`, ...lines, "", ""].join("\r\n");
  const head = new RequestHead(defaultProxyLimits.headersMax);
  const refused = parseRequestHead(head, Buffer.from(text).toString("latin1"), defaultProxyLimits);
  if (refused !== null) throw new ExplainUsage(`the proxy would refuse this request (${refused}): ${errorTable[refused].detail}`);
  return head;
}

function claimsOf(claims: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(claims.map((claim) => pair(claim, "=", "--claim is NAME=VALUE, as plan=pro")));
}

function pair(text: string, by: string, usage: string): [string, string] {
  const at = text.indexOf(by);
  if (at < 1) throw new ExplainUsage(usage);
  return [text.slice(0, at).trim(), text.slice(at + by.length).trim()];
}

export function explanationText(gate: string, wanted: string, told: Explanation): string {
  const lines = [
    ...(told.route === wanted ? [] : [`the request goes to route ${told.route}, not to ${wanted}, where gate ${gate} is`]),
    `route    ${told.route}`,
    `variant  ${told.variant}`,
    `reason   ${describeReason(told)}`,
    `bucket   ${told.bucket === null ? "none: the request has no cohort key" : `${told.bucket} of 100000, by weight ${told.owner}'s`}`,
  ];
  for (const one of told.gates) {
    lines.push("", `gate ${one.gate} (${describeClosure(one.closed)})`);
    if (one.closed !== null) lines.push("  its rules are not asked");
    else if (one.rules.length === 0) lines.push("  it has no rules");
    const width = Math.max(...one.rules.map(({ rule }) => rule.length));
    for (const { rule, effect, miss } of one.rules) lines.push(`  ${rule.padEnd(width)}  ${effect.padEnd(6)}  ${miss === null ? "matches" : describeMiss(miss)}`);
  }
  return `${lines.join("\n")}\n`;
}
