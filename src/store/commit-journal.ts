import { join } from "node:path";
import { rm } from "node:fs/promises";
import { readIfPresent, replaceFile, syncDirectory } from "./durable.ts";

/** A write of two files: it is written here first, and done again until both have it. */
export interface PendingCommit {
  readonly key: string;
  /** The document's next revision. */
  readonly revision: number;
  readonly json: string;
  readonly id: string | null;
  /** Of the audit log, with their hashes. */
  readonly lines: readonly string[];
}

/**
 * A redo log of one commit, so that a state and the records of the decisions that led to it are kept both or not at all,
 * whenever the process is killed.
 */
export class CommitJournal {
  private readonly directory: string;
  private readonly path: string;

  constructor(directory: string) {
    this.directory = directory;
    this.path = join(directory, "commit.json");
  }

  /** What a crash left undone. The file is replaced whole, so it is there whole or not at all. */
  async read(): Promise<PendingCommit | undefined> {
    const text = await readIfPresent(this.path);
    return text === undefined ? undefined : (JSON.parse(text) as PendingCommit);
  }

  write(commit: PendingCommit): Promise<void> {
    return replaceFile(this.path, `${this.path}.previous`, JSON.stringify(commit));
  }

  async clear(): Promise<void> {
    await rm(this.path, { force: true });
    await syncDirectory(this.directory);
  }
}
