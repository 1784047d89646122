import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, systemClock } from "../core/clock.ts";
import { AuditFile } from "./audit-file.ts";
import { lockDirectory } from "./directory-lock.ts";
import { DocumentFile } from "./document-file.ts";
import { systemCode } from "./durable.ts";
import { type AuditRecord, auditRecordBytesMax, checkKey, documentBytesMax, encodeValue, type Store, type StoredDocument, StoreError, type StoreWarning } from "./store.ts";

export interface FileStoreOptions {
  /** Made where it does not exist. One process at a time. */
  readonly directory: string;
  readonly warn?: StoreWarning;
  readonly clock?: Clock;
}

/**
 * The embedded store: a directory with one file for each document and one for the audit log. Safe under `kill -9` and
 * power loss: what a resolved promise said is written stays written.
 *
 *     <directory>/lock.<pid>.<start>.<id>    who has it
 *     <directory>/documents/<key>.json       and .previous
 *     <directory>/audit.jsonl
 */
export class FileStore implements Store {
  private readonly directory: string;
  private readonly release: () => Promise<void>;
  private readonly log: AuditFile;
  private readonly clock: Clock;
  private readonly warn: StoreWarning;
  private readonly files = new Map<string, DocumentFile>();
  /** One operation at a time: it is what makes compare-and-set atomic, and a control plane writes seldom. */
  private queue: Promise<unknown> = Promise.resolve();
  private closed = false;

  private constructor(options: FileStoreOptions, documents: string, release: () => Promise<void>, log: AuditFile) {
    this.directory = documents;
    this.release = release;
    this.log = log;
    this.clock = options.clock ?? systemClock;
    this.warn = options.warn ?? (() => undefined);
  }

  /** @throws StoreError `locked`, `corrupt` or `unavailable` */
  static async open(options: FileStoreOptions): Promise<FileStore> {
    const documents = join(options.directory, "documents");
    let release: (() => Promise<void>) | undefined;
    try {
      await mkdir(documents, { recursive: true, mode: 0o700 });
      release = await lockDirectory(options.directory);
      const log = await AuditFile.open(join(options.directory, "audit.jsonl"), options.warn ?? (() => undefined));
      return new FileStore(options, documents, release, log);
    } catch (error) {
      await release?.();
      throw unavailable(options.directory, error);
    }
  }

  get(key: string): Promise<StoredDocument | undefined> {
    return this.run(async () => {
      const { json, revision } = await this.file(key).read();
      return json === null ? undefined : { value: JSON.parse(json) as unknown, revision };
    });
  }

  put(key: string, value: unknown, expected: number): Promise<number | undefined> {
    return this.run(async () => {
      const json = encodeValue(value, documentBytesMax);
      const file = this.file(key);
      const current = await file.read();
      return (current.json === null ? 0 : current.revision) === expected ? file.write(json, current) : undefined;
    });
  }

  remove(key: string, expected: number): Promise<boolean> {
    return this.run(async () => {
      const file = this.file(key);
      const current = await file.read();
      if (current.json === null || current.revision !== expected) return false;
      await file.write(null, current);
      return true;
    });
  }

  keys(prefix: string): Promise<string[]> {
    return this.run(async () => {
      const found: string[] = [];
      for (const name of await readdir(this.directory)) {
        if (!name.endsWith(".json")) continue;
        const key = decodeURIComponent(name.slice(0, -".json".length));
        if (key.startsWith(prefix) && (await this.file(key).read()).json !== null) found.push(key);
      }
      return found.toSorted();
    });
  }

  append(record: object): Promise<void> {
    return this.run(() => this.log.append(new Date(this.clock.wallMs()).toISOString(), encodeValue(record, auditRecordBytesMax)));
  }

  audit(seq: number, limit: number): Promise<AuditRecord[]> {
    return this.run(() => this.log.read(seq, limit));
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.queue;
    await this.log.close();
    await this.release();
  }

  private file(key: string): DocumentFile {
    checkKey(key);
    let file = this.files.get(key);
    // The slash becomes %2F, so a key is one file name, and every name gives its key back.
    if (file === undefined) this.files.set(key, (file = new DocumentFile(join(this.directory, `${encodeURIComponent(key)}.json`), this.warn)));
    return file;
  }

  private run<T>(operation: () => Promise<T>): Promise<T> {
    if (this.closed) return Promise.reject(new StoreError("closed", "the store is closed"));
    const result = this.queue.then(operation).catch((error: unknown) => {
      throw unavailable(this.directory, error);
    });
    this.queue = result.catch(() => undefined);
    return result;
  }
}

function unavailable(directory: string, error: unknown): unknown {
  const code = systemCode(error);
  if (error instanceof StoreError || code === "") return error;
  const remedy = code === "ENOSPC" ? "the disk is full" : code === "EACCES" || code === "EROFS" ? "this user may not write there: choose another store.directory" : "check the disk";
  return new StoreError("unavailable", `the store in ${directory} failed (${code}): ${remedy}`, error);
}
