import { type FileHandle, open } from "node:fs/promises";
import { createInterface } from "node:readline";
import { createReadStream } from "node:fs";
import { dirname } from "node:path";
import { auditLines, type ChainEnd, chainStart, type EncodedEntry, firstPreviousHash, parseAuditLine } from "./audit-line.ts";
import { auditIdsMax } from "./checks.ts";
import { syncDirectory } from "./durable.ts";
import { RecentIds } from "./recent-ids.ts";
import { type AuditRecord, StoreError, type StoreWarning } from "./store.ts";

/** How far back a restart looks for ids that must not be appended again. */
const idsBytes = 4_194_304;

/** The audit log: one JSON line for each record, hash-chained, only ever appended to. */
export class AuditFile {
  private readonly path: string;
  private readonly file: FileHandle;
  private last: ChainEnd;
  private bytes: number;
  private readonly ids = new RecentIds(auditIdsMax);

  private constructor(path: string, file: FileHandle, last: ChainEnd, bytes: number) {
    this.path = path;
    this.file = file;
    this.last = last;
    this.bytes = bytes;
  }

  /**
   * Opens the log and finds its end. A last line without its end was cut by a crash before anybody was told that it is
   * kept: it is removed. Anything else that fails is not a crash's work, and is refused.
   *
   * @throws StoreError `corrupt`
   */
  static async open(path: string, warn: StoreWarning): Promise<AuditFile> {
    const file = await open(path, "a+", 0o600);
    try {
      await syncDirectory(dirname(path));
      const { size } = await file.stat();
      const { tail, start } = await readTail(file, size, idsBytes);
      const whole = tail.lastIndexOf(0x0a) + 1;
      const bytes = start + whole;
      if (bytes < size) {
        warn(`${path}: the last line was cut short by a crash, and its ${size - bytes} bytes are removed`);
        await file.truncate(bytes);
        await file.sync();
      }
      const line = tail.subarray(whole === 0 ? 0 : tail.lastIndexOf(0x0a, whole - 2) + 1, Math.max(0, whole - 1)).toString("utf8");
      const last = bytes === 0 ? undefined : parseAuditLine(line);
      if (bytes > 0 && last === undefined) throw new StoreError("corrupt", `${path}: the last line is altered or damaged: move the file away to start a new log`);
      const log = new AuditFile(path, file, last ?? chainStart, bytes);
      for (const one of tail.subarray(0, whole).toString("utf8").split("\n")) log.ids.add(parseAuditLine(one)?.id);
      return log;
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
  }

  /** @throws StoreError `corrupt` at the first record that is altered, missing or out of order */
  async read(seq: number, limit: number): Promise<AuditRecord[]> {
    const records: AuditRecord[] = [];
    if (this.bytes === 0 || limit <= 0) return records;
    let expected = 1;
    let previousHash = firstPreviousHash;
    const lines = createInterface({ input: createReadStream(this.path, { end: this.bytes - 1 }), crlfDelay: Infinity });
    for await (const line of lines) {
      const record = parseAuditLine(line);
      if (record === undefined || record.seq !== expected || record.previousHash !== previousHash) {
        throw new StoreError("corrupt", `${this.path}: line ${expected} is altered, missing or out of order`);
      }
      if (record.seq >= seq) records.push(record);
      if (records.length >= limit) break;
      expected++;
      previousHash = record.hash;
    }
    return records;
  }

  close(): Promise<void> {
    return this.file.close();
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
