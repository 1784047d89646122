import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, systemClock } from "../core/clock.ts";
import { AuditFile } from "./audit-file.ts";
import { encodeEntry } from "./audit-line.ts";
import { checkKey, documentBytesMax, encodeValue } from "./checks.ts";
import { CommitJournal, type PendingCommit } from "./commit-journal.ts";
import { lockDirectory } from "./directory-lock.ts";
import { DocumentFile } from "./document-file.ts";
import { systemCode } from "./durable.ts";
import { LocalStore } from "./local-store.ts";
import { closedError } from "./store-error.ts";
import { type AppendOptions, type AuditRecord, type Store, type StoredDocument, StoreError, type StoreWarning, type WriteOptions } from "./store.ts";

export interface FileStoreOptions {
  /** Made where it does not exist. One process at a time. */
  readonly directory: string;
  readonly warn?: StoreWarning;
  /** Of the audit log, before it becomes an archive. Default 64 MiB. */
  readonly auditBytesMax?: number;
  readonly clock?: Clock;
}

/**
 * The embedded store: a directory with one file for each document and one for the audit log. Safe under `kill -9` and
 * power loss: what a resolved promise said is written stays written.
 *
 *     <directory>/lock.<pid>.<start>.<id>    who has it
 *     <directory>/documents/<key>.json       and .previous
 *     <directory>/leases/<name>.json         whose revision is the epoch
 *     <directory>/commit.json                a document and audit records that are being written together
 *     <directory>/audit.jsonl                and audit.<first>-<last>.jsonl, its archives
 */
export class FileStore extends LocalStore implements Store {
  private readonly root: string;
  private readonly directory: string;
  private readonly unlock: () => Promise<void>;
  private readonly log: AuditFile;
  private readonly warn: StoreWarning;
  private readonly journal: CommitJournal;
  private readonly files = new Map<string, DocumentFile>();
  /** Ids of the last writes of this process. */
  private readonly lastIds = new Map<string, string | null>();
  /** A commit that is in the journal, and perhaps in one of its two files. */
  private pending: PendingCommit | undefined;
  /** One operation at a time: it is what makes compare-and-set atomic, and a control plane writes seldom. */
  private queue: Promise<unknown> = Promise.resolve();

  private constructor(options: FileStoreOptions, unlock: () => Promise<void>, log: AuditFile, journal: CommitJournal, pending: PendingCommit | undefined) {
    super(options.clock ?? systemClock);
    this.root = options.directory;
    this.directory = join(options.directory, "documents");
    this.unlock = unlock;
    this.log = log;
    this.journal = journal;
    this.pending = pending;
    this.warn = options.warn ?? (() => undefined);
  }

  /** @throws StoreError `locked`, `corrupt` or `unavailable` */
  static async open(options: FileStoreOptions): Promise<FileStore> {
    const { directory } = options;
    let unlock: (() => Promise<void>) | undefined;
    try {
      for (const below of ["documents", "leases"]) await mkdir(join(directory, below), { recursive: true, mode: 0o700 });
      unlock = await lockDirectory(directory);
      const log = await AuditFile.open(join(directory, "audit.jsonl"), options.warn ?? (() => undefined), options.auditBytesMax);
      const journal = new CommitJournal(directory);
      return new FileStore(options, unlock, log, journal, await journal.read());
    } catch (error) {
      await unlock?.();
      throw unavailable(directory, error);
    }
  }

  get(key: string): Promise<StoredDocument | undefined> {
    return this.read(async () => {
      const { json, revision } = await this.file(key).read();
      return json === null ? undefined : { value: JSON.parse(json) as unknown, revision };
    });
  }

