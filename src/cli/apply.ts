/** `ebbgate apply -f FILE`: checks a dynamic document and publishes it to every sidecar of a fleet. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { type ConfigProblem, formatProblem } from "../config/problem.ts";
import { parseShared } from "../config/shared.ts";
import type { SharedEvent } from "../store/shared-document.ts";
import { currentText, publish, revisionFor } from "../store/publish.ts";
import { StoreError } from "../store/store.ts";
import { type CliIo, exitCodes, parseArguments } from "./args.ts";
import { adminOptions, asksAdmin, usingAdmin } from "./admin-access.ts";
import { AdminError } from "./admin-client.ts";
import { describeAnswers } from "./answers.ts";
import { caller } from "./caller.ts";
import { openSharedStore, type SharedStore } from "./shared-store.ts";
import { NoStore, storeOptions } from "./store-choice.ts";

export const spec = {
  name: "apply",
  summary: "Check a dynamic document and publish it, through Redis, to every sidecar that reads its configuration there.",
  options: {
    file: { type: "string", short: "f", value: "FILE", completes: "file", help: "The dynamic document, YAML or JSON; - reads standard input." },
    ...storeOptions,
    reason: { type: "string", value: "TEXT", help: "Why, for history and audit log." },
    "dry-run": { type: "boolean", help: "Check it and say which revision it would get; write nothing." },
    "no-wait": { type: "boolean", help: "Do not wait for the sidecars' answers." },
    json: { type: "boolean", help: "Print one JSON object instead of lines." },
    ...adminOptions,
    admin: { ...adminOptions.admin, help: "Instead of a store: a sidecar's admin API, which publishes it (EBBGATE_ADMIN does so too, where no store is named)." },
  },
  examples: [
    ["ebbgate apply -f routes.yaml", "with the store of ./ebbgate.yaml"],
    ["ebbgate apply -f routes.yaml --admin https://edge-1.internal:9901", "with a token in EBBGATE_TOKEN"],
    ["ebbgate apply -f routes.yaml --store redis://127.0.0.1:6379 --namespace shop", "without a bootstrap document"],
  ],
  exits: [
    [0, "published, and no sidecar refused it"],
    [1, "the document has problems, somebody else wrote at the same moment, or a sidecar refused it"],
    [2, "wrong usage"],
    [3, "Redis, or the sidecar, cannot be reached"],
  ],
} as const;

const waitMs = 2_000;

export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const args = parseArguments(spec, argv, io);
  if (typeof args === "number") return args;
  const { file, json } = args.values;
  const fail = (why: string, code: number = exitCodes.failed): number => {
    io.stderr.write(`ebbgate apply: ${why}\n`);
    return code;
  };
  if (file === undefined) return fail("-f FILE is missing", exitCodes.usage);
  let opened: SharedStore | undefined;
  try {
    const text = await readDocument(file, io);
    if (asksAdmin({ ...args.values, file: undefined }, io)) return await applyOverApi(text, args.values, io, fail);
    opened = await openSharedStore(args.values, io);
    const parsed = parseShared(text, file, opened.own);
    if (!parsed.ok) return refused(parsed.problems, file, io, fail);
    const { document } = opened;
    const there = await currentText(document);
    const revision = await revisionFor(document, there, parsed.value.revision);
    if (args.values["dry-run"]) {
      io.stdout.write(json ? `${JSON.stringify({ file, revision, published: false })}\n` : `${file}: good, and would be revision ${revision}\n`);
      return exitCodes.ok;
    }
    const change = { action: "applied", who: caller(io), revision, reason: args.values.reason ?? null } as const;
    const { answers } = await publish(document, text, there?.digest ?? null, change, args.values["no-wait"] ? 0 : waitMs);
    if (answers === null) return fail("somebody else has just published another document: look at it, and apply again");
    return published({ file, revision, answers }, args.values, io);
  } catch (error) {
    if (error instanceof AdminError) return fail(error.message, error.exit);
    if (error instanceof NoStore) return fail(error.message, error.unreachable ? exitCodes.unreachable : exitCodes.failed);
    if (error instanceof StoreError) return fail(error.message, exitCodes.unreachable);
    if (error instanceof Error && "code" in error) return fail(`${file} cannot be read (${String(error.code)})`);
    throw error;
  } finally {
    await opened?.store.close();
  }
}

type Values = Exclude<ReturnType<typeof parseArguments<typeof spec>>, number>["values"];
type Fail = (why: string) => number;

/** The sidecar checks it once more, against what it knows: its own addresses. */
async function applyOverApi(text: string, values: Values, io: CliIo, fail: Fail): Promise<number> {
  const file = values.file!;
  const parsed = parseShared(text, file, null);
  if (!parsed.ok) return refused(parsed.problems, file, io, fail);
  return usingAdmin(values, io, async (client) => {
    const { body: there, etag } = await client.ask<{ readonly source: string; readonly writable: boolean; readonly revision: number | null }>("/api/v1/config");
    if (!there.writable) return fail(`that sidecar's document is ${there.source}, a file that is watched: edit that`);
    if (values["dry-run"]) {
      const revision = Math.max(there.revision ?? 0, (parsed.value.revision ?? 0) - 1) + 1;
      io.stdout.write(values.json ? `${JSON.stringify({ file, revision, published: false })}\n` : `${file}: good, and would be revision ${revision} or later\n`);
      return exitCodes.ok;
    }
    const query = values.reason === undefined ? "" : `?${new URLSearchParams({ reason: values.reason }).toString()}`;
    const contentType = text.trimStart().startsWith("{") ? "application/json" : "application/yaml";
    const { body: { revision, answers } } = await client.ask<{ readonly revision: number; readonly answers: readonly SharedEvent[] }>(`/api/v1/config${query}`, { method: "PUT", body: text, contentType, ifMatch: etag ?? undefined });
    return published({ file, revision, answers }, values, io);
  });
}

function published({ file, revision, answers }: { readonly file: string; readonly revision: number; readonly answers: readonly SharedEvent[] }, values: Values, io: CliIo): number {
  const told = describeAnswers(answers);
  if (values.json) io.stdout.write(`${JSON.stringify({ file, revision, published: true, answers })}\n`);
  else io.stdout.write(`${file}: published as revision ${revision}\n${values["no-wait"] ? "" : told.text}`);
  return told.refused ? exitCodes.failed : exitCodes.ok;
}

function refused(problems: readonly ConfigProblem[], file: string, io: CliIo, fail: Fail): number {
  for (const problem of problems) io.stderr.write(`${formatProblem(problem)}\n`);
  return fail(`${file} is refused; nothing was written`);
}

async function readDocument(file: string, io: CliIo): Promise<string> {
  if (file !== "-") return readFile(resolve(io.cwd, file), "utf8");
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
