/**
 * A head's bytes beside its text, so that values can be checked four bytes at a time: most of a head is values, and most
 * of parsing it is making sure that no control byte is among them. One scratch per thread, filled by each parse.
 */
const scratchBytesMin = 65_536;

let scratch = Buffer.allocUnsafeSlow(scratchBytesMin);
let words = new Int32Array(scratch.buffer);

/** @param text latin1. @returns its bytes, valid until the next call */
export function loadBytes(text: string): Uint8Array {
  if (text.length >= scratch.length) {
    // Whole words only: the scan reads up to three bytes past the end.
    scratch = Buffer.allocUnsafeSlow((text.length * 2 + 3) & ~3);
    words = new Int32Array(scratch.buffer);
  }
  scratch.latin1Write(text, 0);
  // A control byte behind the text ends every scan.
  scratch[text.length] = 0;
  return scratch;
}

/**
 * The next byte below 0x20 or equal to 0x7f of the loaded head, from `at` on; there is one behind its end. A word has such a byte
 * where the subtraction borrows into a byte's high bit ("Determine if a word has a byte less than n", Anderson, Bit
 * Twiddling Hacks); bytes above 0x7f never do.
 */
export function nextControl(at: number): number {
  let i = at;
  for (; (i & 3) !== 0; i++) if (isControl(scratch[i]!)) return i;
  let w = i >>> 2;
  for (;;) {
    const x = words[w]!;
    const y = x ^ 0x7f7f7f7f;
    if (((((x - 0x20202020) & ~x) | ((y - 0x01010101) & ~y)) & 0x80808080) !== 0) break;
    w++;
  }
  i = w << 2;
  while (!isControl(scratch[i]!)) i++;
  return i;
}

const isControl = (c: number): boolean => c < 0x20 || c === 0x7f;
