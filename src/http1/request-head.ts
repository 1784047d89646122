/** Parses and checks a request head (RFC 9112 sections 2, 3, 6). What is not strictly well-formed is refused. */
import type { ErrorCode } from "../core/errors.ts";
import { SP, targetChar, tokenChar } from "./chars.ts";
import { kind } from "./field-kinds.ts";
import { chunked, readFraming, untilClose, type Framing } from "./framing.ts";
import { loadBytes } from "./head-bytes.ts";
import { sameAuthority, splitAuthority } from "./host.ts";
import { MessageHead } from "./message-head.ts";
import { parseFields } from "./parse-fields.ts";
import { routingPath } from "./target.ts";

const methodCharsMax = 32;
const absoluteForm = /^(https?):\/\/([^/?]*)(.*)$/i;

/** A request head; scratch like its base. */
export class RequestHead extends MessageHead {
  /** Set as soon as it is read: a refused head has its method, or "" where not even that is well-formed. */
  method = "";
  /** Origin-form, as it goes to the service. */
  target = "";
  /** The normalised path that routes are matched on. */
  path = "";
  /** The authority that counts: the absolute-form's, else the Host field's. Lower case, without port. */
  host = "";
  /** The authority that `host` was read from. */
  checkedAuthority = "";
  /** The same as it was written, port included: the value of the forwarded Host field. */
  authority = "";
  /** Whether the target was in absolute-form, so that the Host field must be rewritten. */
  absolute = false;
  /** Where the request line starts: behind an empty line, if there was one. */
  lineStart = 0;
  /** HTTP/1.0 or 1.1. */
  minor = 1;
  /** Body length in bytes, or `chunked`. A request without framing fields has none: 0. */
  bodyLength = 0;
  /** Options of the Connection fields. */
  close = false;
  keepAlive = false;
  connectionNamesUpgrade = false;
  connectionNamesTe = false;
  /** Fields that Connection names beyond the ones above, in lower case; null where there are none. */
  connectionNames: string[] | null = null;
  expectContinue = false;
}

export interface RequestLimits {
  readonly targetBytesMax: number;
}

const framing: Framing = { length: 0, error: null };

/**
 * @param text the whole head, one latin1 character a byte, ending with the empty line; at most one empty line before it
 * @returns null, or why the request is refused
 */
export function parseRequestHead(head: RequestHead, text: string, limits: RequestLimits): ErrorCode | null {
  const base = loadBytes(text);
  head.text = text;
  head.method = "";
  // RFC 9112 section 2.2: at least one empty line before the request line is ignored.
  const start = text.charCodeAt(0) === 0x0d && text.charCodeAt(1) === 0x0a ? 2 : 0;
  let i = start;
  while (tokenChar[text.charCodeAt(i)] === 1) i++;
  if (i === start || i - start > methodCharsMax || text.charCodeAt(i) !== SP) return "malformed_request_line";
  head.lineStart = start;
  head.method = methodOf(text, start, i);
  const targetStart = ++i;
  while (targetChar[text.charCodeAt(i)] === 1) i++;
  if (text.charCodeAt(i) !== SP) return text.charCodeAt(i) === 0x0d ? "malformed_request_line" : "invalid_target";
  if (i === targetStart) return "malformed_request_line";
  if (i - targetStart > limits.targetBytesMax) return "target_too_long";
  head.target = text.slice(targetStart, i);
  const versionError = parseVersion(head, text, i + 1);
  if (versionError !== null) return versionError;
  const fieldError = parseFields(head, i + 11, base);
  if (fieldError !== null) return fieldError;
  if (head.method === "CONNECT" || head.method === "TRACE") return "method_refused";
  readFraming(head, head.minor, framing);
  if (framing.error !== null) return framing.error;
  head.bodyLength = framing.length === untilClose ? 0 : framing.length;
  return readTarget(head) ?? readConnection(head);
}

/** The usual methods are one string each: comparing them later compares references. */
function methodOf(text: string, start: number, end: number): string {
  if (end - start === 3 && text.startsWith("GET", start)) return "GET";
  if (end - start === 4 && text.startsWith("POST", start)) return "POST";
  return text.slice(start, end);
}

