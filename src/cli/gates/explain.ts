/** `ebbgate gates explain NAME`: what the proxy would decide about a request, and why, by the proxy's own steps. */
import { type DescribedRequest, explainRequest } from "../../gates/explain.ts";
import type { Explanation } from "../../proxy/explain.ts";
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

/** @returns null where no route matches @throws ExplainUsage, Unfit */
export async function explain(world: GateWorld, gate: string, options: ExplainOptions): Promise<Explanation | null> {
  const region = options.region ?? world.region;
  const snapshot = await snapshotOf(world, region);
  return explainRequest(snapshot, region, world.dynamic.gates.find((one) => one.name === gate)!.route, describedRequest(options), momentOf(options.at));
}

/** @throws ExplainUsage */
export function describedRequest({ header, cookie, claim, token, method, path, host, key, ip }: ExplainOptions): DescribedRequest {
  const headers = header.map((line) => pair(line, ":", "--header is NAME:VALUE, as 'x-plan: pro'"));
  return {
    method, path, host, key, ip, headers: token === undefined ? headers : [...headers, ["authorization", `Bearer ${token}`] as const],
    cookies: cookie.map((one) => pair(one, "=", "--cookie is NAME=VALUE, as beta=on")), claims: claim.length === 0 ? null : claimsOf(claim),
  };
}

/** @throws ExplainUsage */
export function momentOf(at: string | undefined): number {
  const nowMs = at === undefined ? Date.now() : Date.parse(at);
  if (Number.isNaN(nowMs)) throw new ExplainUsage("--at is a date, as 2026-12-24T18:00:00Z");
  return nowMs;
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
