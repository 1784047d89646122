/**
 * Where the control plane keeps what must outlive the process: documents by key, changed only by compare-and-set, and
 * the append-only audit log. Every method is asynchronous, so that a store may be a network away; none is ever called
 * on the request path.
 */
export interface Store {
  /** @returns undefined where there is no document @throws StoreError when the document or the store is unusable */
  get(key: string): Promise<StoredDocument | undefined>;
  /**
   * Replaces a document if nobody else did since it was read.
   *
   * @param value JSON, at most `documentBytesMax` bytes of it
   * @param expected the revision that was read; 0: there must be none yet
   * @returns the new revision, or undefined where `expected` no longer holds and nothing was written
   */
  put(key: string, value: unknown, expected: number): Promise<number | undefined>;
  /** Removes a document. @returns false where `expected` no longer holds */
  remove(key: string, expected: number): Promise<boolean>;
  /** Keys that begin with the prefix, ascending. */
  keys(prefix: string): Promise<string[]>;
  /** Appends to the audit log; it is durable when the promise resolves. @param record JSON, at most `auditRecordBytesMax` */
  append(record: object): Promise<void>;
  /** Audit records in order, from `seq` on (1 is the first), at most `limit`. */
  audit(seq: number, limit: number): Promise<AuditRecord[]>;
  /** Waits for writes under way. Every method throws afterwards. */
  close(): Promise<void>;
}

export interface StoredDocument {
  readonly value: unknown;
  /** Rises with every write of the key, and is never used twice. */
  readonly revision: number;
}

/** One line of the audit log; each holds the hash of the one before, so that an altered or missing one shows. */
export interface AuditRecord {
  /** 1, 2, 3, ... */
  readonly seq: number;
  /** Wall time, RFC 3339. */
  readonly time: string;
  readonly record: object;
  /** Of the record before; 64 zeros in the first. */
  readonly previousHash: string;
  /** SHA-256, in hex, over this line without its hash (audit-line.ts). */
  readonly hash: string;
}

export const documentBytesMax = 4_194_304;
export const auditRecordBytesMax = 1_048_576;

/**
 * `corrupt`: what is stored fails its checksum, and so does what was there before it. `locked`: another process has the
 * store. `unavailable`: the disk or network refused; the cause says why. `invalid`: the caller's key or value.
 */
export type StoreErrorCode = "corrupt" | "locked" | "unavailable" | "invalid" | "closed";

export class StoreError extends Error {
  readonly code: StoreErrorCode;
  constructor(code: StoreErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "StoreError";
    this.code = code;
  }
}

/** Something that a store mended by itself and that an operator should know. */
export type StoreWarning = (message: string) => void;

const keyBytesMax = 180;

/** @throws StoreError `invalid` on a key that is not segments of letters, digits and `._-`, joined by `/` */
export function checkKey(key: string): void {
  if (key.length > keyBytesMax || !/^[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/.test(key)) {
    throw new StoreError("invalid", `'${key.slice(0, keyBytesMax)}' is not a store key: use letters, digits and ._- in segments joined by '/', ${keyBytesMax} bytes at most`);
  }
}

/** @returns the value's JSON @throws StoreError `invalid` where it has none or is too large */
export function encodeValue(value: unknown, bytesMax: number): string {
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new StoreError("invalid", "a stored value must be JSON, not undefined or a function");
  if (Buffer.byteLength(text) > bytesMax) throw new StoreError("invalid", `a stored value may have ${bytesMax} bytes, not ${Buffer.byteLength(text)}`);
  return text;
}
