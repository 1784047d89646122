/** Where a command reads audit records: a sidecar's directory, a file, or Redis. Nothing is locked, and nothing written. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { loadConfiguration } from "../config/load.ts";
import { formatProblem } from "../config/problem.ts";
import { archivesIn, linesOf, logLines } from "../store/audit-archive.ts";
import type { PlacedLine } from "../store/audit-chain.ts";
import { type ChainEnd, chainStart } from "../store/audit-line.ts";
import type { CliIo } from "./args.ts";
import { openSharedStore } from "./shared-store.ts";
import { NoStore, type StoreChoice } from "./store-choice.ts";

export interface AuditSource {
  readonly name: string;
  /** What the oldest line holds on to, where that is known. */
  readonly anchor: ChainEnd | null;
  /** The end that is noted elsewhere, where it is: a log that ends before it was cut. */
  readonly end: ChainEnd | null;
  readonly lines: AsyncIterable<PlacedLine>;
  close(): Promise<void>;
}

/** @param file a log, or a directory that holds one with its archives @throws NoStore */
export async function openAuditSource(choice: StoreChoice & { readonly file?: string | undefined }, io: CliIo): Promise<AuditSource> {
  if (choice.file !== undefined) return fileSource(resolve(io.cwd, choice.file), choice.file);
  if (choice.store === undefined) {
    const loaded = await loadConfiguration(resolve(io.cwd, choice.config ?? "ebbgate.yaml"), io.env);
    if (!loaded.ok) throw new NoStore(loaded.problems.map(formatProblem).join("\n"));
    const { store } = loaded.value.bootstrap;
    if (store.type === "memory") throw new NoStore("a memory store keeps its audit log in its process: nothing outside can read it");
    if (store.type === "file") return fileSource(store.directory, store.directory);
  }
  const { store } = await openSharedStore(choice, io);
  const { anchor, end } = await store.stream.bounds();
  return { name: store.keyNames.audit, anchor, end, lines: store.stream.lines(), close: () => store.close() };
}

async function fileSource(path: string, name: string): Promise<AuditSource> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new NoStore(`${name} does not exist: no sidecar has kept an audit log there`);
  const log = found.isDirectory() ? join(path, "audit.jsonl") : path;
  const first = found.isDirectory() ? (await archivesIn(path))[0] : undefined;
  // A directory holds the whole log, unless somebody took its oldest archives away; a file alone may be any part.
  const anchor = found.isDirectory() && (first === undefined || first.first === 1) ? chainStart : null;
  return { name, anchor, end: null, lines: found.isDirectory() ? logLines(log) : linesOf(createReadStream(log), basename(log)), close: () => Promise.resolve() };
}
