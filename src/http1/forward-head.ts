/**
 * Makes the request head that goes upstream from the one that came in: hop-by-hop fields out (RFC 9110 section 7.6.1),
 * fields that only a trusted peer may set out or extended, everything else byte for byte as it was.
 */
import { isUntouchable, kind } from "./field-kinds.ts";
import type { RequestHead } from "./request-head.ts";

/** What is the same for every request of one downstream connection. */
export interface Forwarding {
  /** The peer's address as X-Forwarded-For has it. */
  readonly clientIp: string;
  readonly scheme: "http" | "https";
  /** Whether the peer's own forwarding fields are believed and extended, or replaced. */
  readonly trusted: boolean;
  /** Whether an address in X-Forwarded-For is one of ours, so that the client is further left. */
  readonly trusts: (address: string) => boolean;
  /** `via: 1.1 name CR LF` */
  readonly viaLine: string;
  /** X-Forwarded-For and -Proto lines for a peer that has sent none, made once for the connection. */
  readonly lines: string;
  /** All that is added to a usual request with this authority, made when the authority changes: a client seldom does that. */
  usualAuthority: string;
  usualLines: string;
}

export function makeForwarding(clientIp: string, scheme: "http" | "https", trusts: (address: string) => boolean, viaName: string): Forwarding {
  const trusted = trusts(clientIp);
  const viaLine = `via: 1.1 ${viaName}\r\n`;
  return { clientIp, scheme, trusted, trusts, viaLine, lines: `x-forwarded-for: ${clientIp}\r\nx-forwarded-proto: ${scheme}\r\n`, usualAuthority: "", usualLines: "" };
}

/** The client's address: the peer's own, or the rightmost in X-Forwarded-For that no trusted peer has. */
export function clientAddress(head: RequestHead, forwarding: Forwarding): string {
  if (!forwarding.trusted) return forwarding.clientIp;
  const hops = head.all("x-forwarded-for").flatMap((value) => value.split(",")).map((hop) => hop.trim()).filter((hop) => hop !== "");
  for (let i = hops.length - 1; i >= 0; i--) if (!forwarding.trusts(hops[i]!)) return hops[i]!;
  return hops[0] ?? forwarding.clientIp;
}

/**
 * @param setNames lower-case names that the variant sets, and so takes out here
 * @param upgrade the protocols to offer upstream, or "" when the request is no upgrade
 * @param replaced kinds that are left out, since the caller writes its own: bit k stands for kind k
 * @returns request line and fields, without what the variant adds and without the closing empty line
 */
export function forwardHead(head: RequestHead, forwarding: Forwarding, setNames: readonly string[], upgrade: string, replaced = 0): string {
  const { text, kinds } = head;
  // A request line that is ours already travels with the first fields, as one piece.
  const asItIs = head.minor === 1 && !head.absolute && head.lineStart === 0;
  let out = asItIs ? "" : `${head.method} ${head.target} HTTP/1.1\r\n`;
  if (head.absolute) out += `host: ${head.authority}\r\n`;
  let runStart = asItIs ? 0 : head.fieldsStart;
  for (let i = 0; i < head.count; i++) {
    const k = kinds[i]!;
    if (k === kind.other ? !isNamed(head, i, setNames) : (replaced & (1 << k)) === 0 && passes(head, i, k, forwarding.trusted, setNames)) continue;
    if (head.nameStart[i]! > runStart) out += text.slice(runStart, head.nameStart[i]);
    runStart = head.lineEnd(i);
  }
  if (head.fieldsEnd > runStart) out += text.slice(runStart, head.fieldsEnd);
  if (head.minor === 1 && upgrade === "" && (head.kindMask & unusual) === 0 && !head.connectionNamesTe) return out + usualLines(head.authority, forwarding);
  out += forwarding.trusted && head.has(kind.xForwarded) ? extendedLines(head, forwarding) : `${forwarding.lines}x-forwarded-host: ${head.authority}\r\n`;
  if (head.has(kind.forwarded)) out += forwardedLine(head, forwarding);
  // RFC 9110 section 7.6.3: the version that was received.
  out += head.minor === 1 ? forwarding.viaLine : forwarding.viaLine.replace("1.1", "1.0");
  if (upgrade !== "") return `${out}connection: upgrade\r\nupgrade: ${upgrade}\r\n`;
  if (head.connectionNamesTe && head.all("te").some((te) => /(?:^|,)\s*trailers\s*(?:,|$)/i.test(te))) out += "connection: te\r\nte: trailers\r\n";
  return out;
}

/** Fields that have a say in what is added. */
const unusual = (1 << kind.xForwarded) | (1 << kind.forwarded);

function usualLines(authority: string, forwarding: Forwarding): string {
  if (authority !== forwarding.usualAuthority) {
    forwarding.usualAuthority = authority;
    forwarding.usualLines = `${forwarding.lines}x-forwarded-host: ${authority}\r\n${forwarding.viaLine}`;
  }
  return forwarding.usualLines;
}

function passes(head: RequestHead, i: number, k: number, trusted: boolean, setNames: readonly string[]): boolean {
  switch (k) {
    case kind.host:
      return !head.absolute;
    case kind.contentLength:
    case kind.transferEncoding:
    case kind.trailer:
    case kind.via:
      return true;
    case kind.traceparent:
    case kind.tracestate:
      return !isNamed(head, i, setNames);
    case kind.expect:
      return head.minor === 1;
    case kind.ebbgate:
      // The proxy writes its own decision: two answers to which variant a request has would be none.
      return trusted && !head.named(i, "ebbgate-variant") && !head.named(i, "ebbgate-bucket");
    default:
      return false;
  }
}

function isNamed(head: RequestHead, i: number, setNames: readonly string[]): boolean {
  for (const name of setNames) if (head.named(i, name)) return true;
  if (head.connectionNames === null) return false;
  const name = head.name(i);
  return head.connectionNames.includes(name) && !isUntouchable(name);
}

/** From a trusted peer: its list with its own address at the end; its scheme and host stand. */
function extendedLines(head: RequestHead, forwarding: Forwarding): string {
  const addresses = [...head.all("x-forwarded-for"), forwarding.clientIp].join(", ");
  const proto = head.get("x-forwarded-proto") ?? forwarding.scheme;
  const host = head.get("x-forwarded-host") ?? head.authority;
  let lines = `x-forwarded-for: ${addresses}\r\nx-forwarded-proto: ${proto}\r\nx-forwarded-host: ${host}\r\n`;
  for (const name of ["x-forwarded-port", "x-forwarded-prefix", "x-real-ip"]) {
    const value = head.get(name);
    if (value !== undefined) lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

/** RFC 7239, written only for requests that use it. */
function forwardedLine(head: RequestHead, forwarding: Forwarding): string {
  const node = forwarding.clientIp.includes(":") ? `"[${forwarding.clientIp}]"` : forwarding.clientIp;
  const own = `for=${node};host="${head.authority}";proto=${forwarding.scheme}`;
  return `forwarded: ${forwarding.trusted ? [...head.all("forwarded"), own].join(", ") : own}\r\n`;
}
