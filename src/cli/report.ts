/** `ebbgate report NAME`: what a rollout did and why, as a document, from the audit log. */
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { reportHtml, reportMarkdown } from "../report/document.ts";
import { Gathering } from "../report/gather.ts";
import type { Report } from "../report/report.ts";
import { parseAuditLine } from "../store/audit-line.ts";
import { StoreError } from "../store/store.ts";
import { type CliIo, exitCodes, parseArguments } from "./args.ts";
import { adminOptions, asksAdmin, usingAdmin } from "./admin-access.ts";
import { AdminError } from "./admin-client.ts";
import { type AuditSource, openAuditSource } from "./audit-source.ts";
import { NoStore, storeOptions } from "./store-choice.ts";

const formats = { markdown: reportMarkdown, html: reportHtml, json: (report: Report) => `${JSON.stringify(report, null, 2)}\n` } as const;

export const spec = {
  name: "report",
  summary: "Write the report on a rollout: timeline, who was exposed, evidence with plots, who did what, playbook, recovery, budget. From the audit log; a sidecar may be running meanwhile.",
  positionals: { name: "NAME", min: 1, max: 1, completes: "rollout", help: "The rollout: its route's name." },
  options: {
    format: { type: "string", value: "FORMAT", choices: ["markdown", "html", "json"], help: "Default: as --output ends, or else markdown." },
    output: { type: "string", short: "o", value: "FILE", completes: "file", help: "Write it there instead of to stdout: .md, .html or .json." },
    revision: { type: "string", value: "REVISION", help: "Of this revision of the candidate. Left out: the last run that went back, or the last one." },
    json: { type: "boolean", help: "The same as --format json." },
    file: { type: "string", short: "f", value: "PATH", completes: "file", help: "A log, or a directory with a log and its archives, instead of a store." },
    ...storeOptions,
    ...adminOptions,
    admin: { ...adminOptions.admin, help: "Instead of a log: a sidecar's admin API (EBBGATE_ADMIN does so too, where no log is named)." },
  },
  examples: [
    ["ebbgate report shop", "on stdout, with the store of ./ebbgate.yaml"],
    ["ebbgate report shop -o shop.html", "a page that needs nothing else"],
    ["ebbgate report shop --admin https://edge-1.internal:9901", "from a sidecar's admin API, with a token in EBBGATE_TOKEN"],
    ["ebbgate report shop --store redis://127.0.0.1:6379 --revision 2.0.0", "of a fleet"],
  ],
  exits: [
    [0, "done"],
    [1, "the log cannot be read, or knows no such rollout"],
    [2, "wrong usage"],
    [3, "Redis, or the sidecar, cannot be reached"],
  ],
} as const;

export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const args = parseArguments(spec, argv, io);
  if (typeof args === "number") return args;
  const { values, positionals: [name = ""] } = args;
  const fail = (why: string, code: number = exitCodes.failed): number => {
    io.stderr.write(`ebbgate report: ${why}\n`);
    return code;
  };
  const format = formatOf(values);
  const write = async (text: string): Promise<number> => {
    if (values.output === undefined) io.stdout.write(text);
    else await writeFile(resolve(io.cwd, values.output), text);
    return exitCodes.ok;
  };
  let source: AuditSource | undefined;
  try {
    if (asksAdmin(values, io)) {
      const query = new URLSearchParams({ format, ...(values.revision !== undefined && { revision: values.revision }) });
      return await write(await usingAdmin(values, io, async (client) => (await client.ask<string>(`/api/v1/rollouts/${encodeURIComponent(name)}/report?${query.toString()}`, { answer: "text" })).body));
    }
    source = await openAuditSource(values, io);
    const { report, damaged, names } = await read(source, name, values.revision);
    if (damaged > 0) io.stderr.write(`ebbgate report: ${damaged} altered or damaged ${damaged === 1 ? "record is" : "records are"} left out: see ebbgate audit verify\n`);
    if (report === null) return fail(`${source.name} has no rollout '${name}'${values.revision === undefined ? "" : ` of revision '${values.revision}'`}${names.length === 0 ? "" : `; it has ${names.join(", ")}`}`);
    return await write(formats[format](report));
  } catch (error) {
    if (error instanceof AdminError) return fail(error.message, error.exit);
    if (error instanceof NoStore) return fail(error.message, error.unreachable ? exitCodes.unreachable : exitCodes.failed);
    if (error instanceof StoreError) return fail(error.message, exitCodes.unreachable);
    if (error instanceof Error && "code" in error) return fail(`${values.output ?? "the log"} cannot be used (${String(error.code)})`);
    throw error;
  } finally {
    await source?.close();
  }
}

function formatOf({ format, output, json }: { readonly format: string | undefined; readonly output: string | undefined; readonly json: boolean }): keyof typeof formats {
  if (json) return "json";
  if (format !== undefined) return format as keyof typeof formats;
  const ending = output?.toLowerCase().match(/\.(html?|json)$/)?.[1];
  return ending === undefined ? "markdown" : ending === "json" ? "json" : "html";
}

/** @returns null where the log knows no such rollout; then the names of the routes that it knows, at most `namesMax`, are worth telling */
async function read(source: AuditSource, name: string, revision: string | undefined): Promise<{ readonly report: Report | null; readonly damaged: number; readonly names: readonly string[] }> {
  const gathering = new Gathering(name, revision);
  const names = new Set<string>();
  let damaged = 0;
  for await (const { line } of source.lines) {
    const record = parseAuditLine(line);
    if (record === undefined) {
      damaged++;
      continue;
    }
    const { route } = record.record as { readonly route?: unknown };
    if (typeof route === "string" && names.size < namesMax) names.add(route);
    gathering.take(record);
  }
  return { report: gathering.report(), damaged, names: [...names].toSorted() };
}

const namesMax = 20;
