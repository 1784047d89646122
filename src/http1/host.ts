import { isIPv6 } from "node:net";
import { hexValue, hostChar } from "./chars.ts";

const PERCENT = 0x25;

/**
 * Splits a Host value or an authority (RFC 3986 section 3.2 without userinfo).
 * @returns the host in lower case and the port's digits (or ""), or null when it is not valid
 */
export function splitAuthority(value: string): { host: string; port: string } | null {
  let hostEnd = value.length;
  let port = "";
  const colon = value.lastIndexOf(":");
  if (colon >= 0 && colon > value.lastIndexOf("]")) {
    port = value.slice(colon + 1);
    if (port.length > 5 || !isDigits(port) || Number(port) > 65535) return null;
    hostEnd = colon;
  }
  if (hostEnd === 0 || hostEnd > 255) return null;
  const host = value.slice(0, hostEnd);
  if (host.charCodeAt(0) === 0x5b) return isBracketedIPv6(host) ? { host: host.toLowerCase(), port } : null;
  for (let i = 0; i < hostEnd; i++) {
    const c = host.charCodeAt(i);
    if (hostChar[c] !== 1 || (c === PERCENT && !isEscape(host, i))) return null;
  }
  return { host: host.toLowerCase(), port };
}

/** No zone: it means something on its own machine only, and has no place in a URI's host (RFC 3986 section 3.2.2). */
const isBracketedIPv6 = (host: string): boolean => host.endsWith("]") && !host.includes("%") && isIPv6(host.slice(1, -1));

const isEscape = (text: string, at: number): boolean => hexValue[text.charCodeAt(at + 1)]! < 16 && hexValue[text.charCodeAt(at + 2)]! < 16;

function isDigits(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x30 || c > 0x39) return false;
  }
  return true;
}

/** Whether a Host field agrees with the authority of an absolute-form target, its scheme's default port implied. */
export function sameAuthority(a: string, b: string, defaultPort: string): boolean {
  const x = splitAuthority(a);
  const y = splitAuthority(b);
  return x !== null && y !== null && x.host === y.host && (x.port || defaultPort) === (y.port || defaultPort);
}
