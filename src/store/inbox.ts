/**
 * How a command reaches a sidecar whose store is a directory: the sidecar has the directory for itself (directory-lock.ts), so the command leaves a file in
 * a folder of it, and the sidecar takes it. A file that is there when a sidecar starts is taken then. What the sidecar has to say of it lies beside it, in a file of the
 * same name that ends with `.answer`, before the message is gone.
 */
import { randomBytes } from "node:crypto";
import { type FSWatcher, watch } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readIfPresent, syncDirectory, systemCode } from "./durable.ts";

/** A hint of the file system may be lost. */
const lookMs = 500;
/** Of one message; what is larger was left by nobody of ours. */
const messageBytesMax = 65_536;

/** An answer that nobody has fetched by then: who asked is gone. */
const answerKeptMs = 60_000;

/** `inbox`: the kill switch; `commands`: what people ask of rollouts. */
export type InboxFolder = "inbox" | "commands";

/** Leaves a message. @returns its file, which is gone once it was taken */
export async function leaveMessage(directory: string, message: object, folder: InboxFolder = "inbox"): Promise<string> {
  const inbox = join(directory, folder);
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

/** What was answered to a message that is gone. @returns undefined where nothing was */
export async function fetchAnswer(message: string): Promise<unknown> {
  const path = answerTo(message);
  const text = await readIfPresent(path);
  await rm(path, { force: true });
  return text === undefined ? undefined : parse(text);
}

const answerTo = (message: string): string => message.replace(/\.json$/, ".answer");

export class Inbox {
  private readonly directory: string;
  private readonly take: (message: unknown) => Promise<object | void>;
  private readonly failed: (error: unknown) => void;
  private watcher: FSWatcher | null = null;
  private timer: NodeJS.Timeout | null = null;
  private looking: Promise<void> | null = null;
  private again = false;
  private closed = false;

  /** @param take what it throws is told to `failed`, and the message is tried again; what it gives is the answer */
  constructor(directory: string, take: (message: unknown) => Promise<object | void>, failed: (error: unknown) => void, folder: InboxFolder = "inbox") {
    this.directory = join(directory, folder);
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
      const path = join(this.directory, name);
      if (name.endsWith(".answer")) await this.forget(path);
      if (!name.endsWith(".json")) continue;
      const text = await readFile(path, "utf8").catch((error: unknown) => {
        if (systemCode(error) !== "ENOENT") throw error;
      });
      const answer = text === undefined ? undefined : await this.take(parse(text));
      if (answer !== undefined) {
        await writeFile(`${answerTo(path)}.new`, JSON.stringify(answer), { mode: 0o600 });
        await rename(`${answerTo(path)}.new`, answerTo(path));
      }
      await rm(path, { force: true });
    }
  }

  private async forget(answer: string): Promise<void> {
    const written = await stat(answer).catch(() => undefined);
    if (written !== undefined && Date.now() - written.mtimeMs > answerKeptMs) await rm(answer, { force: true });
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
