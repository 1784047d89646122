/**
 * How a command reaches a sidecar whose store is a directory: the sidecar has the directory for itself (directory-lock.ts), so the command leaves a file in
 * `<directory>/inbox/`, and the sidecar takes it. A file that is there when a sidecar starts is taken then.
 */
import { randomBytes } from "node:crypto";
import { type FSWatcher, watch } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { syncDirectory, systemCode } from "./durable.ts";

/** A hint of the file system may be lost. */
const lookMs = 500;
/** Of one message; what is larger was left by nobody of ours. */
const messageBytesMax = 65_536;

const inboxOf = (directory: string): string => join(directory, "inbox");

/** Leaves a message. @returns its file, which is gone once it was taken */
export async function leaveMessage(directory: string, message: object): Promise<string> {
  const inbox = inboxOf(directory);
  await mkdir(inbox, { recursive: true, mode: 0o700 });
  const name = `${String(Date.now()).padStart(15, "0")}-${randomBytes(8).toString("hex")}`;
  const file = await open(join(inbox, `${name}.new`), "wx", 0o600);
  try {
    await file.writeFile(JSON.stringify(message));
    await file.sync();
  } finally {
    await file.close();
  }
  const path = join(inbox, `${name}.json`);
  await rename(join(inbox, `${name}.new`), path);
  await syncDirectory(inbox);
  return path;
}

export class Inbox {
  private readonly directory: string;
  private readonly take: (message: unknown) => Promise<void>;
  private readonly failed: (error: unknown) => void;
  private watcher: FSWatcher | null = null;
  private timer: NodeJS.Timeout | null = null;
  private looking: Promise<void> | null = null;
  private again = false;
  private closed = false;

  /** @param take what it throws is told to `failed`, and the message is tried again */
  constructor(directory: string, take: (message: unknown) => Promise<void>, failed: (error: unknown) => void) {
    this.directory = inboxOf(directory);
    this.take = take;
    this.failed = failed;
  }

  /** Takes what is there, and then what comes. */
  async start(): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    this.watcher = watch(this.directory, () => void this.look());
    // The timer finds what the watch misses, also where it cannot work at all.
    this.watcher.on("error", () => undefined);
    this.timer = setInterval(() => void this.look(), lookMs);
    await this.look();
  }

  close(): Promise<void> {
    this.closed = true;
    this.watcher?.close();
    if (this.timer !== null) clearInterval(this.timer);
    return this.looking ?? Promise.resolve();
  }

  private look(): Promise<void> {
    if (this.looking !== null) {
      this.again = true;
      return this.looking;
    }
    this.looking = this.takeAll()
      .catch(this.failed)
      .finally(() => {
        this.looking = null;
        if (this.again && !this.closed) {
          this.again = false;
          void this.look();
        }
      });
    return this.looking;
  }

  private async takeAll(): Promise<void> {
    for (const name of (await readdir(this.directory)).toSorted()) {
      if (this.closed) return;
      if (!name.endsWith(".json")) continue;
      const path = join(this.directory, name);
      const text = await readFile(path, "utf8").catch((error: unknown) => {
        if (systemCode(error) !== "ENOENT") throw error;
      });
      if (text !== undefined) await this.take(parse(text));
      await rm(path, { force: true });
    }
  }
}

/** @returns undefined where it is no message: it is taken, and means nothing */
function parse(text: string): unknown {
  if (text.length > messageBytesMax) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
