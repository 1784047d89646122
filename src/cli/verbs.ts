/** `ebbgate promote|pause|resume|rollback|approve|override|drill NAME`: what people ask of a rollout, through the admin API or straight on the store. */
import { parseDuration } from "../core/duration.ts";
import { StoreError } from "../store/store-error.ts";
import { type AdminChoice, adminOptions, asksAdmin, usingAdmin } from "./admin-access.ts";
import { AdminError } from "./admin-client.ts";
import { type ArgumentsSpec, type CliIo, type CommandModule, exitCodes, parseArguments } from "./args.ts";
import { canAsk, confirm } from "./prompt.ts";
import { NoStore, type StoreChoice, storeOptions } from "./store-choice.ts";
import { askOverApi } from "./verbs/over-api.ts";
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

export function verbCommand(verb: Verb): CommandModule {
  const row = verbTable.find((one) => one.verb === verb)!;
  return { spec: specOf(row), run: (argv, io) => run(row, argv, io) };
}

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
  const say = (told: object, text: string): unknown => io.stdout.write(values.json ? `${JSON.stringify({ rollout: name, verb: row.verb, ...told })}\n` : text);
  try {
    const told = await ask(values, { row, name, reason, yes: values.yes }, io);
    say(told, `${told.detail}\n`);
    return exitCodes.ok;
  } catch (error) {
    const exit = exitOf(error);
    if (exit === null) throw error;
    const detail = (error as Error).message;
    say({ outcome: "refused", detail, decision: null }, "");
    io.stderr.write(`ebbgate ${row.verb}: ${detail}\n`);
    return exit;
  }
}

async function ask(choice: AdminChoice & StoreChoice, asked: Asked, io: CliIo): Promise<Outcome> {
  // Without a word the admin API of this machine is asked, whatever stands in this directory.
  if (asksAdmin(choice, io) || (choice.store === undefined && choice.config === undefined && choice.namespace === undefined)) return usingAdmin(choice, io, (client) => askOverApi(client, asked, io));
  const withinMs = parseDuration(choice.timeout ?? "10s");
  if (withinMs === undefined || withinMs === 0) throw new AdminError(`--timeout is '${choice.timeout}'; write a duration, as 500ms, 5s or 1m`, exitCodes.usage);
  if (asked.row.raises && !asked.yes && canAsk(io) && !(await confirm(`${asked.row.verb} ${asked.name}?`))) throw new AdminError("nothing was done", exitCodes.failed);
  // Redis and configuration are loaded only by who goes past the admin API.
  const { askOverStore } = await import("./verbs/over-store.ts");
  return askOverStore(choice, asked, withinMs, io);
}

/** Null: a fault of ours. */
function exitOf(error: unknown): number | null {
  if (error instanceof AdminError) return error.exit;
  if (error instanceof NoStore) return error.unreachable ? exitCodes.unreachable : exitCodes.failed;
  return error instanceof StoreError ? (error.code === "unavailable" ? exitCodes.unreachable : exitCodes.failed) : null;
}
