/** `ebbgate gates list|report|explain|kill|revive`: who is given what, why, and the switch that ends it. */
import { Unfit } from "../gates/explain.ts";
import { gateReports } from "../gates/report.ts";
import { StoreError } from "../store/store.ts";
import { adminOptions, asksAdmin, usingAdmin } from "./admin-access.ts";
import { AdminError } from "./admin-client.ts";
import { type CliIo, exitCodes, parseArguments } from "./args.ts";
import { explain, explanationText, ExplainUsage, momentOf } from "./gates/explain.ts";
import { listText, reportText } from "./gates/list.ts";
import { gatesOverApi, noSuchGate, switchedText } from "./gates/over-api.ts";
import { switchGate } from "./gates/switch.ts";
import { type GateWorld, openGateWorld } from "./gates/world.ts";
import { caller } from "./caller.ts";
import { NoStore, storeOptions } from "./store-choice.ts";

export const spec = {
  name: "gates",
  summary: "Feature gates: list them, say which should go, explain what a request is given, kill one at once and revive it.",
  positionals: { name: "ACTION [NAME]", min: 0, max: 2, first: ["list", "report", "explain", "kill", "revive"], help: "list (what is done without an action); report, for reviews; explain NAME; kill NAME and revive NAME, which need --reason." },
  options: {
    ...storeOptions,
    reason: { type: "string", value: "TEXT", help: "Why, for the audit log. kill and revive need it." },
    stale: { type: "boolean", help: "list and report: only gates that should go, and why." },
    header: { type: "string", value: "'NAME: VALUE'", multiple: true, help: "explain: a header of the request." },
    cookie: { type: "string", value: "NAME=VALUE", multiple: true, help: "explain: a cookie of the request." },
    path: { type: "string", value: "PATH", help: "explain: its path, with a query if it has one (default: the route's)." },
    method: { type: "string", value: "METHOD", help: "explain: its method (default: the route's, or GET)." },
    host: { type: "string", value: "HOST", help: "explain: its Host (default: the route's)." },
    ip: { type: "string", value: "ADDRESS", help: "explain: the client's address." },
    key: { type: "string", value: "KEY", help: "explain: the cohort key, instead of what the request would have." },
    claim: { type: "string", value: "NAME=VALUE", multiple: true, help: "explain: a claim, as if a token had been verified." },
    token: { type: "string", value: "JWT", help: "explain: a bearer token, verified as the proxy does." },
    region: { type: "string", value: "REGION", help: "explain: the sidecar's region (default: the configuration's)." },
    at: { type: "string", value: "TIME", help: "explain, list and report: when, as 2026-12-24T18:00:00Z (default: now)." },
    json: { type: "boolean", help: "Print one JSON object instead of lines." },
    ...adminOptions,
    admin: { ...adminOptions.admin, help: "Instead of a store: a sidecar's admin API (EBBGATE_ADMIN does so too, where no store is named)." },
  },
  examples: [
    ["ebbgate gates explain new-checkout --header 'x-user: alice' --cookie beta=on", "why alice gets what she gets"],
    ["ebbgate gates --stale", "at 100% or 0% for too long, past the sunset, or without traffic"],
    ["ebbgate gates report > gates.md", "for a review"],
    ["ebbgate gates kill new-checkout --reason 'orders are lost'", "on every sidecar, at once"],
    ["ebbgate gates revive new-checkout --reason 'fixed in 2.0.1'", "the same users as before"],
  ],
  exits: [
    [0, "done; a gate that was killed already, or was not, is left as it is"],
    [1, "there is no such gate, the configuration is refused, or the store cannot be used"],
    [2, "wrong usage"],
    [3, "Redis, or the sidecar, cannot be reached"],
  ],
} as const;

type Action = (typeof spec.positionals.first)[number];

export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const args = parseArguments(spec, argv, io);
  if (typeof args === "number") return args;
  const { values, positionals: [written = "list", name] } = args;
  const fail = (why: string, code: number = exitCodes.failed): number => {
    io.stderr.write(`ebbgate gates: ${why}\n`);
    return code;
  };
  const action = written as Action;
  const ofAll = action === "list" || action === "report";
  if (!ofAll && name === undefined) return fail(`${action} needs the name of a gate`, exitCodes.usage);
  if (ofAll && name !== undefined) return fail(`unexpected argument '${name}'`, exitCodes.usage);
  if ((action === "kill" || action === "revive") && !values.reason?.trim()) return fail(`${action} needs --reason TEXT: it is what people read in the audit log`, exitCodes.usage);
  let world: GateWorld | undefined;
  try {
    if (asksAdmin(values, io)) {
      io.stdout.write(await usingAdmin(values, io, (client) => gatesOverApi(client, action, name ?? "", values)));
      return exitCodes.ok;
    }
    world = await openGateWorld(values, io);
    return await act(world, action, name ?? "", values, io, fail);
  } catch (error) {
    if (error instanceof AdminError) return fail(error.message, error.exit);
    if (error instanceof NoStore) return fail(error.message, error.unreachable ? exitCodes.unreachable : exitCodes.failed);
    if (error instanceof ExplainUsage || error instanceof Unfit) return fail(error.message, exitCodes.usage);
    if (error instanceof StoreError) return fail(error.message, error.code === "unavailable" && world?.shared ? exitCodes.unreachable : exitCodes.failed);
    throw error;
  } finally {
    await world?.close();
  }
}

type Values = Exclude<ReturnType<typeof parseArguments<typeof spec>>, number>["values"];

async function act(world: GateWorld, action: Action, name: string, values: Values, io: CliIo, fail: (why: string) => number): Promise<number> {
  const { gates } = world.dynamic;
  const gate = gates.find((one) => one.name === name);
  if (action === "list" || action === "report") return show(world, action, values, io);
  if (gate === undefined && action !== "revive") {
    throw noSuchGate(name, gates.map((one) => one.name));
  }
  if (action === "explain") {
    const told = await explain(world, name, values);
    if (told === null) return fail("no route matches this request: say more of it with --host, --path, --method and --header");
    io.stdout.write(values.json ? `${JSON.stringify(told)}\n` : explanationText(name, gate!.route, told));
    return exitCodes.ok;
  }
  const switched = await switchGate(world, { gate: name, action, who: caller(io), reason: values.reason! }, io);
  if (switched === "memory") return fail("a memory store is in its sidecar's process alone: nothing outside can reach it");
  if (values.json) io.stdout.write(`${JSON.stringify({ gate: name, action, ...switched })}\n`);
  else io.stdout.write(switchedText(name, action, switched, gate));
  return exitCodes.ok;
}

async function show(world: GateWorld, action: "list" | "report", { stale, at, json }: Values, io: CliIo): Promise<number> {
  const nowMs = momentOf(at);
  const reports = (await gateReports(world.dynamic, world.get, nowMs)).filter((report) => !stale || report.stale.length > 0);
  if (json) io.stdout.write(`${JSON.stringify({ gates: reports })}\n`);
  else io.stdout.write(action === "list" ? listText(reports, stale) : reportText(reports, world.place, nowMs));
  return exitCodes.ok;
}
