/** What every store asks of the caller's keys and values, before it looks at its own. */
import { StoreError } from "./store-error.ts";

export const documentBytesMax = 4_194_304;
export const auditRecordBytesMax = 1_048_576;
export const messageBytesMax = 1_048_576;
/** Audit ids that a store remembers. */
export const auditIdsMax = 10_000;
export const leaseMsMax = 3_600_000;

const keyBytesMax = 180;

/** @throws StoreError `invalid` on a key that is not segments of letters, digits and `._-`, joined by `/` */
export function checkKey(key: string): void {
  if (key.length > keyBytesMax || !/^[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/.test(key)) {
    throw new StoreError("invalid", `'${key.slice(0, keyBytesMax)}' is not a store key: use letters, digits and ._- in segments joined by '/', ${keyBytesMax} bytes at most`);
  }
}

/** @throws StoreError `invalid` */
export function checkTtl(ttlMs: number): void {
  if (!Number.isInteger(ttlMs) || ttlMs < 1 || ttlMs > leaseMsMax) throw new StoreError("invalid", `a time to live is 1 ... ${leaseMsMax} whole milliseconds, not ${ttlMs}`);
}

/** @returns the value's JSON @throws StoreError `invalid` where it has none or is too large */
export function encodeValue(value: unknown, bytesMax: number): string {
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new StoreError("invalid", "a stored value must be JSON, not undefined or a function");
  checkBytes(text, bytesMax);
  return text;
}

/** @throws StoreError `invalid` */
export function checkBytes(text: string, bytesMax: number): void {
  if (Buffer.byteLength(text) > bytesMax) throw new StoreError("invalid", `a stored value may have ${bytesMax} bytes, not ${Buffer.byteLength(text)}`);
}
