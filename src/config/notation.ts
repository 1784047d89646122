import { isIP, isIPv4, isIPv6 } from "node:net";
import { hasControlCharacter, isToken, Refusal } from "./scalars.ts";
import type { CohortSource, EndpointAddress } from "./snapshot.ts";

/** `host:port` of a socket to listen on. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** An IP address and a port, `[...]` around an IPv6 address. Names are refused: which interface they mean may change. */
export function parseAddress(written: unknown): Address | Refusal {
  const remedy = "Write an IP address and a port, as 127.0.0.1:8080, 0.0.0.0:8080 or [::]:8080";
  if (typeof written !== "string") return new Refusal("must be an address", remedy);
  const [, v6, other, portText] = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(written) ?? [];
  if (portText === undefined) return new Refusal("is not an address with a port", remedy);
  const port = Number(portText);
  if (port > 65_535) return new Refusal("has a port out of range", "Write a port from 0 to 65535");
  if (other === "localhost") return new Refusal("must be an IP address", `Write 127.0.0.1:${port} or [::1]:${port}`);
  const host = v6 ?? other!;
  return (v6 === undefined ? isIPv4(host) : isIPv6(host) && !host.includes("%")) ? { host, port } : new Refusal("is not an IP address with a port", remedy);
}

/** SHA-256 of a certificate. @returns upper-case hex without colons */
export function parseFingerprint(written: unknown): string | Refusal {
  const hex = typeof written === "string" ? written.replaceAll(":", "").toUpperCase() : "";
  return /^[0-9A-F]{64}$/.test(hex) ? hex : new Refusal("is not a SHA-256 fingerprint", "Write the 64 hex digits that openssl x509 -noout -fingerprint -sha256 prints");
}

/** A server to connect to: a host name or an IP address, and a port. */
export function parseHostPort(written: unknown): Address | Refusal {
  const remedy = "Write a host and a port, as redis.internal:6379 or [fd00::7]:6379";
  if (typeof written !== "string") return new Refusal("must be a host and a port", remedy);
  if (/^rediss?:\/\//i.test(written)) return new Refusal("is a URL", `${remedy}; user, password, database and tls have keys of their own`);
  const [, v6, other, portText] = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(written) ?? [];
  if (portText === undefined) return new Refusal("is not a host with a port", remedy);
  const port = Number(portText);
  if (port < 1 || port > 65_535) return new Refusal("has a port out of range", "Write a port from 1 to 65535");
  const host = v6 ?? other!;
  return (v6 === undefined ? isHostName(host) : isIPv6(host)) ? { host, port } : new Refusal("has no valid host", remedy);
}

/** An IP address or a CIDR block. */
export function parsePeer(written: unknown): string | Refusal {
  const remedy = "Write an address or a block, as 10.0.0.7, 10.0.0.0/8 or fd00::/8";
  if (typeof written !== "string") return new Refusal("must be a CIDR block", remedy);
  const [ip, bits, more] = written.split("/");
  const family = written.includes("%") ? 0 : isIP(ip!);
  if (family === 0 || more !== undefined) return new Refusal("is not a CIDR block", remedy);
  if (bits === undefined) return written;
  const bitsMax = family === 4 ? 32 : 128;
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > bitsMax) return new Refusal("has a prefix length out of range", `Write a length from 0 to ${bitsMax} after the slash`);
  return written;
}

