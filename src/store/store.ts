/**
 * Where the control plane keeps what must outlive the process, and where several sidecars meet: documents by key, changed
 * only by compare-and-set; the append-only audit log; leases; hints, messages and what is only true for a while. Every
 * method is asynchronous, so that a store may be a network away; none is ever called on the request path.
 */
export { StoreError, type StoreErrorCode } from "./store-error.ts";

export interface Store {
  /** @returns undefined where there is no document @throws StoreError when the document or the store is unusable */
  get(key: string): Promise<StoredDocument | undefined>;
  /**
   * Replaces a document if nobody else did since it was read.
   *
   * @param value JSON, at most `documentBytesMax` bytes of it
   * @param expected the revision that was read; 0: there must be none yet
   * @returns the new revision, or undefined where `expected` no longer holds and nothing was written
   * @throws StoreError `unavailable`: it may or may not be written; ask again with the same `id`s, or read
   */
  put(key: string, value: unknown, expected: number, options?: WriteOptions): Promise<number | undefined>;
  /** Removes a document. @returns false where `expected` no longer holds */
  remove(key: string, expected: number, options?: Pick<WriteOptions, "fence">): Promise<boolean>;
  /** Keys that begin with the prefix, ascending. */
  keys(prefix: string): Promise<string[]>;
  /**
   * Says that documents may have changed: written by this process or another, in no promised order, never what they hold.
   * Hints get lost; read again from time to time.
   *
   * @param prefix of the keys @param onHint gets the key; undefined: any may have changed (once when the watch works, and
   * again after each loss of the connection)
   * @returns what ends it
   */
  watch(prefix: string, onHint: (key: string | undefined) => void): () => void;

  /** Appends to the audit log; it is durable when the promise resolves. @param record JSON, at most `auditRecordBytesMax` */
  append(record: object, options?: AppendOptions): Promise<void>;
  /** Audit records in order, from `seq` on (1 is the first; archived ones are skipped), at most `limit`. */
  audit(seq: number, limit: number): Promise<AuditRecord[]>;
  /** The seq of the newest audit record, archived or not; 0 before the first. Cheap: it may be asked several times a second. */
  auditEnd(): Promise<number>;

  /**
   * Takes a lease that nobody holds.
   *
   * @param holder whom to show as the leader; no proof of anything: the epoch is
   * @param ttlMs after which, unless renewed, somebody else may take it
   * @returns undefined where it is held, by the same holder too
   */
  lease(name: string, holder: string, ttlMs: number): Promise<{ readonly epoch: number } | undefined>;
  /** Holds on to a lease, also to one that has run out and that nobody took since. @returns false: another has it */
  renew(name: string, epoch: number, ttlMs: number): Promise<boolean>;
  /** Gives a lease back; a later holder's is left alone. */
  release(name: string, epoch: number): Promise<void>;
  leaseOf(name: string): Promise<HeldLease | undefined>;

  /** To everybody who listens now, this process included; lost where nobody does. @param message at most `messageBytesMax` */
  publish(channel: string, message: string): Promise<void>;
  /**
   * @param onGap messages may have been missed: once when the subscription works, and after each loss of the connection
   * @returns what ends it
   */
  subscribe(channel: string, onMessage: (message: string) => void, onGap?: () => void): () => void;

  /** Says something that is forgotten after `ttlMs` unless it is said again: who is here, what was seen. */
  setEphemeral(group: string, name: string, value: unknown, ttlMs: number): Promise<void>;
  /** What is still true of a group, by name, ascending. */
  ephemeral(group: string): Promise<ReadonlyMap<string, unknown>>;

  /** Whether the last word from the store was an answer. A store in this process is always reachable. */
  readonly reachable: boolean;
  /** @returns what ends it */
  onReachable(listener: (reachable: boolean) => void): () => void;

  /** Waits for writes under way. Every method throws afterwards. */
  close(): Promise<void>;
}

/** A holder's proof. A write with the epoch of an earlier holder throws StoreError `fenced`, and writes nothing. */
export interface Fence {
  readonly lease: string;
  readonly epoch: number;
}

export interface WriteOptions {
  readonly fence?: Fence;
  /** Of this write: asked again with the id of the document's last write, `put` answers its revision and writes nothing. */
  readonly id?: string;
  /** Appended in the same write: all of it happens, or nothing. */
  readonly audit?: readonly AuditEntry[];
}

export interface AppendOptions {
  readonly fence?: Fence;
  /** A record whose id is among the last `auditIdsMax` is not appended again. */
  readonly id?: string;
}

export interface AuditEntry {
  readonly record: object;
  readonly id?: string;
}

export interface StoredDocument {
  readonly value: unknown;
  /** Rises with every write of the key, and is never used twice. */
  readonly revision: number;
  /** From this machine's cache, because the store could not be reached: older than what the store holds, or not yet in it. */
  readonly cached?: true;
}

/** One line of the audit log; each holds the hash of the one before, so that an altered or missing one shows. */
export interface AuditRecord {
  /** 1, 2, 3, ... */
  readonly seq: number;
  /** Wall time, RFC 3339. */
  readonly time: string;
  readonly id?: string;
  readonly record: object;
  /** Of the record before; 64 zeros in the first. */
  readonly previousHash: string;
  /** SHA-256, in hex, over this line without its hash (audit-line.ts). */
  readonly hash: string;
}

export interface HeldLease {
  readonly holder: string;
  readonly epoch: number;
  readonly remainingMs: number;
}

/** Something that a store mended by itself and that an operator should know. */
export type StoreWarning = (message: string) => void;

