/** Keeps to the kill switch: reads it, hears of changes, and says which gates are killed. With its store away, what was last known holds. */
import type { Inbox } from "../store/inbox.ts";
import type { Store } from "../store/store.ts";
import { changeKill, killsKey, parseKills, type KillChange, type Kills } from "./kills.ts";

/** What a lost hint left behind is read again; so is what this machine's cache answered. */
const rereadEveryMs = 5_000;

export interface KeeperOptions {
  readonly store: Store;
  readonly clock: { monotonicMs(): number; wallMs(): number };
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void; error(fields: object, message: string): void };
  /** Makes the inbox of a store that is a directory; null: the store is reached by everybody. */
  readonly inbox: ((take: (message: unknown) => Promise<void>) => Inbox) | null;
  /** Other gates are killed than before: called at once. */
  readonly changed: () => void;
}

export class KillKeeper {
  private readonly options: KeeperOptions;
  private kills: Kills = {};
  private names: ReadonlySet<string> = new Set();
  private revision = -1;
  private reading: Promise<void> | null = null;
  private again = false;
  private readMs = Number.NEGATIVE_INFINITY;
  private inbox: Inbox | null = null;
  private endWatch: () => void = () => undefined;
  private closed = false;

  constructor(options: KeeperOptions) {
    this.options = options;
  }

  /** Names of killed gates, whether the document has them or not. */
  get killed(): ReadonlySet<string> {
    return this.names;
  }

  killOf(gate: string): Kills[string] | null {
    return this.kills[gate] ?? null;
  }

  /** Reads what is killed, before the first request, and follows it from then on. Never rejects. */
  async start(): Promise<void> {
    await this.read();
    this.endWatch = this.options.store.watch(killsKey, () => void this.read());
    this.inbox = this.options.inbox?.((message) => this.take(message)) ?? null;
    await this.inbox?.start().catch((error: unknown) => this.options.log.error({ err: error }, "The store's inbox cannot be used: ebbgate gates kill does not reach this sidecar."));
  }

  tick(): void {
    if (this.options.clock.monotonicMs() - this.readMs >= rereadEveryMs) void this.read();
  }

  /** As the command does, from this process. @throws StoreError */
  async change(change: KillChange): Promise<"done" | "already"> {
    const outcome = await changeKill(this.options.store, change, new Date(this.options.clock.wallMs()).toISOString());
    await this.read();
    return outcome;
  }

  async close(): Promise<void> {
    this.closed = true;
    this.endWatch();
    await this.inbox?.close();
    await this.reading;
  }

  private async take(message: unknown): Promise<void> {
    const { gate, action, who, reason } = (message ?? {}) as Partial<KillChange>;
    if (typeof gate !== "string" || (action !== "kill" && action !== "revive") || typeof who !== "string" || typeof reason !== "string") {
      this.options.log.warn({}, "A message in the store's inbox is none that this version understands; it is dropped.");
      return;
    }
    await this.change({ gate, action, who, reason });
  }

  private read(): Promise<void> {
    if (this.reading !== null) {
      // What was written after the read under way began may not be in it.
      this.again = true;
      return this.reading;
    }
    const one = async (): Promise<void> => {
      do {
        this.again = false;
        await this.readOnce();
      } while (this.again && !this.closed);
    };
    this.reading = one().finally(() => (this.reading = null));
    return this.reading;
  }

  private async readOnce(): Promise<void> {
    const { store, clock, log } = this.options;
    this.readMs = clock.monotonicMs();
    try {
      const stored = await store.get(killsKey);
      if (this.closed) return;
      const revision = stored?.revision ?? 0;
      // From the cache is never newer than what is known.
      if (revision === this.revision || (stored?.cached === true && this.revision >= 0)) return;
      this.revision = revision;
      this.adopt(parseKills(stored?.value));
    } catch (error) {
      if (!this.closed) log.warn({ err: error }, "The kill switch could not be read; what was last known holds.");
    }
  }

  private adopt(kills: Kills): void {
    const before = this.kills;
    this.kills = kills;
    this.names = new Set(Object.keys(kills));
    const { log } = this.options;
    for (const [gate, kill] of Object.entries(kills)) if (before[gate] === undefined) log.warn({ gate, ...kill }, `Gate ${gate} is killed by ${kill.who}: ${kill.reason}`);
    for (const gate of Object.keys(before)) if (kills[gate] === undefined) log.info({ gate }, `Gate ${gate} is revived.`);
    if (Object.keys(before).join() !== Object.keys(kills).join()) this.options.changed();
  }
}
