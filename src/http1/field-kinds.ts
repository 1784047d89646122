/**
 * The fields that a proxy treats in a way of its own. Each line of a head is given its kind once, while it is parsed,
 * so that nothing later compares names.
 */
export const kind = {
  other: 0,
  host: 1,
  connection: 2,
  contentLength: 3,
  transferEncoding: 4,
  te: 5,
  trailer: 6,
  upgrade: 7,
  keepAlive: 8,
  proxyConnection: 9,
  expect: 10,
  via: 11,
  forwarded: 12,
  xForwarded: 13,
  ebbgate: 14,
  http2Settings: 15,
  /** An underscore or dot spelling of a field that is believed: `X_Forwarded_For` is not `X-Forwarded-For`. */
  lookalike: 16,
  baggage: 17,
  traceparent: 18,
  tracestate: 19,
} as const;
export type FieldKind = (typeof kind)[keyof typeof kind];

/** True where text[start, end) is `name`, which is in lower case. */
export function equalsLower(text: string, start: number, end: number, name: string): boolean {
  if (end - start !== name.length) return false;
  for (let i = 0; i < name.length; i++) {
    let c = text.charCodeAt(start + i);
    if (c >= 0x41 && c <= 0x5a) c |= 0x20;
    if (c !== name.charCodeAt(i)) return false;
  }
  return true;
}

/** A lower-case name as its bytes. */
const bytesOf = (name: string): Uint8Array => Buffer.from(name, "latin1");

const names = {
  baggage: bytesOf("baggage"),
  connection: bytesOf("connection"),
  contentLength: bytesOf("content-length"),
  ebbgate: bytesOf("ebbgate-"),
  expect: bytesOf("expect"),
  forwarded: bytesOf("forwarded"),
  host: bytesOf("host"),
  http2Settings: bytesOf("http2-settings"),
  keepAlive: bytesOf("keep-alive"),
  proxyConnection: bytesOf("proxy-connection"),
  te: bytesOf("te"),
  traceparent: bytesOf("traceparent"),
  tracestate: bytesOf("tracestate"),
  trailer: bytesOf("trailer"),
  transferEncoding: bytesOf("transfer-encoding"),
  upgrade: bytesOf("upgrade"),
  via: bytesOf("via"),
  xForwarded: bytesOf("x-forwarded-"),
  xRealIp: bytesOf("x-real-ip"),
};

const is = (bytes: Uint8Array, start: number, end: number, name: Uint8Array): boolean => end - start === name.length && starts(bytes, start, end, name);

/** Both sides are tokens: setting bit 5 folds the case of letters, and no two other token characters meet by it. */
function starts(bytes: Uint8Array, start: number, end: number, name: Uint8Array): boolean {
  if (end - start < name.length) return false;
  for (let i = 0; i < name.length; i++) if ((bytes[start + i]! | 0x20) !== name[i]) return false;
  return true;
}

/** The kind of the field named bytes[start, end), which is a token. */
export function kindOf(bytes: Uint8Array, start: number, end: number): FieldKind {
  switch (bytes[start]! | 0x20) {
    case 0x62: // b
      if (is(bytes, start, end, names.baggage)) return kind.baggage;
      break;
    case 0x63: // c
      if (is(bytes, start, end, names.connection)) return kind.connection;
      if (is(bytes, start, end, names.contentLength)) return kind.contentLength;
      break;
    case 0x65: // e
      if (is(bytes, start, end, names.expect)) return kind.expect;
      if (starts(bytes, start, end, names.ebbgate)) return kind.ebbgate;
      return otherOrLookalike(bytes, start, end);
    case 0x66: // f
      if (is(bytes, start, end, names.forwarded)) return kind.forwarded;
      break;
    case 0x68: // h
      if (is(bytes, start, end, names.host)) return kind.host;
      if (is(bytes, start, end, names.http2Settings)) return kind.http2Settings;
      break;
    case 0x6b: // k
      if (is(bytes, start, end, names.keepAlive)) return kind.keepAlive;
      break;
    case 0x70: // p
      if (is(bytes, start, end, names.proxyConnection)) return kind.proxyConnection;
      break;
    case 0x74: // t
      if (is(bytes, start, end, names.te)) return kind.te;
      if (is(bytes, start, end, names.trailer)) return kind.trailer;
      if (is(bytes, start, end, names.traceparent)) return kind.traceparent;
      if (is(bytes, start, end, names.tracestate)) return kind.tracestate;
      if (is(bytes, start, end, names.transferEncoding)) return kind.transferEncoding;
      return otherOrLookalike(bytes, start, end);
    case 0x75: // u
      if (is(bytes, start, end, names.upgrade)) return kind.upgrade;
      break;
    case 0x76: // v
      if (is(bytes, start, end, names.via)) return kind.via;
      break;
    case 0x78: // x
      if (starts(bytes, start, end, names.xForwarded) || is(bytes, start, end, names.xRealIp)) return kind.xForwarded;
      return otherOrLookalike(bytes, start, end);
  }
  return kind.other;
}

const protectedNames = /^(?:x-forwarded-.*|x-real-ip|ebbgate-.*|transfer-encoding)$/;

function otherOrLookalike(bytes: Uint8Array, start: number, end: number): FieldKind {
  for (let i = start; i < end; i++) {
    const c = bytes[i]!;
    if (c !== 0x5f && c !== 0x2e) continue;
    const name = String.fromCharCode(...bytes.subarray(start, end)).toLowerCase();
    return protectedNames.test(name.replaceAll(/[_.]/g, "-")) ? kind.lookalike : kind.other;
  }
  return kind.other;
}

/**
 * What a sender may not take out by naming it in Connection, and what a trailer section may not carry: routing,
 * framing and what the proxy itself adds (RFC 9110 sections 6.5.1 and 7.6.1).
 */
const untouchable = new Set([
  "host", "content-length", "transfer-encoding", "via", "forwarded", "connection", "upgrade", "te", "trailer", "expect",
]);
export const isUntouchable = (name: string): boolean => untouchable.has(name) || name.startsWith("x-forwarded-") || name === "x-real-ip" || name.startsWith("ebbgate-");

const forbiddenInTrailers = new Set([
  "authorization", "cookie", "set-cookie", "proxy-authorization", "www-authenticate", "proxy-authenticate", "content-encoding", "content-type", "content-range",
  "cache-control", "max-forwards", "range", "age", "date", "expires", "location", "retry-after", "vary", "warning", "pragma", "keep-alive", "proxy-connection", "http2-settings", "baggage",
]);
export const isForbiddenInTrailers = (name: string): boolean => isUntouchable(name.replaceAll(/[_.]/g, "-")) || forbiddenInTrailers.has(name);
