/** `ebbgate token create|list|revoke`: who may use the admin API. */
import { resolve } from "node:path";
import { parseTokens, standingOf, type TokenRecord } from "../admin/access/token-lines.ts";
import { idOf } from "../admin/access/token.ts";
import { createToken, revokeTokens, TokenFileError } from "../admin/access/token-writer.ts";
import { loadConfiguration } from "../config/load.ts";
import { formatProblem } from "../config/problem.ts";
import { personName } from "../config/scalars.ts";
import { parseDuration } from "../core/duration.ts";
import { adminRoles, type AdminRole } from "../config/settings.ts";
import { readIfPresent } from "../store/durable.ts";
import { type CliIo, exitCodes, parseArguments } from "./args.ts";
import { columns } from "./columns.ts";
import { caller } from "./caller.ts";

export const spec = {
  name: "token",
  summary: "Make, list and revoke tokens of the admin API. Running sidecars follow at once.",
  positionals: { name: "ACTION [ID]", min: 1, max: 2, first: ["create", "list", "revoke"], help: "create needs --name and --role; list; revoke ID, or revoke --name for all of a person's." },
  options: {
    config: { type: "string", short: "c", value: "FILE", help: "A sidecar's bootstrap document, for its admin.tokens (default ebbgate.yaml)." },
    file: { type: "string", short: "f", value: "PATH", help: "The tokens file, instead of --config." },
    name: { type: "string", value: "NAME", help: "create: whose it is, as audit log and approvals name them. revoke: all of theirs." },
    role: { type: "string", choices: adminRoles, help: "create: what it may do: viewer reads; operator runs rollouts and publishes configuration; approver approves and takes users away; admin may all." },
    expires: { type: "string", value: "TIME", help: "create: a date, as 2027-01-31, or after how long, as 30d, or never (default 90d)." },
    reason: { type: "string", value: "TEXT", help: "revoke: why, for the audit log." },
    all: { type: "boolean", help: "list: expired and revoked ones too." },
    json: { type: "boolean", help: "Print JSON." },
  },
  examples: [
    ["ebbgate token create --name alice --role operator", "prints the token, once"],
    ["EBBGATE_TOKEN=$(ebbgate token create --name ci@shop --role operator --expires 7d)", "for a program"],
    ["ebbgate token list --all", "who has one, since when, until when"],
    ["ebbgate token revoke k7m2p9xq4d --reason 'laptop lost'", "counts from the next request on"],
    ["ebbgate token revoke --name alice --reason 'has left'", "all of hers"],
  ],
  exits: [
    [0, "done"],
    [1, "there is no such token, the configuration is refused, or the file cannot be used"],
    [2, "wrong usage"],
  ],
} as const;

const day = 86_400_000;
const defaultLifeMs = 90 * day;

type Values = Exclude<ReturnType<typeof parseArguments<typeof spec>>, number>["values"];
type Fail = (why: string, code?: number) => number;

export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const args = parseArguments(spec, argv, io);
  if (typeof args === "number") return args;
  const { values, positionals: [action, id] } = args;
  const fail: Fail = (why, code = exitCodes.failed) => {
    io.stderr.write(`ebbgate token: ${why}\n`);
    return code;
  };
  if (id !== undefined && action !== "revoke") return fail(`unexpected argument '${id}'`, exitCodes.usage);
  try {
    const path = await tokensPath(values, io);
    if (action === "create") return await create(path, values, io, fail);
    return action === "list" ? await list(path, values, io) : await revoke(path, id, values, io, fail);
  } catch (error) {
    if (error instanceof TokenFileError) return fail(error.message);
    if (error instanceof Error && "code" in error) return fail(`the tokens file cannot be used: ${error.message}`);
    throw error;
  }
}

/** @throws TokenFileError */
async function tokensPath({ file, config }: Values, io: CliIo): Promise<string> {
  if (file !== undefined) return resolve(io.cwd, file);
  const loaded = await loadConfiguration(resolve(io.cwd, config ?? "ebbgate.yaml"), io.env);
  if (!loaded.ok) throw new TokenFileError(`${loaded.problems.map(formatProblem).join("\n")}\n(or name the tokens file itself with --file)`);
  const { tokens } = loaded.value.bootstrap.admin;
  if (tokens === undefined) throw new TokenFileError(`${config ?? "ebbgate.yaml"} has no admin.tokens: add it (admin: {tokens: tokens}), or name the file with --file`);
  return tokens;
}

