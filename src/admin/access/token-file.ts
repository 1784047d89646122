/** The tokens file on disk: looked at before every answer, so that what is revoked counts at once, and read only when it has changed. */
import { open, stat } from "node:fs/promises";
import { systemCode } from "../../store/durable.ts";
import { noTokens, parseTokens, type Tokens, tokensBytesMax } from "./token-lines.ts";

/** A file system's clock is coarse: what was written so lately may be written again under the same time. */
const settledMs = 2_000;

export interface TokenFileListener {
  /** Others than before. */
  changed(tokens: Tokens, before: Tokens): void;
  /** What is wrong with the file, once for each new wrong. */
  faulty(faults: readonly string[]): void;
}

export class TokenFile {
  readonly path: string;
  private readonly told: TokenFileListener;
  private tokens: Tokens = noTokens;
  private text: string | null = null;
  /** Of what was read last; null: read again. */
  private identity: string | null = null;
  private complaint = "";
  private running: Promise<Tokens> = Promise.resolve(noTokens);
  private next: Promise<Tokens> | null = null;

  constructor(path: string, told: TokenFileListener) {
    this.path = path;
    this.told = told;
  }

  /** What the file says now. Where it is gone nobody is admitted; where it cannot be read, what it last said holds. Never rejects. */
  current(): Promise<Tokens> {
    // A look under way may have seen what has changed since: whoever asks now waits for the next one.
    this.next ??= this.running.then(() => {
      this.next = null;
      this.running = this.look();
      return this.running;
    });
    return this.next;
  }

  private async look(): Promise<Tokens> {
    try {
      const found = identityOf(await stat(this.path, { bigint: true }));
      if (found === this.identity) return this.tokens;
      await this.read();
    } catch (error) {
      this.identity = null;
      const code = systemCode(error);
      if (code === "ENOENT") this.take("", [`${this.path} does not exist, so no token is known: make one with ebbgate token create`]);
      else this.complain([`${this.path} cannot be read (${code === "" ? String(error) : code}): what it last said holds`]);
    }
    return this.tokens;
  }

  private async read(): Promise<void> {
    const file = await open(this.path, "r");
    try {
      const stats = await file.stat({ bigint: true });
      const settled = Date.now() - Number(stats.mtimeMs) > settledMs;
      const identity = settled ? identityOf(stats) : null;
      if ((stats.mode & 0o022n) !== 0n && process.platform !== "win32") {
        this.take("", [`${this.path} can be written by others than its owner, so nothing in it counts: chmod 600 ${this.path}`]);
      } else if (stats.size > BigInt(tokensBytesMax)) {
        this.take("", [`${this.path} is longer than ${tokensBytesMax} bytes, so nothing in it counts`]);
      } else {
        this.take(await file.readFile("utf8"), []);
      }
      this.identity = identity;
    } finally {
      await file.close();
    }
  }

  private take(text: string, faults: readonly string[]): void {
    if (text !== this.text) {
      const before = this.tokens;
      this.text = text;
      this.tokens = parseTokens(text);
      this.told.changed(this.tokens, before);
    }
    this.complain([...faults, ...this.tokens.faults.map((fault) => `${this.path}: ${fault}`)]);
  }

  private complain(faults: readonly string[]): void {
    const complaint = faults.join("\n");
    if (complaint !== this.complaint && faults.length > 0) this.told.faulty(faults);
    this.complaint = complaint;
  }
}

const identityOf = ({ dev, ino, size, mtimeNs, ctimeNs, mode }: { readonly dev: bigint; readonly ino: bigint; readonly size: bigint; readonly mtimeNs: bigint; readonly ctimeNs: bigint; readonly mode: bigint }): string =>
  [dev, ino, size, mtimeNs, ctimeNs, mode].join();
