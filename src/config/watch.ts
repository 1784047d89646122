import { createHash } from "node:crypto";
import { type FSWatcher, watch } from "node:fs";
import { readFile, realpath, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { restartNeeded } from "./compile-bootstrap.ts";
import type { BootstrapConfiguration, Configuration } from "./definition.ts";
import { loadConfiguration } from "./load.ts";
import type { ConfigProblem } from "./problem.ts";
import type { Environment } from "./substitute.ts";

export interface WatchOptions {
  /** The bootstrap document; its dynamic document is watched with it. */
  readonly file: string;
  readonly environment: Environment;
  /** What runs now, as `loadConfiguration` gave it: the same again is no news. */
  readonly running: Configuration;
  /**
   * A good document that differs from what runs, or the running one again after a refused one. Compare `dynamic.hash`
   * before making a revision of it.
   *
   * @param restart parts of the bootstrap document that differ from what runs and count only after a restart
   */
  readonly onDocument: (loaded: Configuration, restart: readonly string[]) => void;
  /** A document that cannot be used, once for each distinct content. What ran goes on. */
  readonly onRefused: (problems: readonly ConfigProblem[]) => void;
  /** The files are read when nothing has happened for so long: a write in several parts is seen whole. Default 100 ms. */
  readonly quietMs?: number;
  /** Where the system's notices are lost or unknown (network disks), this finds a change. Default 2 s. */
  readonly pollMs?: number;
}

export interface ConfigurationWatch {
  /** Reads the files now, as on SIGHUP. Resolves when callbacks are done. */
  check(): Promise<void>;
  close(): void;
}

const settleAttemptsMax = 5;

/**
 * Watches the configuration's files. Their *directories* are watched, because editors and ConfigMaps replace a file (or a
 * symbolic link above it) instead of writing into it; a slow poll repairs whatever the notices miss.
 */
export function watchConfiguration(options: WatchOptions): ConfigurationWatch {
  return new Watch(options);
}

class Watch implements ConfigurationWatch {
  private readonly options: WatchOptions;
  private readonly quietMs: number;
  private readonly watchers = new Map<string, { readonly watcher: FSWatcher; readonly identity: string }>();
  private readonly poll: NodeJS.Timeout;
  private files: readonly string[];
  private running: Configuration;
  private readonly bootstrap: BootstrapConfiguration;
  /** What the files held when they were last judged; null: judge again. */
  private judged: string | null = null;
  private refused = false;
  private restart: readonly string[] = [];
  private quiet: NodeJS.Timeout | null = null;
  /** `performance.now()` of the first notice that `quiet` answers. */
  private noticedMs = 0;
  private checking: Promise<void> = Promise.resolve();
  private closed = false;

  constructor(options: WatchOptions) {
    this.options = options;
    this.quietMs = options.quietMs ?? 100;
    this.running = options.running;
    this.bootstrap = options.running.bootstrap;
    this.files = options.running.files;
    this.poll = setInterval(() => void this.check(), options.pollMs ?? 2_000);
    this.poll.unref();
    // What changed between loading and watching is found by this first look.
    void this.check();
  }

  check(): Promise<void> {
    // One at a time, in order; what a callback throws is its owner's, and stops no later check.
    const done = this.checking.then(() => this.look());
    this.checking = done.catch(() => undefined);
    return done;
  }

  close(): void {
    this.closed = true;
    clearInterval(this.poll);
    if (this.quiet !== null) clearTimeout(this.quiet);
    for (const { watcher } of this.watchers.values()) watcher.close();
    this.watchers.clear();
  }

  private async look(): Promise<void> {
    if (this.closed) return;
    await this.watchDirectories();
    for (let attempt = 0; attempt < settleAttemptsMax; attempt++) {
      const before = await fingerprint(this.files);
      if (before === this.judged || this.isClosed()) return;
      const loaded = await loadConfiguration(this.options.file, this.options.environment);
      // A refusal waits a little longer: an editor may be between truncating the file and writing it.
      if (!loaded.ok) await new Promise((done) => setTimeout(done, this.quietMs).unref());
      this.files = loaded.ok ? loaded.value.files : withKnown(this.files, loaded.files);
      // Watched first and compared then: a change in between shows in one or the other.
      await this.watchDirectories();
      const after = await fingerprint(this.files);
      if (after !== before && attempt + 1 < settleAttemptsMax) continue;
      if (this.isClosed()) return;
      // Still changing after so many attempts: what was read is used, and looked at again by the next check.
      this.judged = after === before ? after : null;
      if (loaded.ok) this.accept(loaded.value);
      else this.refuse(loaded.problems);
      return;
    }
  }

  private accept(loaded: Configuration): void {
    const restart = restartNeeded(this.bootstrap, loaded.bootstrap);
    const news = loaded.dynamic.hash !== this.running.dynamic.hash || this.refused || restart.join() !== this.restart.join();
    this.running = loaded;
    this.refused = false;
    this.restart = restart;
    if (news) this.options.onDocument(loaded, restart);
  }

  private refuse(problems: readonly ConfigProblem[]): void {
    this.refused = true;
    this.options.onRefused(problems);
  }

  /** Every directory that a change of a file can show in: its own, and that of what its symbolic links lead to. */
  private async watchDirectories(): Promise<void> {
    const wanted = new Map<string, string>();
    for (const file of this.files) {
      const real = await realpath(file).catch(() => file);
      for (const directory of [dirname(resolve(file)), dirname(real)]) {
        const found = await stat(directory).catch(() => undefined);
        if (found !== undefined) wanted.set(directory, `${found.ino} ${found.birthtimeMs}`);
      }
    }
    if (this.isClosed()) return;
    // A directory that was removed and made again has the old name, but the watch is on the one that is gone.
    for (const [directory, { watcher, identity }] of this.watchers) {
      if (wanted.get(directory) === identity) continue;
      watcher.close();
      this.watchers.delete(directory);
    }
    for (const [directory, identity] of wanted) if (!this.watchers.has(directory)) this.watchDirectory(directory, identity);
  }

  private watchDirectory(directory: string, identity: string): void {
    try {
      const watcher = watch(directory, { persistent: false }, () => this.soon());
      watcher.on("error", () => {
        watcher.close();
        if (this.watchers.get(directory)?.watcher === watcher) this.watchers.delete(directory);
      });
      this.watchers.set(directory, { watcher, identity });
    } catch {
      // No watches left, or the directory went a moment ago: the poll goes on looking.
    }
  }

  /** After a quiet moment; but a directory in which something else is always written must not put it off for ever. */
  private soon(): void {
    const now = performance.now();
    if (this.quiet === null) this.noticedMs = now;
    else if (now - this.noticedMs > this.quietMs * 3) return;
    else clearTimeout(this.quiet);
    this.quiet = setTimeout(() => {
      this.quiet = null;
      void this.check();
    }, this.quietMs);
    this.quiet.unref();
  }

  private isClosed(): boolean {
    return this.closed;
  }
}

function withKnown(known: readonly string[], looked: readonly string[]): string[] {
  return [...new Set([...looked, ...known])];
}

/** Of what the files hold, missing ones included. */
async function fingerprint(files: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const file of files) {
    const contents = await readFile(file).catch((error: unknown) => `unreadable ${error instanceof Error ? error.message : ""}`);
    hash.update(`${file}\n${contents.length}\n`).update(contents);
  }
  return hash.digest("hex");
}
