import type { ErrorCode } from "../core/errors.ts";
import { CR, LF } from "./chars.ts";

/**
 * Collects a head that arrives in pieces. Every byte is looked at once, however small the pieces (a drip of single bytes
 * costs no more than one read), and a bare LF or CR is refused when it arrives, not when the head ends.
 */
export class HeadScanner {
  private pieces = "";
  /** Length of the matched part of CR LF CR LF: 0 ... 4. */
  private matched = 0;
  error: ErrorCode | null = null;

  /** Bytes held so far. */
  get length(): number {
    return this.pieces.length;
  }

  /** The whole head, after `push` has found its end; the scanner is empty again. */
  take(): string {
    const text = this.pieces;
    this.pieces = "";
    this.matched = 0;
    return text;
  }

  /** Takes in a piece. @returns how many of its characters belong to the head when it ends there, else -1 */
  push(piece: string): number {
    for (let i = 0; i < piece.length; i++) {
      const c = piece.charCodeAt(i);
      if (c === LF) {
        if ((this.matched & 1) === 0) return this.fail();
        if (++this.matched === 4) {
          this.pieces += piece.slice(0, i + 1);
          return i + 1;
        }
      } else if ((this.matched & 1) === 1) return this.fail();
      else if (c === CR) this.matched++;
      else this.matched = 0;
    }
    this.pieces += piece;
    return -1;
  }

  private fail(): number {
    this.error = "invalid_line_ending";
    return -1;
  }
}
