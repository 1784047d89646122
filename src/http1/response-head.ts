/** Parses and checks a response head, as strictly as a request's: what is malformed becomes a 502, never the client's problem. */
import { CR, LF, SP, valueChar } from "./chars.ts";
import { equalsLower, kind } from "./field-kinds.ts";
import { readFraming, untilClose, type Framing } from "./framing.ts";
import { headBytes, loadBytes } from "./head-bytes.ts";
import { MessageHead } from "./message-head.ts";
import { parseFields } from "./parse-fields.ts";

/** A response head; scratch like its base. */
export class ResponseHead extends MessageHead {
  status = 0;
  /** Where the reason phrase starts; it ends two characters before the fields. */
  phraseStart = 0;
  minor = 1;
  /** Body length in bytes, `chunked` or `untilClose`; 0 where the status or the method allows no body. */
  bodyLength = 0;
  /** Where the answer ends in `text`: with its head, or further on, where the caller sees that the whole body came with it. */
  answerEnd = 0;
  /** The upstream connection cannot be used again. */
  close = false;
  /** Fields that Connection names, in lower case; null where there are none. */
  connectionNames: string[] | null = null;
  /** The protocols of the Upgrade field, in lower case; empty where there is none. */
  upgrade = "";

  /** May be empty. */
  get phrase(): string {
    return this.text.slice(this.phraseStart, this.fieldsStart - 2);
  }
}

const framing: Framing = { length: 0, error: null };

/**
 * @param text begins with the head, one latin1 character a byte
 * @param headRequest whether it answers a HEAD request
 * @returns whether it is well-formed, and whole
 */
export function parseResponseHead(head: ResponseHead, text: string, headRequest: boolean): boolean {
  const base = loadBytes(text);
  const bytes = headBytes();
  head.text = text;
  if (!text.startsWith("HTTP/1.") || bytes[base + 8] !== SP) return false;
  const minor = bytes[base + 7]! - 0x30;
  if (minor !== 0 && minor !== 1) return false;
  head.minor = minor;
  const status = digit(bytes[base + 9]!) * 100 + digit(bytes[base + 10]!) * 10 + digit(bytes[base + 11]!);
  if (!(status >= 100 && status <= 599)) return false;
  head.status = status;
  let i = base + 12;
  if (bytes[i] === SP) i++;
  else if (bytes[i] !== CR) return false;
  head.phraseStart = i - base;
  while (valueChar[bytes[i]!] === 1) i++;
  if (bytes[i] !== CR || bytes[i + 1] !== LF) return false;
  i -= base;
  if (parseFields(head, i + 2, base) !== null) return false;
  readFraming(head, minor, framing);
  if (framing.error !== null) return false;
  head.answerEnd = head.end;
  const noBody = hasNoBody(status);
  head.bodyLength = headRequest || noBody ? 0 : framing.length;
  readConnection(head);
  // A 204 may not announce a body. Where it does, the body may come as well, and would be taken for the next answer.
  if (noBody && status !== 304 && framing.length !== untilClose && framing.length !== 0) head.close = true;
  return true;
}

/** RFC 9110 sections 15.2, 15.3.5, 15.4.5. */
export const hasNoBody = (status: number): boolean => status < 200 || status === 204 || status === 304;

/**
 * How long the service says it keeps an idle connection: the `timeout` of its Keep-Alive field (RFC 2068 section 19.7.1.1),
 * which Node and Apache send.
 * @returns milliseconds, or Infinity where it says nothing
 */
export function announcedIdleMs(head: ResponseHead): number {
  if (!head.has(kind.keepAlive)) return Infinity;
  const timeout = /(?:^|[,\s])timeout=(\d{1,9})(?:[,\s]|$)/i.exec(head.get("keep-alive") ?? "");
  return timeout === null ? Infinity : Number(timeout[1]) * 1000;
}

function digit(byte: number): number {
  const d = byte - 0x30;
  return d >= 0 && d <= 9 ? d : Number.NaN;
}

function readConnection(head: ResponseHead): void {
  let close = false;
  let keepAlive = head.minor === 1;
  head.connectionNames = null;
  head.upgrade = "";
  const says = head.has(kind.connection) || head.has(kind.upgrade);
  for (let i = 0; says && i < head.count; i++) {
    const k = head.kinds[i];
    if (k === kind.upgrade) head.upgrade = head.upgrade === "" ? head.value(i).toLowerCase() : `${head.upgrade},${head.value(i).toLowerCase()}`;
    if (k !== kind.connection) continue;
    // What nearly every service sends needs no list.
    if (equalsLower(head.text, head.valueStart[i]!, head.valueEnd[i]!, "keep-alive")) {
      keepAlive = true;
      continue;
    }
    for (const part of head.value(i).toLowerCase().split(",")) {
      const option = part.trim();
      if (option === "close") close = true;
      else if (option === "keep-alive") keepAlive = true;
      else if (option !== "" && option !== "upgrade") (head.connectionNames ??= []).push(option);
    }
  }
  head.close = close || !keepAlive || head.bodyLength === untilClose;
}

