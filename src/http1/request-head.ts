/** Parses and checks a request head (RFC 9112 sections 2, 3, 6). What is not strictly well-formed is refused. */
import type { ErrorCode } from "../core/errors.ts";
import { CR, LF, SP, targetChar, tokenChar } from "./chars.ts";
import { kind } from "./field-kinds.ts";
import { chunked, readFraming, untilClose, type Framing } from "./framing.ts";
import { headBytes, loadBytes } from "./head-bytes.ts";
import { sameAuthority, splitAuthority } from "./host.ts";
import { MessageHead } from "./message-head.ts";
import { parseFields } from "./parse-fields.ts";
import { routingPath, staysPlain } from "./target.ts";

const methodCharsMax = 32;
const QUESTION = 0x3f;
const absoluteForm = /^(https?):\/\/([^/?]*)(.*)$/i;

/** A request head; scratch like its base. */
export class RequestHead extends MessageHead {
  /** Set as soon as it is read: a refused head has its method, or "" where not even that is well-formed. */
  method = "";
  /** Origin-form, as it goes to the service. */
  target = "";
  /** The normalised path that routes are matched on. */
  path = "";
  /** In the text: where the target ends, and where its query starts; -1: it has none. */
  targetEnd = 0;
  queryStart = -1;
  /** The path again, one byte for each of its characters, as far as `pathLength`: what reads it one by one (the index of routes) reads it here. */
  pathBytes = new Uint8Array(1_024);
  pathLength = 0;
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
 * @param text begins with the head, one latin1 character a byte; at most one empty line before it
 * @returns null, or why the request is refused; where the text ends before the head does, that is one reason or another
 */
export function parseRequestHead(head: RequestHead, text: string, limits: RequestLimits): ErrorCode | null {
  const base = loadBytes(text);
  const bytes = headBytes();
  head.text = text;
  head.method = "";
  // RFC 9112 section 2.2: at least one empty line before the request line is ignored.
  const start = bytes[base] === CR && bytes[base + 1] === LF ? base + 2 : base;
  let i = start;
  while (tokenChar[bytes[i]!] === 1) i++;
  if (i === start || i - start > methodCharsMax || bytes[i] !== SP) return "malformed_request_line";
  head.lineStart = start - base;
  head.method = methodOf(bytes, text, base, start, i);
  const targetStart = ++i;
  while (targetChar[bytes[i]!] === 1) i++;
  if (bytes[i] !== SP) return bytes[i] === CR ? "malformed_request_line" : "invalid_target";
  if (i === targetStart) return "malformed_request_line";
  if (i - targetStart > limits.targetBytesMax) return "target_too_long";
  head.targetEnd = i - base;
  head.target = text.slice(targetStart - base, head.targetEnd);
  const versionError = parseVersion(head, bytes, i + 1);
  if (versionError !== null) return versionError;
  const fieldError = parseFields(head, i + 11 - base, base);
  if (fieldError !== null) return fieldError;
  if (head.method === "CONNECT" || head.method === "TRACE") return "method_refused";
  readFraming(head, head.minor, framing);
  if (framing.error !== null) return framing.error;
  head.bodyLength = framing.length === untilClose ? 0 : framing.length;
  return readTarget(head, bytes, targetStart) ?? readConnection(head);
}

/** The usual methods are one string each: comparing them later compares references. */
function methodOf(bytes: Uint8Array, text: string, base: number, start: number, end: number): string {
  const length = end - start;
  if (length === 3 && bytes[start] === 0x47 && bytes[start + 1] === 0x45 && bytes[start + 2] === 0x54) return "GET";
  if (length === 4 && text.startsWith("POST", start - base)) return "POST";
  return text.slice(start - base, end - base);
}

/** `HTTP/1.0` or `HTTP/1.1` and CR LF at `at`. */
function parseVersion(head: RequestHead, bytes: Uint8Array, at: number): ErrorCode | null {
  if (bytes[at] !== 0x48 || bytes[at + 1] !== 0x54 || bytes[at + 2] !== 0x54 || bytes[at + 3] !== 0x50 || bytes[at + 4] !== 0x2f) return "malformed_request_line";
  const major = bytes[at + 5]! - 0x30;
  const minor = bytes[at + 7]! - 0x30;
  if (!(major >= 0 && major <= 9) || bytes[at + 6] !== 0x2e || !(minor >= 0 && minor <= 9)) return "malformed_request_line";
  if (bytes[at + 8] !== CR || bytes[at + 9] !== LF) return "malformed_request_line";
  if (major !== 1 || minor > 1) return "unsupported_version";
  head.minor = minor;
  return null;
}

/** @param targetStart in `bytes` */
function readTarget(head: RequestHead, bytes: Uint8Array, targetStart: number): ErrorCode | null {
  let hostLine = -1;
  for (let i = 0; i < head.count; i++) {
    if (head.kinds[i] !== kind.host) continue;
    if (hostLine >= 0) return "invalid_host";
    hostLine = i;
  }
  if (hostLine < 0) return "missing_host";
  head.authority = isChecked(head, hostLine) ? head.checkedAuthority : head.value(hostLine);
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
  if (head.authority !== head.checkedAuthority) {
    const split = splitAuthority(head.authority);
    if (split === null) return "invalid_host";
    head.host = split.host;
    head.checkedAuthority = head.authority;
  }
  return (!head.absolute && readPlainPath(head, bytes, targetStart)) || readAnyPath(head) ? null : "invalid_target";
}

/** Nearly every path is normalised already, and is that part of the target. @returns false where it is not */
function readPlainPath(head: RequestHead, bytes: Uint8Array, start: number): boolean {
  const { target } = head;
  const { length } = target;
  const path = bytesFor(head, length);
  let before = 0;
  let i = 0;
  for (; i < length; i++) {
    const c = bytes[start + i]!;
    if (c === QUESTION) break;
    if (!staysPlain(before, c)) return false;
    path[i] = before = c;
  }
  head.path = i === length ? target : target.slice(0, i);
  head.pathLength = i;
  head.queryStart = i === length ? -1 : head.targetEnd - length + i + 1;
  return true;
}

function readAnyPath(head: RequestHead): boolean {
  const query = head.target.indexOf("?");
  head.queryStart = query < 0 ? -1 : head.targetEnd - head.target.length + query + 1;
  const path = routingPath(query < 0 ? head.target : head.target.slice(0, query));
  if (path === null) return false;
  const bytes = bytesFor(head, path.length);
  for (let i = 0; i < path.length; i++) bytes[i] = path.charCodeAt(i);
  head.path = path;
  head.pathLength = path.length;
  return true;
}

function bytesFor(head: RequestHead, length: number): Uint8Array {
  if (head.pathBytes.length < length) head.pathBytes = new Uint8Array(length * 2);
  return head.pathBytes;
}

/** Clients name the same few hosts again and again. */
function isChecked(head: RequestHead, hostLine: number): boolean {
  const { checkedAuthority } = head;
  const start = head.valueStart[hostLine]!;
  return head.valueEnd[hostLine]! - start === checkedAuthority.length && head.text.startsWith(checkedAuthority, start);
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
