/** What a sidecar knew last, on its own disk: it starts from that when the store cannot be reached. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { lockDirectory } from "./directory-lock.ts";
import { DocumentFile } from "./document-file.ts";
import { systemCode } from "./durable.ts";
import type { StoreWarning } from "./store.ts";

interface Kept {
  readonly json: string;
  readonly revision: number;
}

/** One remembered value. */
export interface CacheSlot {
  /** @returns undefined where nothing is remembered, or nothing that can be read */
  load(): Promise<unknown>;
  /** The newest value wins; never rejects, never waited for. @param value JSON */
  save(value: unknown): void;
}

export class DiskCache {
  private readonly directory: string;
  private readonly unlock: () => Promise<void>;
  private readonly warn: StoreWarning;
  private readonly files = new Map<string, DocumentFile>();
  /** Not on the disk yet; null: to be forgotten. */
  private readonly waiting = new Map<string, Kept | null>();
  private writing: Promise<void> | null = null;
  private warned = false;
  /** Without its directory it remembers nothing. */
  private readonly usable: boolean;

  private constructor(directory: string, unlock: (() => Promise<void>) | null, warn: StoreWarning) {
    this.directory = directory;
    this.unlock = unlock ?? (() => Promise.resolve());
    this.usable = unlock !== null;
    this.warn = warn;
  }

  /** Never rejects: a sidecar without a cache serves as well, until it restarts without the store. */
  static async open(directory: string, warn: StoreWarning): Promise<DiskCache> {
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      return new DiskCache(directory, await lockDirectory(directory), warn);
    } catch (error) {
      warn(`Nothing is remembered for a restart without the store: ${error instanceof Error ? error.message : String(error)}`);
      return new DiskCache(directory, null, warn);
    }
  }

  slot(name: string): CacheSlot {
    return {
      load: async () => (await this.read(name))?.value,
      save: (value) => this.keep(name, value, 1),
    };
  }

  async read(name: string): Promise<{ readonly value: unknown; readonly revision: number } | undefined> {
    const waiting = this.waiting.get(name);
    if (waiting !== undefined) return waiting === null ? undefined : { value: JSON.parse(waiting.json) as unknown, revision: waiting.revision };
    if (!this.usable) return undefined;
    try {
      const { json, revision } = await this.file(name).read();
      return json === null ? undefined : { value: JSON.parse(json) as unknown, revision };
    } catch (error) {
      this.complain(error);
      return undefined;
    }
  }

  /** The newest value of a name wins; written in the background. */
  keep(name: string, value: unknown, revision: number): void {
    this.waiting.set(name, { json: JSON.stringify(value), revision });
    this.pump();
  }

  forget(name: string): void {
    this.waiting.set(name, null);
    this.pump();
  }

  /** Writes what waits. */
  async close(): Promise<void> {
    while (this.writing !== null) await this.writing;
    await this.unlock();
  }

  private pump(): void {
    if (this.writing !== null || !this.usable) return;
    this.writing = this.write().finally(() => {
      this.writing = null;
      if (this.waiting.size > 0) this.pump();
    });
  }

  private async write(): Promise<void> {
    for (const [name, kept] of this.waiting) {
      try {
        const file = this.file(name);
        const there = await file.read().catch(() => undefined);
        // What is read from the store is mostly what was read before, and a write is ten times the work.
        const known = !file.damaged && there?.json === (kept?.json ?? null) && there.revision === (kept?.revision ?? there.revision);
        // What it is counted from does not matter here: the revision is the store's.
        if (!known) await file.write(kept?.json ?? null, { revision: (kept?.revision ?? 1) - 1, json: null });
        this.warned = false;
      } catch (error) {
        this.complain(error);
      }
      if (this.waiting.get(name) === kept) this.waiting.delete(name);
    }
  }

  private file(name: string): DocumentFile {
    let file = this.files.get(name);
    if (file === undefined) this.files.set(name, (file = new DocumentFile(join(this.directory, `${encodeURIComponent(name)}.json`), this.warn)));
    return file;
  }

  private complain(error: unknown): void {
    if (this.warned) return;
    this.warned = true;
    const why = systemCode(error) || (error instanceof Error ? error.message : String(error));
    this.warn(`The cache in ${this.directory} failed (${why}): a restart without the store would know less`);
  }
}
