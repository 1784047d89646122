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

const startsLower = (text: string, start: number, end: number, name: string): boolean =>
  end - start >= name.length && equalsLower(text, start, start + name.length, name);

/** The kind of the field named text[start, end). */
export function kindOf(text: string, start: number, end: number): FieldKind {
  switch (text.charCodeAt(start) | 0x20) {
    case 0x63: // c
      if (equalsLower(text, start, end, "connection")) return kind.connection;
      if (equalsLower(text, start, end, "content-length")) return kind.contentLength;
      break;
    case 0x65: // e
      if (equalsLower(text, start, end, "expect")) return kind.expect;
      if (startsLower(text, start, end, "ebbgate-")) return kind.ebbgate;
      if (startsLower(text, start, end, "ebbgate") && isLookalike(text, start, end)) return kind.lookalike;
      break;
    case 0x66: // f
      if (equalsLower(text, start, end, "forwarded")) return kind.forwarded;
      break;
    case 0x68: // h
      if (equalsLower(text, start, end, "host")) return kind.host;
      if (equalsLower(text, start, end, "http2-settings")) return kind.http2Settings;
      break;
    case 0x6b: // k
      if (equalsLower(text, start, end, "keep-alive")) return kind.keepAlive;
      break;
    case 0x70: // p
      if (equalsLower(text, start, end, "proxy-connection")) return kind.proxyConnection;
      break;
    case 0x74: // t
      if (equalsLower(text, start, end, "te")) return kind.te;
      if (equalsLower(text, start, end, "trailer")) return kind.trailer;
      if (equalsLower(text, start, end, "transfer-encoding")) return kind.transferEncoding;
      if (end - start === 17 && isLookalike(text, start, end)) return kind.lookalike;
      break;
    case 0x75: // u
      if (equalsLower(text, start, end, "upgrade")) return kind.upgrade;
      break;
    case 0x76: // v
      if (equalsLower(text, start, end, "via")) return kind.via;
      break;
    case 0x78: // x
      if (startsLower(text, start, end, "x-forwarded-") || equalsLower(text, start, end, "x-real-ip")) return kind.xForwarded;
      if (isLookalike(text, start, end)) return kind.lookalike;
      break;
  }
  return kind.other;
}

const protectedNames = /^(?:x-forwarded-.*|x-real-ip|ebbgate-.*|transfer-encoding)$/;

function isLookalike(text: string, start: number, end: number): boolean {
  const name = text.slice(start, end).toLowerCase();
  if (!name.includes("_") && !name.includes(".")) return false;
  return protectedNames.test(name.replaceAll(/[_.]/g, "-"));
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
  "cache-control", "max-forwards", "range", "age", "date", "expires", "location", "retry-after", "vary", "warning", "pragma", "keep-alive", "proxy-connection", "http2-settings",
]);
export const isForbiddenInTrailers = (name: string): boolean => isUntouchable(name.replaceAll(/[_.]/g, "-")) || forbiddenInTrailers.has(name);
