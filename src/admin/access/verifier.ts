/**
 * Checks presented secrets against hashes: one at a time, so that a flood of them costs at most one core and one thread of libuv's pool; and what was right
 * lately is known again without a hash, so that a dashboard does not pay for each of its requests.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { SecretHash } from "./token.ts";
import type { TokenRecord } from "./token-lines.ts";

/** After which a right secret is hashed again. */
const rememberedMs = 60_000;
/** Checks that wait; over it, who comes is told to come again. */
const waitingMax = 64;

interface Remembered {
  readonly digest: Buffer;
  /** As the file had it: another one there, and it counts no more. */
  readonly hash: string;
  readonly untilMs: number;
}

export class Verifier {
  private readonly nowMs: () => number;
  /** By id; never more than there are tokens. */
  private readonly remembered = new Map<string, Remembered>();
  /** The same secret, presented several times at once, is checked once. */
  private readonly underWay = new Map<string, Promise<boolean>>();
  private readonly nobodys = SecretHash.unknown();
  private last: Promise<unknown> = Promise.resolve();

  /** @param nowMs monotonic */
  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
  }

  /** Whether this secret was found right a short while ago. */
  knows(record: TokenRecord, presented: string): boolean {
    const known = this.remembered.get(record.id);
    if (known === undefined) return false;
    if (known.hash === record.hash && this.nowMs() < known.untilMs) return timingSafeEqual(known.digest, digestOf(presented));
    this.remembered.delete(record.id);
    return false;
  }

  isChecking(record: TokenRecord | undefined, presented: string): boolean {
    return this.underWay.has(keyOf(record, presented));
  }

  /** @param record undefined: there is no such token, which takes as long to say @returns "busy" where too many wait */
  async check(record: TokenRecord | undefined, presented: string): Promise<boolean | "busy"> {
    const key = keyOf(record, presented);
    const known = this.underWay.get(key);
    if (known !== undefined) return known;
    if (this.underWay.size >= waitingMax) return "busy";
    const hash = (record && SecretHash.parse(record.hash)) ?? this.nobodys;
    const check = this.last.then(() => hash.matches(presented));
    this.last = check.catch(() => undefined);
    this.underWay.set(key, check);
    try {
      const right = (await check) && record !== undefined;
      if (right) this.remembered.set(record.id, { digest: digestOf(presented), hash: record.hash, untilMs: this.nowMs() + rememberedMs });
      return right;
    } finally {
      this.underWay.delete(key);
    }
  }

  /** Forgets whatever is not in the file any more. */
  keep(ids: ReadonlyMap<string, unknown>): void {
    for (const id of this.remembered.keys()) if (!ids.has(id)) this.remembered.delete(id);
  }
}

const digestOf = (presented: string): Buffer => createHash("sha256").update(presented).digest();
const keyOf = (record: TokenRecord | undefined, presented: string): string => `${digestOf(presented).toString("base64")} ${record?.hash ?? ""}`;