/** One endpoint; its `id` is the canonical text. */
export function parseEndpoint(written: unknown): EndpointAddress | Refusal {
  const remedy = "Write http://host:port or unix:/path";
  if (typeof written !== "string") return new Refusal("must be an endpoint", remedy);
  if (hasControlCharacter(written)) return new Refusal("contains a control character", remedy);
  if (written.startsWith("unix:")) return parseUnixEndpoint(written.slice(5));
  if (/^https:\/\//i.test(written)) return new Refusal("uses https, which is not supported to a service yet", "Write http://host:port, or put a TLS terminator before the service");
  const [, authority, rest] = /^http:\/\/([^/?#]*)(.*)$/.exec(written) ?? [];
  if (authority === undefined) return new Refusal("is not an endpoint", remedy);
  if (authority.includes("@")) return new Refusal("carries credentials", "Write the endpoint without user and password; set an authorization header instead");
  if (rest !== "" && rest !== "/") return new Refusal("carries a path or query, which an endpoint has not", "Write only http://host:port");
  const [, v6, other, portText] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(authority) ?? [];
  const host = (v6 ?? other ?? "").toLowerCase();
  if (v6 === undefined ? !isHostName(host) : !isIPv6(host)) return new Refusal("has no valid host", remedy);
  const port = Number(portText ?? 80);
  if (port < 1 || port > 65_535) return new Refusal("has a port out of range", "Write a port from 1 to 65535");
  return { id: `http://${v6 === undefined ? host : `[${host}]`}:${port}`, kind: "tcp", host, port };
}

/** The shortest `sun_path` of the platforms that matter (macOS has 104, Linux 108), less its NUL. */
const unixPathBytesMax = 103;

function parseUnixEndpoint(path: string): EndpointAddress | Refusal {
  if (!path.startsWith("/") || path.startsWith("//")) return new Refusal("is not an absolute path", "Write unix:/path/to/socket, with one slash");
  if (Buffer.byteLength(path) > unixPathBytesMax) return new Refusal(`has a path longer than ${unixPathBytesMax} bytes`, "Use a shorter path: the operating system's limit is this low");
  return { id: `unix:${path}`, kind: "unix", path };
}

/** A host of a route's match: a name or an IP address, without port; `*.` in front matches any depth below. */
export function parseHost(written: unknown): string | Refusal {
  const remedy = "Write a host name without port, as shop.example.com or *.example.com";
  if (typeof written !== "string") return new Refusal("must be a host name", remedy);
  const host = written.toLowerCase();
  if (host === "*") return new Refusal("matches any host", "Leave `hosts` out for that");
  if (/^\[.*\]$/.test(host) && isIPv6(host.slice(1, -1))) return host;
  if (isIPv6(host)) return new Refusal("is an IPv6 address without brackets", `Write [${host}]`);
  if (/:\d*$/.test(host)) return new Refusal("carries a port", "Write the host alone: a route matches it on any port");
  return isHostName(host.startsWith("*.") ? host.slice(2) : host) ? host : new Refusal("is not a host name", remedy);
}

function isHostName(host: string): boolean {
  if (host.length > 253 || !/^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/.test(host)) return false;
  // All digits and dots looks like an address, and must then be one: 300.1.1.1 is not a name.
  return /^[\d.]+$/.test(host) ? isIPv4(host) : host.split(".").every((label) => label.length <= 63);
}

/** A path as a route compares it: absolute and normal, so that no second spelling slips past it (PITFALLS 8). */
export function parsePath(written: unknown): string | Refusal {
  if (typeof written !== "string") return new Refusal("must be a path", "Write a path that begins with '/'");
  if (!written.startsWith("/")) return new Refusal("does not begin with '/'", `Write /${written}`);
  if (/[?#]/.test(written)) return new Refusal("contains a query or fragment", "Write the path alone: queries are not matched");
  if (/%(2e|2f|5c)/i.test(written) || written.includes("\\")) return new Refusal("contains an encoded dot or slash, or a backslash", "Write the path decoded and normalised");
  if (/\/\.{1,2}(\/|$)/.test(written)) return new Refusal("contains a dot segment", "Write the path normalised, without /./ and /../");
  if (written.includes("//")) return new Refusal("contains an empty segment", "Write single slashes");
  // RFC 3986 section 3.3: pchar and '/'.
  if (!/^([A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})+$/.test(written)) return new Refusal("contains a character that a path cannot have", "Percent-encode it, as %20 for a space");
  return written;
}

/** @returns the first and the last status */
export function parseStatuses(written: unknown): readonly [number, number] | Refusal {
  const remedy = "Write a status from 200 to 599, or a class as 2xx";
  const [, digit, rest] = /^([2-5])(xx|\d\d)$/.exec(String(written)) ?? [];
  if (digit === undefined || (typeof written !== "string" && typeof written !== "number")) return new Refusal("is not a status", remedy);
  return rest === "xx" ? [Number(digit) * 100, Number(digit) * 100 + 99] : [Number(written), Number(written)];
}

export function parseMethod(written: unknown): string | Refusal {
  const remedy = "Write a method, as GET or POST";
  if (typeof written !== "string" || !isToken(written)) return new Refusal("is not a method", remedy);
  const method = written.toUpperCase();
  return method === "CONNECT" || method === "TRACE" ? new Refusal("is never proxied", "Remove it: CONNECT and TRACE are refused on every route") : method;
}

/** `header:NAME`, `cookie:NAME`, `jwt:CLAIM` or `ip`. */
export function parseCohortSource(written: unknown): CohortSource | Refusal {
  const remedy = "Write header:NAME, cookie:NAME, jwt:CLAIM or ip";
  if (typeof written !== "string") return new Refusal("must be a source of the cohort key", remedy);
  if (written === "ip") return { kind: "ip" };
  const [, kind, name] = /^(header|cookie|jwt):(.+)$/.exec(written) ?? [];
  if (kind === undefined || name === undefined) return new Refusal("is not a source of the cohort key", remedy);
  if (kind === "jwt") return parseClaim(name) instanceof Refusal ? new Refusal("names no valid claim", "Write jwt:CLAIM without spaces, as jwt:sub") : { kind, claim: name };
  if (!isToken(name)) return new Refusal(`names no valid ${kind}`, "Use letters, digits and !#$%&'*+-.^_`|~ only (RFC 9110 section 5.6.2)");
  return kind === "header" ? { kind, name: name.toLowerCase() } : { kind: "cookie", name };
}

/** A JSON Pointer (RFC 6901) to at least one member; `*` is ours. */
export function parsePointer(written: unknown): string | Refusal {
  if (typeof written === "string" && /^(\/(?:[^~/]|~[01])*)+$/.test(written) && written.length <= 1_024) return written;
  return new Refusal("is not a JSON Pointer", "Write the way to the member, as /items/*/updatedAt; ~1 stands for a slash and ~0 for a tilde");
}

/** A day of the calendar, as `2026-12-20`. YAML 1.2 leaves it a text. */
export function parseDate(written: unknown): string | Refusal {
  const remedy = "Write a day, as 2026-12-20";
  if (typeof written !== "string" || !/^\d{4}-\d{2}-\d{2}$/.test(written)) return new Refusal("must be a date", remedy);
  const day = new Date(`${written}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(written) ? written : new Refusal("is not a day of the calendar", remedy);
}

export function parseClaim(written: unknown): string | Refusal {
  return typeof written === "string" && /^[!-~]{1,128}$/.test(written) ? written : new Refusal("is not a valid claim", "Write a claim's name without spaces, as sub or groups");
}
