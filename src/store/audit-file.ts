import { createReadStream } from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { archiveName, archivesIn, linesOf } from "./audit-archive.ts";
import { ChainCheck, isFault } from "./audit-chain.ts";
import { auditLines, type ChainEnd, chainStart, type EncodedEntry, parseAuditLine } from "./audit-line.ts";
import { AuditMarks } from "./audit-marks.ts";
import { auditIdsMax } from "./checks.ts";
import { syncDirectory } from "./durable.ts";
import { RecentIds } from "./recent-ids.ts";
import { type AuditRecord, StoreError, type StoreWarning } from "./store.ts";

/** How far back a restart looks for ids that must not be appended again. */
const idsBytes = 4_194_304;
/** A log that has grown to this becomes an archive beside it, and another is begun that holds on to its last hash. */
export const auditBytesMax = 67_108_864;

/** The audit log: one JSON line for each record, hash-chained, only ever appended to. */
export class AuditFile {
  private readonly path: string;
  private readonly warn: StoreWarning;
  private readonly bytesMax: number;
  private file: FileHandle;
  /** Where the archives end: what the first line holds on to. */
  private anchor: ChainEnd;
  private last: ChainEnd;
  private bytes: number;
  private readonly ids = new RecentIds(auditIdsMax);
  private marks: AuditMarks;

  private constructor(path: string, file: FileHandle, end: LogEnd, warn: StoreWarning, bytesMax: number) {
    this.path = path;
    this.file = file;
    this.bytes = end.bytes;
    this.anchor = end.anchor;
    this.last = end.last;
    this.marks = new AuditMarks(end.anchor);
    for (const id of end.ids) this.ids.add(id);
    this.warn = warn;
    this.bytesMax = bytesMax;
  }

