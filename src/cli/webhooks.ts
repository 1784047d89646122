/** `ebbgate webhooks [list] | dead TARGET | replay TARGET`: how targets fare, what they could not be told, and telling them again. */
import type { Replay, TargetStatus } from "../hooks/hooks.ts";
import { adminOptions, withAdmin } from "./admin-access.ts";
import { type AdminClient, noSuch, oneLine } from "./admin-client.ts";
import { type CliIo, exitCodes, parseArguments } from "./args.ts";
import { columns } from "./columns.ts";

export const spec = {
  name: "webhooks",
  summary: "Show how the targets of notifications fare, list what they could not be told (dead letters), and tell them again.",
  positionals: { name: "ACTION [TARGET]", min: 0, max: 2, first: ["list", "dead", "replay"], help: "list (what is done without an action); dead TARGET lists its dead letters; replay TARGET sends them again, oldest first, up to the first that fails." },
  options: {
    event: { type: "string", value: "ID", help: "replay: only the dead letter of this event." },
    json: { type: "boolean", help: "Print JSON: what the admin API answers." },
    ...adminOptions,
  },
  examples: [
    ["ebbgate webhooks", "every target: taken, failed, behind, dead letters"],
    ["ebbgate webhooks dead pager", "what the pager was never told, and why"],
    ["ebbgate webhooks replay pager", "tell it now; the receiver gets the ids that it would have got"],
  ],
  exits: [
    [0, "done; of replay: everything was taken, or there was nothing"],
    [1, "there is no such target, or something was not taken"],
    [2, "wrong usage"],
    [3, "the sidecar could not be reached"],
  ],
} as const;

interface Letter {
  readonly id: string;
  readonly time: string;
  readonly attempts: number;
  readonly detail: string;
  readonly sentence: string;
}

export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const args = parseArguments(spec, argv, io);
  if (typeof args === "number") return args;
  const { values, positionals: [action = "list", target] } = args;
  const usage = (why: string): number => {
    io.stderr.write(`ebbgate webhooks: ${why}\n`);
    return exitCodes.usage;
  };
  if (action === "list" && target !== undefined) return usage(`unexpected argument '${target}'`);
  if (action !== "list" && target === undefined) return usage(`${action} needs the name of a target`);
  if (values.event !== undefined && action !== "replay") return usage("--event belongs to replay");
  const print = (body: unknown, text: string): void => void io.stdout.write(values.json ? `${JSON.stringify(body)}\n` : text);
  return withAdmin("webhooks", values, io, async (client) => {
    const { body: { items } } = await client.ask<{ items: TargetStatus[] }>("/api/v1/webhooks");
    if (target === undefined) {
      print({ items }, items.length === 0 ? "the configuration has no webhooks.targets\n" : overview(items));
      return exitCodes.ok;
    }
    if (!items.some((one) => one.target === target)) throw noSuch("target", target, items.map((one) => one.target), "the configuration has no webhooks.targets");
    if (action === "dead") {
      const letters = await deadLetters(client, target);
      print({ items: letters }, letters.length === 0 ? `${target} has no dead letters\n` : listed(letters));
      return exitCodes.ok;
    }
    const { sent, left } = await replayAll(client, target, values.event);
    print({ sent, left }, `${sent.map(({ id, taken, detail }) => `${taken ? "taken    " : "not taken"}  ${id}  ${oneLine(detail)}\n`).join("")}${told(target, sent, left)}`);
    return sent.every(({ taken }) => taken) ? exitCodes.ok : exitCodes.failed;
  });
}

function told(target: string, sent: Replay["sent"], left: number): string {
  const taken = sent.filter((one) => one.taken).length;
  if (sent.length === 0) return `${target} has no dead letters\n`;
  return `${taken} ${taken === 1 ? "dead letter is" : "dead letters are"} told${left === 0 ? "" : `; ${left} ${left === 1 ? "is" : "are"} still kept`}\n`;
}

/** One call sends so many; they go on as long as all of them are taken. */
async function replayAll(client: AdminClient, target: string, event: string | undefined): Promise<Replay> {
  const sent: Replay["sent"][number][] = [];
  for (;;) {
    const { body } = await client.ask<Replay>(`/api/v1/webhooks/${encodeURIComponent(target)}/replay`, { method: "POST", body: event === undefined ? {} : { event }, once: true });
    sent.push(...body.sent);
    if (body.left === 0 || event !== undefined || body.sent.length === 0 || body.sent.some(({ taken }) => !taken)) return { sent, left: body.left };
  }
}

async function deadLetters(client: AdminClient, target: string): Promise<Letter[]> {
  const letters: Letter[] = [];
  for (let cursor = ""; ; ) {
    const { body: { items, next } } = await client.ask<{ items: Letter[]; next: string | null }>(`/api/v1/webhooks/${encodeURIComponent(target)}/dead-letters?limit=200${cursor}`);
    letters.push(...items);
    if (next === null) return letters;
    cursor = `&cursor=${next}`;
  }
}

const overview = (items: readonly TargetStatus[]): string =>
  columns([
    ["TARGET", "TAKEN", "FAILED", "BEHIND", "DEAD", "LAST FAILURE"],
    ...items.map(({ target, notified, taken, failed, behind, deadLetters: dead, lastFailure }) => [target, String(taken), String(failed), notified ? String(behind ?? "the leader tells") : "-", String(dead ?? "?"), oneLine(lastFailure ?? "")]),
  ], [1, 2, 4]);

const listed = (letters: readonly Letter[]): string =>
  letters.map(({ id, time, attempts, detail, sentence }) => `${id}  ${time}  ${attempts} ${attempts === 1 ? "attempt" : "attempts"}, ${oneLine(detail)}\n  ${oneLine(sentence)}\n`).join("");
