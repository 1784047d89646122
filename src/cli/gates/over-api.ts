/** `ebbgate gates` by a sidecar's admin API: as it stands there, and for all sidecars of its store. */
import { nearest } from "../../config/nearest.ts";
import type { GateReport } from "../../gates/report.ts";
import type { Explanation } from "../../proxy/explain.ts";
import { type AdminClient, AdminError } from "../admin-client.ts";
import { exitCodes } from "../args.ts";
import { describedRequest, type ExplainOptions, explanationText, momentOf } from "./explain.ts";
import { listText, reportText } from "./list.ts";

export interface GatesAsked extends ExplainOptions {
  readonly stale: boolean;
  readonly reason?: string | undefined;
  readonly json: boolean;
}

/** @returns what is printed @throws AdminError, ExplainUsage */
export async function gatesOverApi(client: AdminClient, action: "list" | "report" | "explain" | "kill" | "revive", name: string, asked: GatesAsked): Promise<string> {
  const path = `/api/v1/gates/${encodeURIComponent(name)}`;
  const gate = async (): Promise<GateReport> => (await client.ask<GateReport>(path)).body;
  try {
    if (action === "list" || action === "report") return await show(client, action, asked);
    if (action === "explain") {
      if (asked.region !== undefined) throw new AdminError("--region is the configuration's to say: the sidecar explains what it does in its own region", exitCodes.usage);
      const { headers, cookies, ...rest } = describedRequest(asked);
      const body = { ...rest, headers: Object.fromEntries(headers), cookies: Object.fromEntries(cookies), ...(asked.at !== undefined && { at: new Date(momentOf(asked.at)).toISOString() }) };
      const { body: told } = await client.ask<Explanation>(`${path}/explain`, { method: "POST", body });
      return asked.json ? `${JSON.stringify(told)}\n` : explanationText(name, (await gate()).route, told);
    }
    const { body: { outcome } } = await client.ask<{ readonly outcome: "done" | "already" }>(`${path}/${action}`, { method: "POST", body: { reason: asked.reason }, once: true });
    if (asked.json) return `${JSON.stringify({ gate: name, action, outcome, by: "sidecar" })}\n`;
    return switchedText(name, action, { outcome, by: "store" }, outcome === "already" ? undefined : await gate());
  } catch (error) {
    if (error instanceof AdminError && error.status === 404) throw noSuchGate(name, (await client.ask<{ readonly items: readonly GateReport[] }>("/api/v1/gates")).body.items.map((one) => one.name));
    throw error;
  }
}

async function show(client: AdminClient, action: "list" | "report", { stale, at, json }: GatesAsked): Promise<string> {
  if (at !== undefined) throw new AdminError("--at needs the store: a sidecar tells how its gates are now", exitCodes.usage);
  const { body: { items } } = await client.ask<{ readonly items: readonly GateReport[] }>(`/api/v1/gates${stale ? "?stale=true" : ""}`);
  if (json) return `${JSON.stringify({ gates: items })}\n`;
  return action === "list" ? listText(items, stale) : reportText(items, client.url, Date.now());
}

export function noSuchGate(name: string, names: readonly string[]): AdminError {
  const near = nearest(name, names);
  return new AdminError(names.length === 0 ? "the document has no gates" : `there is no gate '${name}'${near === undefined ? "" : `; did you mean ${near}?`}`, exitCodes.failed, 404);
}

export function switchedText(name: string, action: "kill" | "revive", { outcome, by }: { readonly outcome: "done" | "already"; readonly by: "store" | "sidecar" | "command" }, gate: { readonly variant: string; readonly route: string } | undefined): string {
  if (outcome === "already") return `gate ${name} ${action === "kill" ? "is killed already" : "is not killed"}: nothing was written\n`;
  const what = action === "kill" ? `killed: nobody is given ${gate?.variant ?? "its variant"} on route ${gate?.route ?? ""}` : "revived: rules and weight count again";
  const where = { store: "every sidecar of this store follows at once", sidecar: "the sidecar has taken it", command: "no sidecar is running here: the next one to start follows" }[by];
  return `gate ${name} is ${what}; ${where}\n`;
}
