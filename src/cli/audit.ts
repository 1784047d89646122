/** `ebbgate audit list|verify|export`: who changed what, when and why, and whether the log is whole. */
import { parseDuration } from "../core/duration.ts";
import { ChainCheck, isFault } from "../store/audit-chain.ts";
import { parseAuditLine } from "../store/audit-line.ts";
import { type AuditRecord, StoreError } from "../store/store.ts";
import { type CliIo, exitCodes, parseArguments } from "./args.ts";
import { adminOptions, asksAdmin, usingAdmin } from "./admin-access.ts";
import { AdminError } from "./admin-client.ts";
import { auditOverApi } from "./audit-over-api.ts";
import { recordText } from "./audit-text.ts";
import { type AuditSource, openAuditSource } from "./audit-source.ts";
import { NoStore, storeOptions } from "./store-choice.ts";

export const spec = {
  name: "audit",
  summary: "Read the audit log: list or export records, or verify that none was altered or taken out. A sidecar may be running meanwhile.",
  positionals: { name: "ACTION", min: 1, max: 1, choices: ["list", "verify", "export"], help: "list: lines for people. verify: the hash chain. export: the lines themselves, for replay and other tools." },
  options: {
    file: { type: "string", short: "f", value: "PATH", completes: "file", help: "A log, or a directory with a log and its archives, instead of a store." },
    ...storeOptions,
    route: { type: "string", value: "NAME", completes: "rollout", help: "Only records of this route." },
    reason: { type: "string", value: "REASON", multiple: true, help: "Only records with this reason." },
    since: { type: "string", value: "TIME", help: "Only records from then on: a date, as 2026-01-31T12:00:00Z, or how long ago, as 2h." },
    until: { type: "string", value: "TIME", help: "Only records before then." },
    limit: { type: "string", short: "n", value: "N", help: "Only the last N that fit." },
    json: { type: "boolean", help: "Print JSON: a record a line; verify prints one object." },
    ...adminOptions,
    admin: { ...adminOptions.admin, help: "list: instead of a store, what a sidecar's admin API tells (EBBGATE_ADMIN does so too, where no store is named)." },
  },
  examples: [
    ["ebbgate audit list --route shop --since 2h", "what happened to a route"],
    ["ebbgate audit verify", "with the store of ./ebbgate.yaml"],
    ["ebbgate audit export --store redis://127.0.0.1:6379 > audit.jsonl", "for ebbgate replay audit.jsonl"],
  ],
  exits: [
    [0, "done; with verify: the chain is whole"],
    [1, "the log cannot be read, or the chain is broken"],
    [2, "wrong usage"],
    [3, "Redis, or the sidecar, cannot be reached"],
  ],
} as const;

export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const args = parseArguments(spec, argv, io);
  if (typeof args === "number") return args;
  const { values, positionals: [action] } = args;
  const fail = (why: string, code: number = exitCodes.failed): number => {
    io.stderr.write(`ebbgate audit: ${why}\n`);
    return code;
  };
  const [sinceMs, untilMs] = [moment(values.since), moment(values.until)];
  if (Number.isNaN(sinceMs) || Number.isNaN(untilMs)) return fail("a time is a date, as 2026-01-31T12:00:00Z, or how long ago, as 30m, 2h or 1d", exitCodes.usage);
  const limit = values.limit === undefined ? Number.POSITIVE_INFINITY : Number(values.limit);
  if (values.limit !== undefined && !(Number.isInteger(limit) && limit > 0)) return fail("--limit is a whole number from 1", exitCodes.usage);
  let source: AuditSource | undefined;
  try {
    if (action === "list" && asksAdmin(values, io)) {
      const query = { route: values.route, reasons: values.reason, sinceMs, untilMs: values.until === undefined ? null : untilMs, limit };
      const items = await usingAdmin(values, io, (client) => auditOverApi(client, query));
      for (const item of items) io.stdout.write(`${values.json ? JSON.stringify(item) : recordText(item)}\n`);
      return exitCodes.ok;
    }
    if (values.admin !== undefined) return fail(`${action} reads the log itself, byte by byte: name its store, not --admin`, exitCodes.usage);
    source = await openAuditSource(values, io);
    if (action === "verify") return await verify(source, values.json, io);
    const { route, reason } = values;
    const fits = ({ time, record }: AuditRecord): boolean => {
      const at = Date.parse(time);
      const has = record as { readonly route?: unknown; readonly reason?: unknown };
      return at >= sinceMs && (values.until === undefined || at < untilMs) && (route === undefined || has.route === route) && (reason.length === 0 || reason.includes(String(has.reason)));
    };
    await print(source, fits, limit, action === "export" ? "line" : values.json ? "json" : "text", io);
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof AdminError) return fail(error.message, error.exit);
    if (error instanceof NoStore) return fail(error.message, error.unreachable ? exitCodes.unreachable : exitCodes.failed);
    if (error instanceof StoreError) return fail(error.message, exitCodes.unreachable);
    if (error instanceof Error && "code" in error) return fail(`the log cannot be read (${String(error.code)})`);
    throw error;
  } finally {
    await source?.close();
  }
}

