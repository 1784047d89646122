/**
 * A head's bytes beside its text, so that values can be checked four bytes at a time: most of a head is values, and most
 * of parsing it is making sure that no control byte is among them. A head that lies whole in an aligned read buffer is
 * looked at where it lies; any other is copied into a scratch first. Behind either lies a control byte, so that no scan runs away. One head at a time, on each thread.
 */
const scratchBytesMin = 65_536;

let scratch: Buffer = Buffer.allocUnsafeSlow(scratchBytesMin);
let scratchWords = new Int32Array(scratch.buffer);

/** The bytes that are looked at now, and the same as words. */
let bytes: Uint8Array = scratch;
let words = scratchWords;
/** Where the next head to be parsed lies, if it was announced: its buffer, its words and its offset. */
let nextBytes: Uint8Array | null = null;
let nextWords = scratchWords;
let nextBase = 0;
let lastBuffer: Buffer | null = null;
let lastWords = scratchWords;

/**
 * The head that is parsed next is looked at where it lies, in buffer[start, end) of a read buffer, whole or not: a control byte
 * is put behind the end, over what an earlier read left there, and ends every scan. Each parse begins by taking this up.
 *
 * @returns whether the buffer can be looked at: with memory of its own, and with room behind the end
 */
export function announceBytes(buffer: Buffer, start: number, end: number): boolean {
  nextBytes = null;
  if (end === buffer.length) return false;
  if (buffer !== lastBuffer) {
    // Only a buffer with memory of its own is aligned, and only such a one is read into again and again.
    if (buffer.byteOffset !== 0 || (buffer.length & 3) !== 0 || buffer.buffer.byteLength !== buffer.length) return false;
    lastBuffer = buffer;
    lastWords = new Int32Array(buffer.buffer, 0, buffer.length >>> 2);
  }
  buffer[end] = 0;
  nextBytes = buffer;
  nextWords = lastWords;
  nextBase = start;
  return true;
}

/**
 * Begins a parse.
 * @param text latin1
 * @returns the offset of the text's first byte in `headBytes()`
 */
export function loadBytes(text: string): number {
  if (nextBytes !== null) {
    bytes = nextBytes;
    words = nextWords;
    nextBytes = null;
    return nextBase;
  }
  if (text.length >= scratch.length) {
    // Whole words only: the scan reads up to three bytes past the end.
    scratch = Buffer.allocUnsafeSlow((text.length * 2 + 3) & ~3);
    scratchWords = new Int32Array(scratch.buffer);
  }
  scratch.latin1Write(text, 0);
  // A control byte behind the text ends every scan.
  scratch[text.length] = 0;
  bytes = scratch;
  words = scratchWords;
  return 0;
}

export const headBytes = (): Uint8Array => bytes;

/**
 * The next byte below 0x20 or equal to 0x7f of the loaded head, from `at` on; there is one behind its end. A word has such a byte
 * where the subtraction borrows into a byte's high bit ("Determine if a word has a byte less than n", Anderson, Bit
 * Twiddling Hacks); bytes above 0x7f never do.
 */
export function nextControl(at: number): number {
  let i = at;
  for (; (i & 3) !== 0; i++) if (isControl(bytes[i]!)) return i;
  let w = i >>> 2;
  for (;;) {
    const x = words[w]!;
    const y = x ^ 0x7f7f7f7f;
    if (((((x - 0x20202020) & ~x) | ((y - 0x01010101) & ~y)) & 0x80808080) !== 0) break;
    w++;
  }
  i = w << 2;
  while (!isControl(bytes[i]!)) i++;
  return i;
}

const isControl = (c: number): boolean => c < 0x20 || c === 0x7f;
