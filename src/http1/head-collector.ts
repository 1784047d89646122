import { announceBytes } from "./head-bytes.ts";
import { HeadScanner } from "./head-scanner.ts";

/** Cuts heads out of what a connection reads. Nearly every head comes in one read, and is parsed where it lies. */
export class HeadCollector {
  private readonly scanner = new HeadScanner();
  private readonly headBytesMax: number;
  /** Where a search may begin: an empty line before a request line is no end of a head. */
  private readonly skip: number;
  /** The index after the last byte that `take` has used. */
  next = 0;
  /** Why there will be no head: a bare CR or LF, or more bytes than a head may have. */
  failure: "line_ending" | "first_line_too_large" | "too_large" | null = null;

  constructor(headBytesMax: number, emptyLineFirst: boolean) {
    this.headBytesMax = headBytesMax;
    this.skip = emptyLineFirst ? 2 : 0;
  }

  /**
   * The text of buffer[start, end), as far as a head may reach: whoever can parse a head at its beginning, and finds that it
   * ends in time, has no need of `take`.
   *
   * @returns null where a piece of the head was read before, or where it cannot be parsed where it lies
   */
  whole(buffer: Buffer, start: number, end: number): string | null {
    if (this.scanner.length !== 0 || !announceBytes(buffer, start, end)) return null;
    return buffer.latin1Slice(start, Math.min(end, start + this.headBytesMax));
  }

  /** Takes in buffer[start, end). @returns the head as latin1 text, or null while it is not whole, or when it fails */
  take(buffer: Buffer, start: number, end: number): string | null {
    const { scanner } = this;
    const held = scanner.length;
    const room = this.headBytesMax + 1 - held;
    const piece = buffer.latin1Slice(start, Math.min(end, start + room));
    const at = held === 0 ? piece.indexOf("\r\n\r\n", this.skip) : -1;
    if (at >= 0) {
      const used = at + 4;
      this.next = start + used;
      return used > this.headBytesMax ? this.fail("too_large") : piece.slice(0, used);
    }
    const used = scanner.push(piece);
    this.next = start + (used < 0 ? piece.length : used);
    if (scanner.error !== null) return this.fail("line_ending");
    if (used < 0) return piece.length === room ? this.fail(scanner.take().indexOf("\r\n", 2) < 0 ? "first_line_too_large" : "too_large") : null;
    const text = scanner.take();
    return text.length > this.headBytesMax ? this.fail("too_large") : text;
  }

  private fail(failure: NonNullable<typeof this.failure>): null {
    this.failure = failure;
    return null;
  }
}
