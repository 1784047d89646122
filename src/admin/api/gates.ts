/** Feature gates: how far each is open, why a request is given what, and the switch that closes one at once. */
import { z } from "zod";
import { closures, gateEffects } from "../../core/gates.ts";
import { routingReasons } from "../../core/reasons.ts";
import { explainRequest, Unfit } from "../../gates/explain.ts";
import type { GateFacts } from "../../gates/facts.ts";
import type { KillChange } from "../../gates/kills.ts";
import { gateReports, type GateReport } from "../../gates/report.ts";
import { staleReasons } from "../../gates/stale.ts";
import type { Explanation } from "../../proxy/explain.ts";
import type { AdminPorts } from "../ports.ts";
import { type Answer, json, noSuch, problem } from "../problem.ts";
import { endpoint, type Endpoint } from "./endpoint.ts";
import type { Permission } from "./roles.ts";
import { named, reasonText } from "./shapes.ts";

const said = z.string().nullable();
const openStates = ["hidden", "partial", "full"] as const satisfies readonly GateFacts["state"][];
const usage = z.object({ allowed: z.int(), targeted: z.int(), denied: z.int(), killed: z.int(), weighted: z.int() });

const gate: z.ZodType<GateReport> = z
  .object({
    name: z.string(), route: z.string(), variant: z.string(), description: said, owner: said, ticket: said, created: said, sunset: said, criteria: said, rules: z.int().describe("How many it has."),
    exposure: z.object({ state: z.enum(openStates), weight: z.number(), closed: z.enum(closures).nullable(), regionsBelow: z.array(z.string()) }).describe("How far it is open."),
    kill: z.object({ at: z.string(), who: z.string(), reason: z.string() }).nullable(),
    facts: z.object({ state: z.enum(openStates), since: z.string(), first: z.string(), traffic: said, requests: usage }).nullable().describe("What is remembered of it; null: nothing yet."),
    stale: z.array(z.object({ reason: z.enum(staleReasons), days: z.int(), remedy: z.string() })).describe("Why it should go; empty: it should not."),
  })
  .meta({ id: "Gate" });

const explanation: z.ZodType<Omit<Explanation, "gates">> = z
  .object({
    route: z.string(), variant: z.string(), reason: z.enum(routingReasons), bucket: z.int().min(0).max(99_999).nullable(), owner: said.describe("Whom the weights give the bucket to, whatever the gates say."), gate: said, rule: said,
    gates: z
      .array(z.object({ gate: z.string(), variant: z.int(), closed: z.enum(closures).nullable(), rules: z.array(z.object({ rule: z.string(), effect: z.enum(gateEffects), miss: z.record(z.string(), z.unknown()).nullable() })) }))
      .describe("Each gate and rule that was asked, up to the one that decided; `miss` is what did not fit, null where it matched."),
  })
  .meta({ id: "Explanation" });

const texts = z.record(z.string().min(1).max(200).regex(/^[^\s:=;,]+$/, "is no name"), z.string().max(4_096).regex(/^[ -~\u00a0-\uffff]*$/, "has a control character")).default({});
const request = z.strictObject({
  method: z.string().max(20).optional(), path: z.string().max(8_192).optional().describe("With its query; default: the route's."), host: z.string().max(300).optional(), headers: texts, cookies: texts,
  claims: z.record(z.string(), z.unknown()).nullable().default(null).describe("As if a token had been verified."), key: z.string().max(4_096).optional().describe("The cohort key, instead of what the request would have."), ip: z.string().max(60).optional(),
  at: z.iso.datetime({ offset: true, error: "is a time as RFC 3339 has it, as 2026-01-31T12:00:00Z" }).optional(),
});

const switches: Readonly<Record<KillChange["action"], { readonly permission: Permission; readonly summary: string }>> = {
  kill: { permission: "lower", summary: "Close it on every sidecar at once: nobody is given its variant." },
  revive: { permission: "raise", summary: "Let its rules and weight count again." },
};

export function gateEndpoints({ gates, clock, posted, identity }: Pick<AdminPorts, "gates" | "clock" | "posted" | "identity">): readonly Endpoint[] {
  const all = (): Promise<GateReport[]> => gateReports(gates.dynamic(), gates.get, clock.wallMs());
  const routeOf = (name: string): string | undefined => gates.dynamic().gates.find((one) => one.name === name)?.route;
  const missing = (name: string): Answer => noSuch("gate", name, gates.dynamic().gates.map((one) => one.name), "the document has no gates");
  const params = named("gate");
  const none = { 404: { means: "There is none of that name." } };
  return [
    endpoint({
      method: "GET", path: "/api/v1/gates", id: "listGates", tag: "gates", summary: "All gates of the running document, in its order.", permission: "read", query: z.strictObject({ stale: z.boolean("is true or false").default(false).describe("Only those that should go.") }),
      answers: { 200: { means: "Each with how far it is open, how it was used, and whether it should go.", schema: z.object({ items: z.array(gate) }).meta({ id: "Gates" }) } },
      handle: async ({ query: { stale } }) => json(200, { items: (await all()).filter((one) => !stale || one.stale.length > 0) }),
    }),
    endpoint({
      method: "GET", path: "/api/v1/gates/{name}", id: "getGate", tag: "gates", summary: "One gate.", permission: "read", params, answers: { 200: { means: "As it stands.", schema: gate }, ...none },
      async handle({ params: { name } }) {
        const found = (await all()).find((one) => one.name === name);
        return found === undefined ? missing(name) : json(200, found);
      },
    }),
    ...(Object.entries(switches) as [KillChange["action"], (typeof switches)["kill"]][]).map(([action, { permission, summary }]) =>
      endpoint({
        method: "POST", path: `/api/v1/gates/{name}/${action}`, id: `${action}Gate`, tag: "gates", summary, permission, params, idempotent: true,
        body: { schema: z.strictObject({ reason: reasonText.min(1, "is empty: say why, it is what people read in the audit log") }) },
        answers: { 200: { means: "`already`: it was so before, and nothing was written.", schema: z.object({ outcome: z.enum(["done", "already"]) }).meta({ id: "Switched" }) }, ...none },
        async handle({ params: { name }, body: { reason }, principal }) {
          if (routeOf(name) === undefined) return missing(name);
          return json(200, { outcome: await gates.change({ gate: name, action, who: principal.name, reason }) });
        },
      }),
    ),
    endpoint({
      method: "POST", path: "/api/v1/gates/{name}/explain", id: "explainGate", tag: "gates", summary: "What the proxy would decide about a request, and why, by its own steps. Nothing is changed.", permission: "read", params, body: { schema: request },
      answers: { 200: { means: "The decision, and how it came about.", schema: explanation }, ...none, 409: { means: "No route matches the request, or nothing runs yet." } },
      handle({ params: { name }, body: { headers, cookies, at, ...rest } }) {
        const route = routeOf(name);
        const snapshot = posted()?.snapshot;
        if (route === undefined || snapshot === undefined) return missing(name);
        try {
          const told = explainRequest(snapshot, identity.region, route, { ...rest, headers: Object.entries(headers), cookies: Object.entries(cookies) }, at === undefined ? clock.wallMs() : Date.parse(at));
          return told === null ? problem(409, "No route matches this request: say more of it with host, path, method and headers.") : json(200, told);
        } catch (error) {
          if (!(error instanceof Unfit)) throw error;
          return problem(422, `The request cannot be explained: ${error.message}`);
        }
      },
    }),
  ];
}
