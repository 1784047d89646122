/**
 * `corrupt`: what is stored fails its checksum, and so does what was there before it. `locked`: another process has the
 * store. `unavailable`: the disk or network refused or did not answer; the cause says why. `invalid`: the caller's key or
 * value. `fenced`: somebody else has taken the lease since.
 */
export type StoreErrorCode = "corrupt" | "locked" | "unavailable" | "invalid" | "closed" | "fenced";

export class StoreError extends Error {
  readonly code: StoreErrorCode;
  constructor(code: StoreErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "StoreError";
    this.code = code;
  }
}

export const closedError = (): StoreError => new StoreError("closed", "the store is closed");

export const fencedError = (lease: string, epoch: number): StoreError =>
  new StoreError("fenced", `the lease '${lease}' is no longer held with epoch ${epoch}: somebody else decides now`);
