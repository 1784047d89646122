import { createHash } from "node:crypto";
import { link, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { readIfPresent, replaceFile, syncDirectory } from "./durable.ts";
import { StoreError, type StoreWarning } from "./store.ts";

/** What a document's file says. A removed document leaves its revision behind, so that none is used twice. */
interface FileContents {
  readonly revision: number;
  /** JSON; null: removed. */
  readonly json: string | null;
}

/**
 * One document's file: a header line with revision and checksum, then the JSON. A file that fails its checksum is a
 * fault of the disk (a crash cannot cause it): the previous one serves, and the lost revision is skipped.
 */
export class DocumentFile {
  private readonly path: string;
  private readonly previous: string;
  private readonly warn: StoreWarning;
  private mended = false;

  constructor(path: string, warn: StoreWarning) {
    this.path = path;
    this.previous = path.replace(/\.json$/, ".previous");
    this.warn = warn;
  }

  /** @throws StoreError `corrupt` */
  async read(): Promise<FileContents> {
    const text = await readIfPresent(this.path);
    if (text === undefined) return { revision: 0, json: null };
    const contents = decode(text);
    if (contents !== undefined) return contents;
    const before = decode((await readIfPresent(this.previous)) ?? "");
    if (before === undefined) {
      throw new StoreError("corrupt", `${this.path} fails its checksum, and there is no good previous version: restore it from a backup, or remove it to start afresh`);
    }
    if (!this.mended) this.warn(`${this.path} fails its checksum: revision ${before.revision}, the one before it, is used instead`);
    this.mended = true;
    return { revision: before.revision, json: before.json };
  }

  /** What was read last is from the version before, because the file itself is damaged. */
  get damaged(): boolean {
    return this.mended;
  }

  /** Of the next write. The revision of a version that was lost is not given again. */
  nextRevision(current: FileContents): number {
    return current.revision + (this.mended ? 2 : 1);
  }

  /** @param placed is called when the new text has the name, though it may not be durable yet @returns the new revision */
  async write(json: string | null, current: FileContents, placed?: () => void): Promise<number> {
    const revision = this.nextRevision(current);
    if (this.mended) await this.setAside();
    await replaceFile(this.path, this.previous, encode({ revision, json }), placed);
    this.mended = false;
    return revision;
  }

  /** Keeps the damaged file for whoever looks into it, and lets the good one be `previous` again. */
  private async setAside(): Promise<void> {
    await rm(`${this.path}.corrupt`, { force: true });
    await link(this.path, `${this.path}.corrupt`);
    // One rename: at no moment is there no file of this name.
    await rename(this.previous, this.path);
    await syncDirectory(dirname(this.path));
  }
}

function encode({ revision, json }: FileContents): string {
  const body = json ?? "";
  return `ebbgate-document 1 ${revision} ${json === null ? "removed" : "present"} ${checksum(revision, body)}\n${body}\n`;
}

function decode(text: string): FileContents | undefined {
  const [, revisionText, state, sum, body] = /^ebbgate-document 1 (\d{1,15}) (present|removed) ([0-9a-f]{64})\n(.*)\n$/s.exec(text) ?? [];
  const revision = Number(revisionText);
  if (body === undefined || checksum(revision, body) !== sum) return undefined;
  return { revision, json: state === "removed" ? null : body };
}

function checksum(revision: number, body: string): string {
  return createHash("sha256").update(`${revision}\n${body}`).digest("hex");
}
