/** What a token is: an id that anybody may see, and a secret that is shown once and kept only as a hash. */
import { randomBytes, randomInt, scrypt, timingSafeEqual } from "node:crypto";

const idAlphabet = "abcdefghijkmnpqrstuvwxyz23456789";
const idLength = 10;
const secretBytes = 32;
/** What a client sends: at most 84 characters. core/redact.ts knows it by its shape. */
const form = /^ebbgate_([a-z0-9]{4,32})_[A-Za-z0-9_-]{43}$/;

/**
 * Cost of one check, as RFC 7914 names it: 16 MiB for some 70 ms of one core. More would buy nothing, because a secret of 256 random bits cannot be
 * guessed; the hash only keeps a stolen file from being a stolen token.
 */
const cost = { ln: 14, r: 8, p: 1 } as const;
const saltBytes = 16;
const hashBytes = 32;
/** The file cannot make a check dearer than this, in bytes. */
const memoryBytesMax = 64 * 1024 * 1024;

export interface NewToken {
  readonly id: string;
  /** `ebbgate_<id>_<43 characters>`: for its owner, once. */
  readonly text: string;
}

export function mintToken(): NewToken {
  const id = Array.from({ length: idLength }, () => idAlphabet[randomInt(idAlphabet.length)]).join("");
  return { id, text: `ebbgate_${id}_${randomBytes(secretBytes).toString("base64url")}` };
}

/** @returns the id of what has the form of a token; null where it has not */
export const idOf = (presented: string): string | null => form.exec(presented)?.[1] ?? null;

/** A hash with all that is needed to check it: `$scrypt$ln=14,r=8,p=1$salt$hash`, as the PHC string format has it. */
export class SecretHash {
  private readonly ln: number;
  private readonly r: number;
  private readonly p: number;
  private readonly salt: Buffer;
  private readonly hash: Buffer;

  private constructor(ln: number, r: number, p: number, salt: Buffer, hash: Buffer) {
    this.ln = ln;
    this.r = r;
    this.p = p;
    this.salt = salt;
    this.hash = hash;
  }

  static async of(presented: string): Promise<SecretHash> {
    const salt = randomBytes(saltBytes);
    return new SecretHash(cost.ln, cost.r, cost.p, salt, await derive(presented, salt, cost.ln, cost.r, cost.p));
  }

  /** Of a secret that nobody knows: what is checked for an id that does not exist costs the same. */
  static unknown(): SecretHash {
    return new SecretHash(cost.ln, cost.r, cost.p, randomBytes(saltBytes), randomBytes(hashBytes));
  }

  /** @returns null where it is none, or asks for more than a check may cost */
  static parse(text: string): SecretHash | null {
    const [, lnText, rText, pText, saltText, hashText] = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d)\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})$/.exec(text) ?? [];
    if (hashText === undefined) return null;
    const [ln, r, p] = [Number(lnText), Number(rText), Number(pText)];
    const [salt, hash] = [Buffer.from(saltText!, "base64"), Buffer.from(hashText, "base64")];
    if (ln < 10 || r < 1 || p < 1 || p > 4 || 128 * 2 ** ln * r > memoryBytesMax) return null;
    const parsed = new SecretHash(ln, r, p, salt, hash);
    // Bits that no byte holds would be another text for the same hash.
    return parsed.toString() === text ? parsed : null;
  }

  async matches(presented: string): Promise<boolean> {
    return timingSafeEqual(await derive(presented, this.salt, this.ln, this.r, this.p), this.hash);
  }

  toString(): string {
    return `$scrypt$ln=${this.ln},r=${this.r},p=${this.p}$${unpadded(this.salt)}$${unpadded(this.hash)}`;
  }
}

const unpadded = (bytes: Buffer): string => bytes.toString("base64").replaceAll("=", "");

/** On libuv's pool: the control thread goes on meanwhile. */
function derive(presented: string, salt: Buffer, ln: number, r: number, p: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(presented, salt, hashBytes, { N: 2 ** ln, r, p, maxmem: memoryBytesMax * 2 }, (error, hash) => (error === null ? resolve(hash) : reject(error)));
  });
}