  put(key: string, value: unknown, expected: number, { fence, id, audit = [] }: WriteOptions = {}): Promise<number | undefined> {
    return this.run(async () => {
      const json = encodeValue(value, documentBytesMax);
      const entries = audit.map(encodeEntry);
      const file = this.file(key);
      const current = await file.read();
      const present = current.json === null ? 0 : current.revision;
      if (id !== undefined && this.lastIds.get(key) === id) return present;
      this.checkFence(fence);
      if (present !== expected) return undefined;
      const lines = this.log.prepare(this.now(), entries);
      let revision: number;
      if (lines.length === 0) {
        // It may be written although this fails: then its id says so when it is asked again.
        revision = await file.write(json, current, () => this.lastIds.set(key, id ?? null));
      } else {
        revision = file.nextRevision(current);
        const commit: PendingCommit = { key, revision, json, id: id ?? null, lines };
        await this.journal.write(commit);
        this.pending = commit;
        await this.redo();
      }
      this.hint(key);
      return revision;
    });
  }

  remove(key: string, expected: number, { fence }: Pick<WriteOptions, "fence"> = {}): Promise<boolean> {
    return this.run(async () => {
      this.checkFence(fence);
      const file = this.file(key);
      const current = await file.read();
      if (current.json === null || current.revision !== expected) return false;
      await file.write(null, current);
      this.lastIds.delete(key);
      this.hint(key);
      return true;
    });
  }

  keys(prefix: string): Promise<string[]> {
    return this.read(async () => {
      const found: string[] = [];
      for (const name of await readdir(this.directory)) {
        if (!name.endsWith(".json")) continue;
        const key = decodeURIComponent(name.slice(0, -".json".length));
        if (key.startsWith(prefix) && (await this.file(key).read()).json !== null) found.push(key);
      }
      return found.toSorted();
    });
  }

  append(record: object, { fence, id }: AppendOptions = {}): Promise<void> {
    return this.run(async () => {
      const entry = encodeEntry({ record, ...(id === undefined ? {} : { id }) });
      this.checkFence(fence);
      await this.log.write(this.log.prepare(this.now(), [entry]));
    });
  }

  audit(seq: number, limit: number): Promise<AuditRecord[]> {
    return this.read(() => this.log.read(seq, limit));
  }

  auditEnd(): Promise<number> {
    return this.read(async () => this.log.end);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.endLocal();
    await this.queue;
    await this.log.close();
    await this.unlock();
  }

  protected nextEpoch(name: string): Promise<number> {
    return this.run(async () => {
      const file = new DocumentFile(join(this.root, "leases", `${encodeURIComponent(name)}.json`), this.warn);
      return file.write(JSON.stringify(name), await file.read());
    });
  }

  /** Finishes the commit in the journal. What it has written already is left as it is. */
  private async redo(): Promise<void> {
    if (this.pending === undefined) return;
    const { key, json, revision, id, lines } = this.pending;
    const file = this.file(key);
    const current = await file.read();
    if (current.revision < revision) await file.write(json, current, () => this.lastIds.set(key, id));
    await this.log.write(lines);
    await this.journal.clear();
    this.pending = undefined;
  }

  private now(): string {
    return new Date(this.clock.wallMs()).toISOString();
  }

  private file(key: string): DocumentFile {
    checkKey(key);
    let file = this.files.get(key);
    // The slash becomes %2F, so a key is one file name, and every name gives its key back.
    if (file === undefined) this.files.set(key, (file = new DocumentFile(join(this.directory, `${encodeURIComponent(key)}.json`), this.warn)));
    return file;
  }

  /** A read goes on where a commit cannot be finished: the disk may be full, and is not unreadable for that. */
  private read<T>(operation: () => Promise<T>): Promise<T> {
    return this.enqueue(() => this.redo().catch(() => undefined), operation);
  }

  private run<T>(operation: () => Promise<T>): Promise<T> {
    return this.enqueue(() => this.redo(), operation);
  }

  private enqueue<T>(before: () => Promise<void>, operation: () => Promise<T>): Promise<T> {
    if (this.closed) return Promise.reject(closedError());
    const result = this.queue.then(before).then(operation).catch((error: unknown) => {
      throw unavailable(this.root, error);
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
