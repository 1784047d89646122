/**
 * Decodes a chunked body (RFC 9112 section 7.1) as it arrives, strictly: hexadecimal digits directly followed by CR LF or
 * by well-formed extensions, which are checked, counted and dropped; CR LF after each chunk; a bounded trailer
 * section, parsed like a head. The payload of one read is moved together inside the read buffer, so that thousands of
 * tiny chunks cost the other side one write.
 */
import { BACKSLASH, CR, EQUALS, hexValue, HTAB, LF, QUOTE, SEMICOLON, SP, tokenChar, valueChar } from "./chars.ts";
import { isForbiddenInTrailers, kind } from "./field-kinds.ts";
import { loadBytes } from "./head-bytes.ts";
import { HeadScanner } from "./head-scanner.ts";
import { MessageHead } from "./message-head.ts";
import { parseFields } from "./parse-fields.ts";

const state = {
  sizeStart: 0, size: 1, extensionName: 2, extensionNameMore: 3, extensionValue: 4, extensionToken: 5, quoted: 6, escaped: 7, extensionEnd: 8,
  sizeLf: 9, data: 10, dataCr: 11, dataLf: 12, trailers: 13, done: 14, failed: 15,
} as const;
type State = (typeof state)[keyof typeof state];

/** 2^52: far above any limit, and still exact. */
const sizeDigitsMax = 13;

export interface ChunkLimits {
  readonly chunkLineBytesMax: number;
  readonly trailerBytesMax: number;
  readonly headersMax: number;
}

export class ChunkedDecoder {
  private state: State = state.sizeStart;
  private remaining = 0;
  private digits = 0;
  private lineBytes = 0;
  private extensionBytes = 0;
  private trailerText: HeadScanner | null = null;
  private readonly limits: ChunkLimits;
  /** The payload found by the last `push`: buffer[payloadStart, payloadEnd). */
  payloadStart = 0;
  payloadEnd = 0;
  /** Trailer lines that may travel on, each with its CR LF; set when done. */
  trailers = "";
  private readonly refusesFraming: boolean;

  /** @param refusesFraming whether Content-Length or Transfer-Encoding among the trailers fails the body, instead of being dropped */
  constructor(limits: ChunkLimits, refusesFraming: boolean) {
    this.limits = limits;
    this.refusesFraming = refusesFraming;
  }

  get done(): boolean {
    return this.state === state.done;
  }

  get failed(): boolean {
    return this.state === state.failed;
  }

  /**
   * Takes in buffer[start, end). Payload bytes are moved within the buffer when they are not contiguous.
   * @returns the index after the last byte of the body when it is done, else `end`
   */
  push(buffer: Buffer, start: number, end: number): number {
    this.payloadStart = start;
    this.payloadEnd = start;
    let i = start;
    while (i < end) {
      if (this.state === state.data) i = this.takeData(buffer, i, end);
      else if (this.state === state.trailers) i = this.takeTrailers(buffer, i, end);
      else this.state = this.step(buffer[i++]!);
      if (this.state >= state.done) return i;
    }
    return i;
  }

  private takeData(buffer: Buffer, i: number, end: number): number {
    const n = Math.min(this.remaining, end - i);
    if (this.payloadEnd === this.payloadStart) this.payloadStart = this.payloadEnd = i;
    if (this.payloadEnd !== i) buffer.copyWithin(this.payloadEnd, i, i + n);
    this.payloadEnd += n;
    this.remaining -= n;
    if (this.remaining === 0) this.state = state.dataCr;
    return i + n;
  }

  private takeTrailers(buffer: Buffer, i: number, end: number): number {
    // An empty trailer section is CR LF; the scanner knows an end as CR LF CR LF, so it begins after a first CR LF.
    if (this.trailerText === null) {
      this.trailerText = new HeadScanner();
      this.trailerText.push("\r\n");
    }
    const room = this.limits.trailerBytesMax + 4 - this.trailerText.length;
    const piece = buffer.toString("latin1", i, Math.min(end, i + room));
    const used = this.trailerText.push(piece);
    if (this.trailerText.error !== null || (used < 0 && piece.length === room)) {
      this.state = state.failed;
      return end;
    }
    if (used < 0) return i + piece.length;
    this.state = this.keepTrailers(this.trailerText.take().slice(2)) ? state.done : state.failed;
    this.trailerText = null;
    return i + used;
  }

  private keepTrailers(text: string): boolean {
    if (text === "\r\n") return true;
    const head = new MessageHead(this.limits.headersMax);
    head.text = text;
    if (parseFields(head, 0, loadBytes(text)) !== null) return false;
    for (let i = 0; i < head.count; i++) {
      const k = head.kind(i);
      if (this.refusesFraming && (k === kind.contentLength || k === kind.transferEncoding)) return false;
      if (!isForbiddenInTrailers(head.name(i))) this.trailers += text.slice(head.nameStart[i], head.lineEnd(i));
    }
    return true;
  }

  /** One byte of chunk framing. */
  private step(c: number): State {
    if (++this.lineBytes > this.limits.chunkLineBytesMax) return state.failed;
    switch (this.state) {
      case state.sizeStart:
      case state.size:
        return this.stepSize(c);
      case state.sizeLf:
        if (c !== LF) return state.failed;
        this.lineBytes = 0;
        this.digits = 0;
        if (this.remaining > 0) return state.data;
        return state.trailers;
      case state.dataCr:
        return c === CR ? state.dataLf : state.failed;
      case state.dataLf:
        this.lineBytes = 0;
        return c === LF ? state.sizeStart : state.failed;
      default:
        // Extensions are bounded over the whole body too, or tiny chunks could carry endless ones (CVE-2023-39326).
        if (++this.extensionBytes > 16 * this.limits.chunkLineBytesMax) return state.failed;
        return stepExtension(this.state, c);
    }
  }

  private stepSize(c: number): State {
    const digit = hexValue[c]!;
    if (digit !== 255) {
      if (++this.digits > sizeDigitsMax) return state.failed;
      this.remaining = this.remaining * 16 + digit;
      return state.size;
    }
    if (this.digits === 0) return state.failed;
    if (c === CR) return state.sizeLf;
    return c === SEMICOLON ? state.extensionName : state.failed;
  }
}

/** chunk-ext = *( ";" token [ "=" ( token / quoted-string ) ] ), without the whitespace that only old senders wrote. */
function stepExtension(at: State, c: number): State {
  switch (at) {
    case state.extensionName:
      return tokenChar[c] === 1 ? state.extensionNameMore : state.failed;
    case state.extensionNameMore:
      if (tokenChar[c] === 1) return state.extensionNameMore;
      return c === EQUALS ? state.extensionValue : afterExtension(c);
    case state.extensionValue:
      if (c === QUOTE) return state.quoted;
      return tokenChar[c] === 1 ? state.extensionToken : state.failed;
    case state.extensionToken:
      return tokenChar[c] === 1 ? state.extensionToken : afterExtension(c);
    case state.quoted:
      if (c === QUOTE) return state.extensionEnd;
      if (c === BACKSLASH) return state.escaped;
      return valueChar[c] === 1 ? state.quoted : state.failed;
    case state.escaped:
      return c === HTAB || c === SP || valueChar[c] === 1 ? state.quoted : state.failed;
    case state.extensionEnd:
      return afterExtension(c);
    default:
      return state.failed;
  }
}

function afterExtension(c: number): State {
  if (c === SEMICOLON) return state.extensionName;
  return c === CR ? state.sizeLf : state.failed;
}