/** `HTTP/1.0` or `HTTP/1.1` and CR LF at `at`. */
function parseVersion(head: RequestHead, text: string, at: number): ErrorCode | null {
  if (!text.startsWith("HTTP/", at)) return "malformed_request_line";
  const major = text.charCodeAt(at + 5) - 0x30;
  const minor = text.charCodeAt(at + 7) - 0x30;
  if (!(major >= 0 && major <= 9) || text.charCodeAt(at + 6) !== 0x2e || !(minor >= 0 && minor <= 9)) return "malformed_request_line";
  if (text.charCodeAt(at + 8) !== 0x0d || text.charCodeAt(at + 9) !== 0x0a) return "malformed_request_line";
  if (major !== 1 || minor > 1) return "unsupported_version";
  head.minor = minor;
  return null;
}

function readTarget(head: RequestHead): ErrorCode | null {
  let hostLine = -1;
  for (let i = 0; i < head.count; i++) {
    if (head.kinds[i] !== kind.host) continue;
    if (hostLine >= 0) return "invalid_host";
    hostLine = i;
  }
  if (hostLine < 0) return "missing_host";
  head.authority = head.value(hostLine);
  head.absolute = false;
  if (head.target.charCodeAt(0) !== 0x2f) {
    const match = absoluteForm.exec(head.target);
    if (match === null) return "invalid_target";
    const [, scheme, authority, rest] = match as unknown as [string, string, string, string];
    // The target wins over Host, and a Host that disagrees is somebody's attempt (RFC 9112 section 3.2.2).
    if (splitAuthority(authority) === null) return "invalid_target";
    if (!sameAuthority(authority, head.authority, scheme.toLowerCase() === "https" ? "443" : "80")) return "invalid_host";
    head.authority = authority;
    head.absolute = true;
    head.target = rest.startsWith("/") ? rest : `/${rest}`;
  }
  // Clients name the same few hosts again and again.
  if (head.authority !== head.checkedAuthority) {
    const split = splitAuthority(head.authority);
    if (split === null) return "invalid_host";
    head.host = split.host;
    head.checkedAuthority = head.authority;
  }
  const query = head.target.indexOf("?");
  const path = routingPath(query < 0 ? head.target : head.target.slice(0, query));
  if (path === null) return "invalid_target";
  head.path = path;
  return null;
}

function readConnection(head: RequestHead): ErrorCode | null {
  head.close = false;
  head.keepAlive = false;
  head.connectionNamesUpgrade = false;
  head.connectionNamesTe = false;
  head.connectionNames = null;
  head.expectContinue = false;
  const says = head.has(kind.connection) || head.has(kind.proxyConnection) || head.has(kind.expect);
  for (let i = 0; says && i < head.count; i++) {
    const k = head.kinds[i];
    if (k === kind.connection) readConnectionOptions(head, head.value(i));
    // No standard field, but services take it for Connection (Node does): closing serves both readings.
    else if (k === kind.proxyConnection && /(?:^|[,\s])close(?:[,\s]|$)/i.test(head.value(i))) head.close = true;
    // RFC 9110 section 10.1.1: an HTTP/1.0 client's expectation is ignored.
    else if (k === kind.expect && head.minor === 1) {
      if (head.value(i).toLowerCase() !== "100-continue") return "expectation_failed";
      head.expectContinue = true;
    }
  }
  if (head.minor === 0 && !head.keepAlive) head.close = true;
  if (head.bodyLength === 0 || head.bodyLength === chunked) return null;
  return Number.isSafeInteger(head.bodyLength) ? null : "invalid_content_length";
}

function readConnectionOptions(head: RequestHead, value: string): void {
  if (value === "keep-alive" || value === "Keep-Alive") {
    head.keepAlive = true;
    return;
  }
  for (const part of value.toLowerCase().split(",")) {
    const option = part.trim();
    if (option === "close") head.close = true;
    else if (option === "keep-alive") head.keepAlive = true;
    else if (option === "upgrade") head.connectionNamesUpgrade = true;
    else if (option === "te") head.connectionNamesTe = true;
    else if (option !== "") (head.connectionNames ??= []).push(option);
  }
}
