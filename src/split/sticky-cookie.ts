import { randomFillSync } from "node:crypto";
import type { Fields } from "../core/fields.ts";
import { findCookie } from "./cookie.ts";

/** A cookie that carries the cohort key of a client who has none of the sources. */
export interface StickyCookieSettings {
  /** A token (RFC 9110 section 5.6.2), without the prefixes __Host- and __Secure-, which need a Secure cookie. */
  readonly cookie: string;
  readonly maxAgeSeconds: number;
}

/** @returns that many unpredictable bytes, to be read before the next call: they may be overwritten then */
export type RandomBytes = (bytes: number) => Uint8Array;

/** Drawn in advance: a client that refuses cookies costs a fresh key with every request, and each draw a system call's worth. */
const pool = new Uint8Array(4_096);
let poolUsed = pool.length;

const systemRandomBytes: RandomBytes = (bytes) => {
  if (poolUsed + bytes > pool.length) {
    randomFillSync(pool);
    poolUsed = 0;
  }
  poolUsed += bytes;
  return pool.subarray(poolUsed - bytes, poolUsed);
};

export interface FreshKey {
  readonly key: string;
  /** The value of the Set-Cookie field that gives the client this key; a line of its own, without CR LF. */
  readonly setCookie: string;
}

/** 128 bits in base64url: 22 characters, of which the last carries two bits and so has four values. */
const keyBytes = 16;
const keyPattern = /^[A-Za-z0-9_-]{21}[AQgw]$/;
const isOurs = (value: string): boolean => value.length === 22 && keyPattern.test(value);

/** The sticky cookie of a route, compiled once per snapshot. */
export class StickyCookie {
  private readonly nameAndEquals: string;
  private readonly attributes: string;
  private readonly randomBytes: RandomBytes;

  /**
   * @param randomBytes injected for tests. Not a `Random`: who guesses keys can choose buckets.
   * @throws RangeError a name or age that would break the Set-Cookie line
   */
  constructor(settings: StickyCookieSettings, randomBytes: RandomBytes = systemRandomBytes) {
    const { cookie, maxAgeSeconds } = settings;
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(cookie)) {
      throw new RangeError(`sticky.cookie: ${JSON.stringify(cookie)} is not a cookie name. Use letters, digits and !#$%&'*+-.^_\`|~ only.`);
    }
    if (!Number.isSafeInteger(maxAgeSeconds) || maxAgeSeconds < 1) {
      throw new RangeError(`sticky.maxAgeSeconds: ${maxAgeSeconds} is not an age. Use a whole number of seconds, 1 or more.`);
    }
    this.nameAndEquals = `${cookie}=`;
    this.attributes = `; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax`;
    this.randomBytes = randomBytes;
  }

  /**
   * The key that the client brings. Only a value that `fresh` could have made counts: garbage, and a shorter key that
   * somebody chose, is replaced. Several cookies may have the name (one of a deeper path comes first and cannot be
   * replaced from here): the first good one wins, else its client would get a new key with every request.
   */
  keyOf(fields: Fields): string | undefined {
    return findCookie(fields, this.nameAndEquals, isOurs);
  }

  /** A key that nobody had before. */
  fresh(): FreshKey {
    const bytes = this.randomBytes(keyBytes);
    const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64url");
    return { key, setCookie: this.nameAndEquals + key + this.attributes };
  }
}
