/**
 * MurmurHash3 x86 32-bit (Austin Appleby, public domain; smhasher/src/MurmurHash3.cpp).
 *
 * @param text hashed as its UTF-8 bytes, so that any language reproduces the value
 * @param seed 32-bit, default 0
 * @returns an unsigned 32-bit integer
 */
export function murmur3(text: string, seed = 0): number {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return murmur3Bytes(Buffer.from(text, "utf8"), seed);
  }
  // ASCII: the code units are the UTF-8 bytes; no buffer is made on the request path.
  const length = text.length;
  const blocksEnd = length & ~3;
  let h = seed | 0;
  for (let i = 0; i < blocksEnd; i += 4) {
    const k = text.charCodeAt(i) | (text.charCodeAt(i + 1) << 8) | (text.charCodeAt(i + 2) << 16) | (text.charCodeAt(i + 3) << 24);
    h = mixBlock(h, k);
  }
  let tail = 0;
  for (let i = length - 1; i >= blocksEnd; i--) tail = (tail << 8) | text.charCodeAt(i);
  return finish(h, tail, length, blocksEnd);
}

/** The same over bytes. */
export function murmur3Bytes(bytes: Uint8Array, seed = 0): number {
  const length = bytes.length;
  const blocksEnd = length & ~3;
  let h = seed | 0;
  for (let i = 0; i < blocksEnd; i += 4) {
    h = mixBlock(h, bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24));
  }
  let tail = 0;
  for (let i = length - 1; i >= blocksEnd; i--) tail = (tail << 8) | bytes[i]!;
  return finish(h, tail, length, blocksEnd);
}

/**
 * A prefix that is hashed once: `hash(text)` gives `murmur3(prefix + text)`, the same value, without joining the two. It allocates nothing where the text is ASCII, and is one small
 * object: of a thousand salts no cache holds more.
 */
export class Murmur3Prefix {
  /** Of the prefix's whole blocks, and what is left of it. */
  private readonly state: number;
  private readonly carried: number;
  private readonly carriedBits: number;
  private readonly length: number;

  /** @param prefix must not end in the first half of a surrogate pair */
  constructor(prefix: string, seed = 0) {
    const bytes = Buffer.from(prefix, "utf8");
    const blocksEnd = bytes.length & ~3;
    let state = seed | 0;
    for (let i = 0; i < blocksEnd; i += 4) state = mixBlock(state, bytes.readInt32LE(i));
    let carried = 0;
    for (let i = bytes.length - 1; i >= blocksEnd; i--) carried = (carried << 8) | bytes[i]!;
    this.state = state;
    this.carried = carried;
    this.carriedBits = (bytes.length - blocksEnd) * 8;
    this.length = bytes.length;
  }

  /** @returns an unsigned 32-bit integer */
  hash(text: string): number {
    // The text's words of four bytes lie askew of the hash's blocks: each block is the carried bytes and the first ones
    // of a word, whose others are carried on. (A shift by 32 is one by 0 in JavaScript, hence the two steps.)
    const { carriedBits } = this;
    const { length } = text;
    const wordsEnd = length & ~3;
    let h = this.state;
    let tail = this.carried;
    for (let i = 0; i < wordsEnd; i += 4) {
      const a = text.charCodeAt(i);
      const b = text.charCodeAt(i + 1);
      const c = text.charCodeAt(i + 2);
      const d = text.charCodeAt(i + 3);
      if ((a | b | c | d) > 0x7f) return this.hashBytes(Buffer.from(text, "utf8"));
      const word = a | (b << 8) | (c << 16) | (d << 24);
      h = mixBlock(h, tail | (word << carriedBits));
      tail = (word >>> 1) >>> (31 - carriedBits);
    }
    let tailBits = carriedBits;
    for (let i = wordsEnd; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) return this.hashBytes(Buffer.from(text, "utf8"));
      tail |= unit << tailBits;
      tailBits += 8;
      if (tailBits === 32) {
        h = mixBlock(h, tail);
        tail = 0;
        tailBits = 0;
      }
    }
    return finish(h, tail, this.length + length, this.length + length - (tailBits >> 3));
  }

  private hashBytes(bytes: Uint8Array): number {
    let h = this.state;
    let tail = this.carried;
    let tailBits = this.carriedBits;
    for (const byte of bytes) {
      tail |= byte << tailBits;
      tailBits += 8;
      if (tailBits === 32) {
        h = mixBlock(h, tail);
        tail = 0;
        tailBits = 0;
      }
    }
    const length = this.length + bytes.length;
    return finish(h, tail, length, length - (tailBits >> 3));
  }
}

function mixKey(k: number): number {
  k = Math.imul(k, 0xcc9e2d51);
  return Math.imul((k << 15) | (k >>> 17), 0x1b873593);
}

function mixBlock(h: number, k: number): number {
  h ^= mixKey(k);
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(h: number, tail: number, length: number, blocksEnd: number): number {
  if (length > blocksEnd) h ^= mixKey(tail);
  h ^= length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
