/** Events that a target could not be told in their time. They are kept, until somebody has them sent again. */
import type { Fence } from "../store/store.ts";
import type { HookEvent } from "./event.ts";
import type { HookStore } from "./ports.ts";

export interface DeadLetter {
  readonly version: 1;
  readonly target: string;
  readonly event: HookEvent;
  /** RFC 3339. */
  readonly since: string;
  readonly attempts: number;
  /** What the last attempt ended with. */
  readonly detail: string;
}

/** Of one target; over it, the oldest are given up. */
export const deadLettersMax = 1_000;

const prefix = (target: string): string => `hooks/dead/${target}/`;
const digits = 12;
/** Ascending with the audit log. */
const keyOf = (target: string, id: string): string => `${prefix(target)}${id.padStart(digits + 25, "0")}`;

export class DeadLetters {
  private readonly store: HookStore;
  /** By target, once they were counted. */
  private readonly counts = new Map<string, number>();

  constructor(store: HookStore) {
    this.store = store;
  }

  /** @returns how many of the oldest had to go for it @throws StoreError */
  async keep(letter: DeadLetter, fence: Fence | undefined): Promise<number> {
    const { target, event } = letter;
    const known = this.counts.get(target);
    await this.store.put(keyOf(target, event.id), letter, 0, fence === undefined ? {} : { fence });
    if (known !== undefined && known < deadLettersMax) {
      this.counts.set(target, known + 1);
      return 0;
    }
    const keys = await this.store.keys(prefix(target));
    const over = keys.slice(0, Math.max(0, keys.length - deadLettersMax));
    for (const key of over) await this.drop(key);
    this.counts.set(target, keys.length - over.length);
    return over.length;
  }

  /** Oldest first. @param after the id of an event: only those that come after it @param limit at most so many @throws StoreError */
  async list(target: string, after: string | null = null, limit = deadLettersMax): Promise<DeadLetter[]> {
    const letters: DeadLetter[] = [];
    const keys = await this.store.keys(prefix(target));
    this.counts.set(target, keys.length);
    for (const key of keys.filter((one) => after === null || one > keyOf(target, after)).slice(0, limit)) {
      const letter = parseLetter((await this.store.get(key))?.value);
      if (letter !== null) letters.push(letter);
    }
    return letters;
  }

  /** As it was last counted; null: it was not yet. */
  known(target: string): number | null {
    return this.counts.get(target) ?? null;
  }

  async count(target: string): Promise<void> {
    this.counts.set(target, (await this.store.keys(prefix(target))).length);
  }

  async remove({ target, event }: DeadLetter): Promise<void> {
    await this.drop(keyOf(target, event.id));
    await this.count(target);
  }

  private async drop(key: string): Promise<void> {
    const stored = await this.store.get(key);
    if (stored !== undefined) await this.store.remove(key, stored.revision);
  }
}

function parseLetter(value: unknown): DeadLetter | null {
  return typeof value === "object" && value !== null && "version" in value && value.version === 1 ? (value as DeadLetter) : null;
}
