/** The dynamic document that several sidecars share: text as somebody wrote it, hints that it changed, and its history. */

export interface SharedDocument {
  /** Where it is, for people. */
  readonly place: string;
  /** @param known digest of what the caller has @returns "same" where it is that; undefined where there is none @throws StoreError */
  read(known: string | null): Promise<FoundText | "same" | undefined>;
  /**
   * Writes it, its history and its audit record in one, and hints at it.
   *
   * @param expected digest of what is to be replaced; null: there must be none
   * @returns false where something else is there
   */
  write(text: string, expected: string | null, change: Change): Promise<boolean>;
  /** Puts what somebody wrote by hand into history and audit log, once, whoever notices it first. */
  remember(document: SharedText, change: Change): Promise<void>;
  /** Newest first, at most `historyMax`. */
  history(): Promise<readonly HistoryEntry[]>;
  /** @param onHint it may have changed; once when hints work, and after each loss of the connection @returns what ends it */
  watch(onHint: () => void): () => void;
  /** Tells everybody who listens what became of a document; lost where nobody does. */
  tell(event: SharedEvent): Promise<void>;
  /** @param onLive events are heard from now on @returns what ends it */
  onEvent(onEvent: (event: SharedEvent) => void, onLive: () => void): () => void;
}

export const historyMax = 20;

export interface SharedText {
  readonly text: string;
  /** SHA-1 in hex: what Redis itself can compute, so that a repeated look costs 40 bytes. No protection, only a name. */
  readonly digest: string;
}

export interface FoundText extends SharedText {
  /** It is the newest of the history. */
  readonly remembered: boolean;
}

export interface Change {
  readonly action: "applied" | "rolledBack" | "written" | "restored";
  readonly who: string;
  /** As the document says it; null: not at all. */
  readonly revision: number | null;
  readonly reason: string | null;
}

/** Whether an audit record is of one. */
export const isChange = (record: object): record is Change & { readonly kind: "configuration" } => "kind" in record && record.kind === "configuration";

export interface HistoryEntry extends Change, SharedText {
  /** Wall time, RFC 3339. */
  readonly time: string;
}

export interface SharedEvent {
  /** Taken: all proxy threads run it. */
  readonly event: "taken" | "refused" | "stale";
  readonly instance: string;
  readonly revision: number | null;
  readonly digest: string;
  /** Why not; empty where it was taken. */
  readonly problems: readonly string[];
}