async function verify(source: AuditSource, json: boolean, io: CliIo): Promise<number> {
  const chain = new ChainCheck(source.anchor);
  let fault: { readonly place: string; readonly why: string } | null = null;
  for await (const line of source.lines) {
    const taken = chain.take(line);
    if (!isFault(taken)) continue;
    fault = taken;
    break;
  }
  // What was written while this read is after the noted end, and chained like the rest.
  if (fault === null && source.end !== null && (chain.last?.seq ?? source.anchor?.seq ?? 0) < source.end.seq) {
    fault = { place: source.name, why: `ends with record ${chain.last?.seq ?? 0}, but record ${source.end.seq} was written: the end was cut off` };
  }
  const report = { whole: fault === null, records: chain.records, first: chain.first?.seq ?? null, last: chain.last?.seq ?? null, hash: chain.last?.hash ?? null, fault };
  if (json) io.stdout.write(`${JSON.stringify(report)}\n`);
  else if (fault !== null) io.stderr.write(`ebbgate audit: ${fault.place}: ${fault.why}\n`);
  else if (chain.first === null) io.stdout.write(`${source.name}: no records yet\n`);
  else {
    const before = chain.first.seq === 1 ? "" : `; ${chain.first.seq - 1} older ones are in archives, the last with hash ${chain.first.previousHash}`;
    io.stdout.write(`${source.name}: ${chain.records} records, ${chain.first.seq} to ${chain.last!.seq}, in one unbroken chain${before}\nlast hash: ${chain.last!.hash}\n`);
  }
  return fault === null ? exitCodes.ok : exitCodes.failed;
}

async function print(source: AuditSource, fits: (record: AuditRecord) => boolean, limit: number, as: "line" | "json" | "text", io: CliIo): Promise<void> {
  const held: string[] = [];
  let damaged = 0;
  for await (const { line } of source.lines) {
    const record = parseAuditLine(line);
    if (record === undefined) {
      damaged++;
      continue;
    }
    if (!fits(record)) continue;
    const text = `${as === "line" ? line : as === "json" ? JSON.stringify(record) : recordText(record)}\n`;
    if (limit === Number.POSITIVE_INFINITY) io.stdout.write(text);
    else if (held.push(text) > limit) held.shift();
  }
  for (const text of held) io.stdout.write(text);
  if (damaged > 0) io.stderr.write(`ebbgate audit: ${damaged} altered or damaged ${damaged === 1 ? "record is" : "records are"} left out: see ebbgate audit verify\n`);
}

/** @returns wall milliseconds; 0 where nothing is given; NaN where it is no time */
function moment(written: string | undefined): number {
  if (written === undefined) return 0;
  const ago = parseDuration(written);
  return ago === undefined ? Date.parse(written) : Date.now() - ago;
}
