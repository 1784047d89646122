import { hostChar } from "./chars.ts";

const ipv6 = /^\[(?:[0-9a-fA-F:.]{2,45}|v[0-9a-fA-F]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+)\]$/;

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
  if (host.charCodeAt(0) === 0x5b) return ipv6.test(host) ? { host: host.toLowerCase(), port } : null;
  for (let i = 0; i < hostEnd; i++) if (hostChar[host.charCodeAt(i)] !== 1) return null;
  return { host: host.toLowerCase(), port };
}

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