  /**
   * Opens the log and finds its end. A last line without its end was cut by a crash before anybody was told that it is
   * kept: it is removed. Anything else that fails is not a crash's work, and is refused.
   *
   * @throws StoreError `corrupt`
   */
  static async open(path: string, warn: StoreWarning, bytesMax = auditBytesMax): Promise<AuditFile> {
    const file = await open(path, "a+", 0o600);
    try {
      await syncDirectory(dirname(path));
      const newest = (await archivesIn(dirname(path))).at(-1);
      const archived = newest === undefined ? null : await endOfArchive(newest.path);
      const anchor = archived?.last ?? chainStart;
      const { size } = await file.stat();
      const { bytes, last, ids } = await endOf(file, path, size);
      if (bytes < size) {
        warn(`${path}: the last line was cut short by a crash, and its ${size - bytes} bytes are removed`);
        await file.truncate(bytes);
        await file.sync();
      }
      return new AuditFile(path, file, { bytes, anchor, last: last ?? anchor, ids: [...(archived?.ids ?? []), ...ids] }, warn, bytesMax);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Chains what is not in the log yet, without writing it. */
  prepare(time: string, entries: readonly EncodedEntry[]): string[] {
    return auditLines(this.last, time, entries.filter(({ id }) => !this.ids.has(id))).map(({ line }) => line);
  }

  /** Lines that `prepare` made; those that the log has already are left out. Durable when it resolves; after a failure the log ends where it ended before. */
  async write(lines: readonly string[]): Promise<void> {
    const records = lines.map((line) => ({ line, record: parseAuditLine(line)! })).filter(({ record }) => record.seq > this.last.seq);
    if (records.length === 0) return;
    const bytes = Buffer.from(records.map(({ line }) => `${line}\n`).join(""));
    try {
      await this.file.appendFile(bytes);
      await this.file.datasync();
    } catch (error) {
      // A part may have been written (the disk is full): the next line must not continue it.
      await this.file.truncate(this.bytes).catch(() => undefined);
      throw error;
    }
    this.last = records.at(-1)!.record;
    for (const { record } of records) this.ids.add(record.id);
    this.bytes += bytes.length;
    // What was asked for is kept; a log that is too long for a while is no reason to say otherwise.
    if (this.bytes >= this.bytesMax) await this.archive().catch((error: unknown) => this.warn(`${this.path}: it is over ${this.bytesMax} bytes and could not be archived: ${String(error)}`));
  }

  /** The seq of the newest record; 0: there is none. */
  get end(): number {
    return this.last.seq;
  }

  /** What is not archived. @throws StoreError `corrupt` at the first record that is altered, missing or out of order */
  async read(seq: number, limit: number): Promise<AuditRecord[]> {
    const records: AuditRecord[] = [];
    if (this.bytes === 0 || limit <= 0 || seq > this.last.seq) return records;
    const { marks } = this;
    const { before, offset } = marks.nearest(seq);
    let at = offset;
    const chain = new ChainCheck(before);
    for await (const line of linesOf(createReadStream(this.path, { start: offset, end: this.bytes - 1 }), basename(this.path))) {
      const taken = chain.take(line);
      if (isFault(taken)) throw new StoreError("corrupt", `${this.path}:${before.seq - this.anchor.seq + chain.records + 1}: ${taken.why}`);
      at += Buffer.byteLength(line.line) + 1;
      marks.passed(taken, at);
      if (taken.seq >= seq) records.push(taken);
      if (records.length >= limit) break;
    }
    return records;
  }

  close(): Promise<void> {
    return this.file.close();
  }

  /** The next log is made before the old one gives up its name. A crash between the two renames leaves no log of that name, and the next start begins one. */
  private async archive(): Promise<void> {
    const next = await open(`${this.path}.new`, "a+", 0o600);
    try {
      await next.truncate(0);
      await rename(this.path, join(dirname(this.path), archiveName(this.anchor.seq + 1, this.last.seq)));
      await rename(`${this.path}.new`, this.path);
      await syncDirectory(dirname(this.path));
    } catch (error) {
      await next.close();
      throw error;
    }
    await this.file.close();
    this.file = next;
    this.anchor = this.last;
    this.marks = new AuditMarks(this.last);
    this.bytes = 0;
  }
}

interface LogEnd {
  readonly bytes: number;
  readonly anchor: ChainEnd;
  readonly last: ChainEnd;
  readonly ids: readonly string[];
}

/** The last whole line, and the ids near the end. @throws StoreError `corrupt` */
async function endOf(file: FileHandle, path: string, size: number): Promise<{ readonly bytes: number; readonly last: ChainEnd | undefined; readonly ids: readonly string[] }> {
  const { tail, start } = await readTail(file, size, idsBytes);
  const whole = tail.lastIndexOf(0x0a) + 1;
  const bytes = start + whole;
  const lines = tail.subarray(0, whole).toString("utf8").split("\n").slice(0, -1);
  const last = bytes === 0 ? undefined : parseAuditLine(lines.at(-1)!);
  if (bytes > 0 && last === undefined) throw new StoreError("corrupt", `${path}: the last line is altered or damaged: move the file away to start a new log`);
  return { bytes, last, ids: lines.flatMap((line) => parseAuditLine(line)?.id ?? []) };
}

async function endOfArchive(path: string): Promise<{ readonly last: ChainEnd | undefined; readonly ids: readonly string[] }> {
  const file = await open(path, "r");
  try {
    return await endOf(file, path, (await file.stat()).size);
  } finally {
    await file.close();
  }
}

/** The end of the file: from the beginning of its last whole line at the latest. */
async function readTail(file: FileHandle, size: number, bytesMin: number): Promise<{ readonly tail: Buffer; readonly start: number }> {
  for (let length = bytesMin; ; length *= 4) {
    const start = Math.max(0, size - length);
    const tail = Buffer.alloc(size - start);
    let filled = 0;
    while (filled < tail.length) {
      const { bytesRead } = await file.read(tail, filled, tail.length - filled, start + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    const end = tail.lastIndexOf(0x0a);
    if (start === 0 || (end > 0 && tail.lastIndexOf(0x0a, end - 1) >= 0)) return { tail, start };
  }
}
