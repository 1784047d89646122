import { createHash } from "node:crypto";
import { type Clock, systemClock } from "../../core/clock.ts";
import { checkBytes, documentBytesMax } from "../checks.ts";
import { encodeEntry } from "../audit-line.ts";
import { StoreError } from "../store-error.ts";
import { type Change, type FoundText, type HistoryEntry, historyMax, type SharedDocument, type SharedEvent, type SharedText } from "../shared-document.ts";
import type { RedisStore } from "./redis-store.ts";
import { configScripts } from "./config-scripts.ts";

const sha1 = (text: string): string => createHash("sha1").update(text).digest("hex");

/** A plain string key: what `redis-cli SET` writes and `redis-cli GET` shows. */
export class RedisSharedDocument implements SharedDocument {
  readonly place: string;
  private readonly store: RedisStore;
  private readonly clock: Clock;

  constructor(store: RedisStore, clock: Clock = systemClock) {
    this.store = store;
    this.clock = clock;
    this.place = store.keyNames.config;
  }

  async read(known: string | null): Promise<FoundText | "same" | undefined> {
    const answer = await this.store.connection.run(configScripts.read, [this.place, this.store.keyNames.configHistory], [known ?? ""]).catch((error: unknown) => {
      if (!(error instanceof StoreError && error.message.includes("WRONGTYPE"))) throw error;
      throw new StoreError("corrupt", "is not a string, or its history not a list", error);
    });
    if (answer === 1) return "same";
    if (!Array.isArray(answer)) return undefined;
    const [text, remembered] = answer as [string, number];
    return { text, digest: sha1(text), remembered: remembered === 1 };
  }

  async write(text: string, expected: string | null, change: Change): Promise<boolean> {
    checkBytes(text, documentBytesMax);
    const time = this.now();
    const document = { text, digest: sha1(text) };
    const { config, configHistory, auditHead, audit, auditIds } = this.store.keyNames;
    const reply = await this.store.stream.write(this.now, [this.record(document, change, expected)], async (chain) =>
      this.store.runWrite(configScripts.write, [config, configHistory, auditHead, audit, auditIds], [expected ?? "", text, entryText(document, change, time), config, historyMax, ...chain]));
    return reply[0] === "written";
  }

  async remember(document: SharedText, change: Change): Promise<void> {
    const time = this.now();
    const { config, configHistory, auditHead, audit, auditIds } = this.store.keyNames;
    await this.store.stream.write(this.now, [this.record(document, change, null)], async (chain) =>
      this.store.runWrite(configScripts.remember, [config, configHistory, auditHead, audit, auditIds], [document.digest, entryText(document, change, time), historyMax, ...chain]));
  }

  async history(): Promise<readonly HistoryEntry[]> {
    const entries = await this.store.connection.ask((client) => client.lrange(this.store.keyNames.configHistory, 0, historyMax - 1));
    return entries.map((text) => {
      try {
        return JSON.parse(text) as HistoryEntry;
      } catch (error) {
        throw new StoreError("corrupt", `${this.store.keyNames.configHistory} holds something that ebbgate did not write: remove it`, error);
      }
    });
  }

  watch(onHint: () => void): () => void {
    return this.store.listen(this.place, onHint, onHint);
  }

  async tell(event: SharedEvent): Promise<void> {
    await this.store.connection.ask((client) => client.publish(this.store.keyNames.configEvents, JSON.stringify(event)));
  }

  onEvent(onEvent: (event: SharedEvent) => void, onLive: () => void): () => void {
    return this.store.listen(
      this.store.keyNames.configEvents,
      (message) => {
        const event = parsedEvent(message);
        if (event !== undefined) onEvent(event);
      },
      onLive,
    );
  }

  private readonly now = (): string => new Date(this.clock.wallMs()).toISOString();

  private record({ digest }: SharedText, change: Change, replaced: string | null) {
    return encodeEntry({ record: { kind: "configuration", ...change, digest, replaced } });
  }
}

/** The digest stands first, where a script finds it without parsing. */
const entryText = ({ text, digest }: SharedText, change: Change, time: string): string => JSON.stringify({ digest, time, ...change, text });

function parsedEvent(message: string): SharedEvent | undefined {
  try {
    const value = JSON.parse(message) as Partial<SharedEvent>;
    return typeof value.event === "string" && typeof value.instance === "string" && typeof value.digest === "string" ? ({ problems: [], ...value } as SharedEvent) : undefined;
  } catch {
    return undefined;
  }
}
