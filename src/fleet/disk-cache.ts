/** What the fleet decided, in a file of this machine: for a start while the store cannot be reached. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { readIfPresent, replaceFile } from "../store/durable.ts";
import type { Cache } from "./ports.ts";

export class DiskCache implements Cache {
  private readonly path: string;
  private readonly failed: (error: unknown) => void;
  private newest: string | null = null;
  private writing: Promise<void> | null = null;

  constructor(path: string, failed: (error: unknown) => void) {
    this.path = path;
    this.failed = failed;
  }

  async load(): Promise<unknown> {
    try {
      const text = await readIfPresent(this.path);
      return text === undefined ? null : (JSON.parse(text) as unknown);
    } catch (error) {
      this.failed(error);
      return null;
    }
  }

  save(value: unknown): void {
    this.newest = JSON.stringify(value);
    this.writing ??= this.write().finally(() => (this.writing = null));
  }

  /** Resolves when all that was saved is on the disk. */
  async flush(): Promise<void> {
    await this.writing;
  }

  private async write(): Promise<void> {
    while (this.newest !== null) {
      const text = this.newest;
      this.newest = null;
      try {
        await mkdir(dirname(this.path), { recursive: true });
        await replaceFile(this.path, `${this.path}.previous`, text);
      } catch (error) {
        this.failed(error);
      }
    }
  }
}
