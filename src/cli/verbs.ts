/** `ebbgate promote|pause|resume|rollback|approve|override|drill NAME`: what people ask of a rollout, through the admin API or straight on the store. */
import { parseDuration } from "../config/scalars.ts";
import { StoreError } from "../store/store.ts";
import { type AdminChoice, adminOptions, withAdmin } from "./admin-access.ts";
import { AdminError } from "./admin-client.ts";
import { type ArgumentsSpec, type CliIo, type CommandModule, exitCodes, parseArguments } from "./args.ts";
import { canAsk, confirm } from "./prompt.ts";
import { NoStore, type StoreChoice, storeOptions } from "./shared-store.ts";
import { askOverApi } from "./verbs/over-api.ts";
import { askOverStore } from "./verbs/over-store.ts";
import { type Asked, type Outcome, type Verb, type VerbRow, verbTable } from "./verbs/table.ts";

const options = {
  reason: { type: "string", value: "TEXT", help: "Why: it stands in the audit log and in the report." },
  yes: { type: "boolean", short: "y", help: "Ask nothing on a terminal." },
  json: { type: "boolean", help: "Print one JSON object instead of a sentence." },
  ...adminOptions,
  store: { ...storeOptions.store, help: "Instead of the admin API, straight on the fleet's store: redis://[user@]host:port[/database], rediss:// with TLS. The password is taken from EBBGATE_STORE_PASSWORD." },
  namespace: storeOptions.namespace,
  config: { ...storeOptions.config, help: "Instead of the admin API, straight on the store that this bootstrap document names: a directory, or Redis." },
} as const;

const specOf = ({ verb, summary, reason, raises, examples }: VerbRow) => ({
  name: verb, summary,
  positionals: { name: "NAME", min: 1, max: 1, completes: "rollout", help: "The rollout: its route's name." },
  options: { ...options, reason: { ...options.reason, help: `${options.reason.help}${reason === "demanded" ? " It has to be given." : ""}` } },
  examples,
  exits: [
    [exitCodes.ok, "decided; or handed to a sidecar that decides, which is said"],
    [exitCodes.failed, "refused by the rollout's rules or for want of a permission, no such rollout, or a no to the question"],
    [exitCodes.usage, "wrong usage"],
    [exitCodes.unreachable, `neither the sidecar nor the store could be reached${raises ? "" : "; with --store: nobody answered"}`],
  ],
}) as const satisfies ArgumentsSpec;

const reasonMax = 1_000;

export const verbs = Object.fromEntries(verbTable.map((row) => [row.verb, { spec: specOf(row), run: (argv, io) => run(row, argv, io) } satisfies CommandModule])) as Readonly<Record<Verb, CommandModule>>;

async function run(row: VerbRow, argv: readonly string[], io: CliIo): Promise<number> {
  const args = parseArguments(specOf(row), argv, io);
  if (typeof args === "number") return args;
  const { values, positionals: [name = ""] } = args;
  const reason = values.reason?.trim() ?? "";
  const usage = (why: string): number => {
    io.stderr.write(`ebbgate ${row.verb}: ${why}\n`);
    return exitCodes.usage;
  };
  if (row.reason === "demanded" && reason === "") return usage("--reason TEXT is missing: it is what people read in the audit log and the report");
  if (/\p{Cc}/u.test(reason) || reason.length > reasonMax) return usage(`--reason is one line of at most ${reasonMax} characters`);
  const onStore = values.store !== undefined || values.config !== undefined || values.namespace !== undefined;
  const adminWords = (["admin", "token-file", "ca", "cert", "key"] as const).filter((option) => values[option] !== undefined);
  if (onStore && adminWords.length > 0) return usage(`--${adminWords[0]} belongs to the admin API, and ${values.store === undefined ? "--config" : "--store"} goes past it: give one of them`);
  const asked: Asked = { row, name, reason, yes: values.yes };
  return tell(row.verb, name, values.json, io, () => (onStore ? overStore(values, asked, io) : overApi(values, asked, io)));
}

type Told = Outcome | { readonly outcome: "refused"; readonly detail: string; readonly exit: number };

async function overApi(choice: AdminChoice, asked: Asked, io: CliIo): Promise<Told> {
  let told: Told | undefined;
  const quiet: CliIo = { ...io, stderr: { ...io.stderr, isTTY: io.stderr.isTTY === true, write: (text) => void (detail += text) } };
  let detail = "";
  const exit = await withAdmin(asked.row.verb, choice, quiet, async (client) => {
    told = await askOverApi(client, asked, io);
    return exitCodes.ok;
  });
  return told ?? { outcome: "refused", detail: detail.trimEnd().replace(/^ebbgate \w+: /, ""), exit };
}

async function overStore(choice: StoreChoice & { readonly timeout?: string | undefined }, asked: Asked, io: CliIo): Promise<Told> {
  const refused = (detail: string, exit: number): Told => ({ outcome: "refused", detail, exit });
  const withinMs = parseDuration(choice.timeout ?? "10s");
  if (withinMs === undefined || withinMs === 0) return refused(`--timeout is '${choice.timeout}'; write a duration, as 500ms, 5s or 1m`, exitCodes.usage);
  if (asked.row.raises && !asked.yes && canAsk(io) && !(await confirm(`${asked.row.verb} ${asked.name}?`))) return refused("nothing was done", exitCodes.failed);
  try {
    return await askOverStore(choice, asked, withinMs, io);
  } catch (error) {
    if (error instanceof AdminError) return refused(error.message, error.exit);
    if (error instanceof NoStore) return refused(error.message, error.unreachable ? exitCodes.unreachable : exitCodes.failed);
    if (error instanceof StoreError) return refused(error.message, error.code === "unavailable" ? exitCodes.unreachable : exitCodes.failed);
    throw error;
  }
}

async function tell(verb: Verb, rollout: string, json: boolean, io: CliIo, act: () => Promise<Told>): Promise<number> {
  const told = await act();
  const exit = told.outcome === "refused" ? told.exit : exitCodes.ok;
  if (json) io.stdout.write(`${JSON.stringify({ rollout, verb, outcome: told.outcome, detail: told.detail, ...("decision" in told && { decision: told.decision }) })}\n`);
  else if (told.outcome !== "refused") io.stdout.write(`${told.detail}\n`);
  if (told.outcome === "refused") io.stderr.write(`ebbgate ${verb}: ${told.detail}\n`);
  return exit;
}
