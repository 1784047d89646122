/** `ebbgate rollback-config [N]`: publishes an earlier shared document again, under a new revision. */
import { parseShared } from "../config/shared.ts";
import type { HistoryEntry } from "../store/shared-document.ts";
import { currentText, nextRevision, publish } from "../store/publish.ts";
import { StoreError } from "../store/store.ts";
import { type CliIo, exitCodes, parseArguments } from "./args.ts";
import { describeAnswers } from "./answers.ts";
import { caller } from "./caller.ts";
import { openSharedStore, type SharedStore } from "./shared-store.ts";
import { NoStore, storeOptions } from "./store-choice.ts";

export const spec = {
  name: "rollback-config",
  summary: "Publish an earlier dynamic document again. It gets a new revision, so that every sidecar takes it.",
  positionals: { name: "N", min: 0, max: 1, help: "How many documents back (default 1: the one before)." },
  options: {
    ...storeOptions,
    revision: { type: "string", value: "R", help: "Instead of N: the revision to go back to." },
    list: { type: "boolean", help: "Only show the history." },
    reason: { type: "string", value: "TEXT", help: "Why, for history and audit log." },
    json: { type: "boolean", help: "Print JSON instead of lines." },
  },
  examples: [
    ["ebbgate rollback-config", "what was there before, now"],
    ["ebbgate rollback-config --list", "what there is to go back to"],
    ["ebbgate rollback-config --revision 12 --reason 'checkout fails'", "to a named one"],
  ],
  exits: [
    [0, "published, and no sidecar refused it"],
    [1, "there is no such document, somebody else wrote at the same moment, or a sidecar refused it"],
    [2, "wrong usage"],
    [3, "Redis cannot be reached"],
  ],
} as const;

const waitMs = 2_000;

export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const args = parseArguments(spec, argv, io);
  if (typeof args === "number") return args;
  const { list, json, revision } = args.values;
  const fail = (why: string, code: number = exitCodes.failed): number => {
    io.stderr.write(`ebbgate rollback-config: ${why}\n`);
    return code;
  };
  const back = Number(args.positionals[0] ?? "1");
  if (!Number.isInteger(back) || back < 1) return fail(`N is a whole number from 1, not '${args.positionals[0]}'`, exitCodes.usage);
  let opened: SharedStore | undefined;
  try {
    opened = await openSharedStore(args.values, io);
    const { document } = opened;
    const history = await document.history();
    if (list) {
      io.stdout.write(json ? `${JSON.stringify(history.map((entry) => ({ ...entry, text: undefined })))}\n` : historyText(history));
      return exitCodes.ok;
    }
    const target = revision === undefined ? history[back] : history.find((entry) => String(entry.revision) === revision);
    if (target === undefined) return fail(`there is no such document: the history holds ${history.length}; see --list`);
    const there = await currentText(document);
    // The newest of the history is what runs, unless a handwritten one has not been noticed by anybody.
    const parsed = parseShared(target.text, document.place, opened.own);
    if (!parsed.ok) return fail("that document is not good any more: a newer version of Ebbgate refuses it");
    const change = { action: "rolledBack", who: caller(io), revision: nextRevision(history, null), reason: args.values.reason ?? null } as const;
    const { answers } = await publish(document, target.text, there?.digest ?? null, change, waitMs);
    if (answers === null) return fail("somebody else has just published another document: look at it, and try again");
    const told = describeAnswers(answers);
    if (json) io.stdout.write(`${JSON.stringify({ revision: change.revision, from: target.revision, time: target.time, answers })}\n`);
    else io.stdout.write(`the document of ${target.time} (${nameOf(target)}) is published again, as revision ${change.revision}\n${told.text}`);
    return told.refused ? exitCodes.failed : exitCodes.ok;
  } catch (error) {
    if (error instanceof NoStore) return fail(error.message, error.unreachable ? exitCodes.unreachable : exitCodes.failed);
    if (error instanceof StoreError) return fail(error.message, exitCodes.unreachable);
    throw error;
  } finally {
    await opened?.store.close();
  }
}

const nameOf = ({ revision }: HistoryEntry): string => (revision === null ? "without a revision" : `revision ${revision}`);

function historyText(history: readonly HistoryEntry[]): string {
  if (history.length === 0) return "nothing has been published yet\n";
  return history.map((entry, index) => `${String(index).padStart(2)}  ${entry.time}  ${nameOf(entry).padEnd(18)}  ${entry.action} by ${entry.who}${entry.reason === null ? "" : `: ${entry.reason}`}\n`).join("");
}