async function create(path: string, { name, role, expires, json }: Values, io: CliIo, fail: Fail): Promise<number> {
  if (name === undefined || role === undefined) return fail(`create needs --name and --role: --role ${adminRoles.join("|")}`, exitCodes.usage);
  if (!personName.safeParse(name).success) return fail(`--name has letters, digits, '.', '_', '@', '+' and '-', as alice or ci@shop.example, not '${name}'`, exitCodes.usage);
  const until = momentOf(expires, Date.now());
  if (typeof until === "string") return fail(until, exitCodes.usage);
  const { text, record } = await createToken(path, { name, role: role as AdminRole, by: caller(io), expires: until === null ? null : until.toISOString() }, Date.now());
  if (json) io.stdout.write(`${JSON.stringify({ token: text, ...shown(record, Date.now()) })}\n`);
  else io.stdout.write(`${text}\n`);
  const life = record.expires === null ? "It never expires" : `It is good until ${record.expires}`;
  io.stderr.write(`Token ${record.id} of ${name}, ${role}. ${life}. It is shown this once: only its hash is kept, in ${path}.\n`);
  return exitCodes.ok;
}

async function list(path: string, { all, json }: Values, io: CliIo): Promise<number> {
  const { byId, faults } = parseTokens((await readIfPresent(path)) ?? "");
  const nowMs = Date.now();
  const tokens = [...byId.values()].map((record) => shown(record, nowMs)).filter(({ state }) => all || state === "live");
  for (const fault of faults) io.stderr.write(`ebbgate token: ${path}: ${fault}\n`);
  if (json) {
    io.stdout.write(`${JSON.stringify({ tokens })}\n`);
    return exitCodes.ok;
  }
  if (tokens.length === 0) io.stdout.write(byId.size === 0 ? `${path}: no tokens yet\n` : `${path}: no live tokens; --all shows the others\n`);
  else io.stdout.write(columns([["ID", "NAME", "ROLE", "STATE", "CREATED", "EXPIRES", "BY"], ...tokens.map((one) => [one.id, one.name, one.role, one.state, one.created.slice(0, 10), one.expires?.slice(0, 10) ?? "never", one.by])]));
  return exitCodes.ok;
}

async function revoke(path: string, given: string | undefined, { name, reason, json }: Values, io: CliIo, fail: Fail): Promise<number> {
  if ((given === undefined) === (name === undefined)) return fail("revoke needs the ID of a token, or --name for all of a person's", exitCodes.usage);
  // Whoever finds a token somewhere has only its text; and that has its id.
  const id = given === undefined ? undefined : (idOf(given) ?? given);
  const known = [...parseTokens((await readIfPresent(path)) ?? "").byId.values()].filter((record) => (id === undefined ? record.name === name : record.id === id));
  if (known.length === 0) return fail(id === undefined ? `${name} has no token in ${path}` : `there is no token '${id}' in ${path}: ebbgate token list shows them`);
  const revoked = await revokeTokens(path, (record) => known.some((one) => one.id === record.id), caller(io), reason ?? "", Date.now());
  if (json) io.stdout.write(`${JSON.stringify({ revoked: revoked.map((record) => shown(record, Date.now())) })}\n`);
  else if (revoked.length === 0) io.stdout.write(`${known.length === 1 ? `token ${known[0]!.id} was` : "they were"} revoked before: nothing was written\n`);
  else for (const record of revoked) io.stdout.write(`token ${record.id} of ${record.name} (${record.role}) is revoked\n`);
  return exitCodes.ok;
}

/** Without the hash. */
function shown(record: TokenRecord, nowMs: number): Omit<TokenRecord, "hash"> & { readonly state: ReturnType<typeof standingOf> } {
  const { id, name, role, created, expires, by, revoked } = record;
  return { id, name, role, state: standingOf(record, nowMs), created, expires, by, ...(revoked && { revoked }) };
}

/** @returns null: never; a text: why it is no such time */
function momentOf(written: string | undefined, nowMs: number): Date | null | string {
  if (written === "never") return null;
  const lifeMs = written === undefined ? defaultLifeMs : parseDuration(written);
  const atMs = lifeMs === undefined ? Date.parse(written!) : nowMs + lifeMs;
  if (Number.isNaN(atMs) || atMs > Date.parse("9999-01-01")) return `--expires is a date, as 2027-01-31, or a time from now, as 30d, or never; not '${written}'`;
  return atMs > nowMs ? new Date(atMs) : `--expires ${written} is in the past`;
}
