/** Where old audit records go: files named by what they hold, so that order and gaps show in a listing. */
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { PlacedLine } from "./audit-chain.ts";
import { parseAuditLine } from "./audit-line.ts";
import { systemCode } from "./durable.ts";

export interface Archive {
  readonly path: string;
  readonly first: number;
  readonly last: number;
}

const digits = 12;
const pattern = /^audit\.(\d{12,15})-(\d{12,15})\.jsonl$/;

export const archiveName = (first: number, last: number): string => `audit.${String(first).padStart(digits, "0")}-${String(last).padStart(digits, "0")}.jsonl`;

/** The archives of a directory, oldest first; none where there is no directory. */
export async function archivesIn(directory: string): Promise<Archive[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return [];
    throw error;
  });
  return names
    .flatMap((name): Archive[] => {
      const [, first, last] = pattern.exec(name) ?? [];
      return first === undefined || last === undefined ? [] : [{ path: join(directory, name), first: Number(first), last: Number(last) }];
    })
    .toSorted((a, b) => a.first - b.first || a.last - b.last);
}

/**
 * The lines of a log and of its archives, oldest first, without taking the store: a sidecar may be writing meanwhile. A
 * last line without its end is being written just now, and left out.
 */
export async function* logLines(path: string): AsyncGenerator<PlacedLine> {
  // Opened first: what is moved to an archive after that is read all the same, and what was before is in the listing.
  const live = createReadStream(path);
  live.on("error", () => undefined);
  await new Promise<void>((resolve) => {
    live.once("open", () => resolve());
    live.once("error", () => resolve());
  });
  let archived = 0;
  for (const archive of await archivesIn(dirname(path))) {
    if (archive.last <= archived) continue;
    yield* linesOf(createReadStream(archive.path), basename(archive.path), archived);
    archived = archive.last;
  }
  if (live.errored === null) yield* linesOf(live, basename(path), archived);
  else if (systemCode(live.errored) !== "ENOENT" || archived === 0) throw live.errored;
}

/** @param after records up to this one were given already */
export async function* linesOf(stream: NodeJS.ReadableStream, name: string, after = 0): AsyncGenerator<PlacedLine> {
  let ended = true;
  stream.on("data", (chunk: Buffer) => (ended = chunk.at(-1) === 0x0a));
  let number = 0;
  let held: PlacedLine | null = null;
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
    if (held !== null) yield held;
    held = null;
    number++;
    const seq = Number(/^\{"seq":(\d+)/.exec(line)?.[1] ?? Number.POSITIVE_INFINITY);
    // What was given already is left out, unless it is not what it says: a number that was altered must not hide its line.
    if (line !== "" && (seq > after || parseAuditLine(line) === undefined)) held = { line, place: `${name}:${number}` };
  }
  if (held !== null && ended) yield held;
}
