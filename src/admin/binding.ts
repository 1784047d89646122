/** Where the admin server may listen, and under which names it answers. */
import { BlockList, isIP } from "node:net";
import type { AdminSettings } from "../config/settings.ts";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

export function isLoopback(host: string): boolean {
  const family = isIP(host);
  return family === 0 ? host === "localhost" : loopback.check(host, family === 4 ? "ipv4" : "ipv6");
}

/** @throws Error that names the field, the value and the remedy */
export function requireSafeBinding({ host, tls, tokens, allowRemoteWithoutTls }: AdminSettings): void {
  if (isLoopback(host)) return;
  const reached = `admin.address: ${host} can be reached from other machines`;
  if (tls === undefined && !allowRemoteWithoutTls) {
    throw new Error(`${reached}, and there is no admin.tls. Use 127.0.0.1; or add admin.tls and admin.tokens; or set admin.allowRemoteWithoutTls: true where nobody else can listen on that network.`);
  }
  if (tls !== undefined && tokens === undefined && tls.clientRoles.length === 0) {
    throw new Error(`${reached}, and nobody could be told from anybody. Add admin.tokens, or admin.tls.clientCa with clientRoles.`);
  }
}

/**
 * Whether a Host header may be answered. DNS rebinding makes a page in the operator's browser speak to a loopback
 * address under a name of the attacker's: so a name must be known, while an IP address cannot be rebound.
 */
export function hostIsAllowed(host: string | undefined, settings: Pick<AdminSettings, "hostNames">): boolean {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/@]+))(?::\d{1,5})?$/.exec(host ?? "");
  if (parts === null) return false;
  if (parts[1] !== undefined) return isIP(parts[1]) === 6;
  const name = parts[2]!.toLowerCase();
  return isIP(name) === 4 || name === "localhost" || name.endsWith(".localhost") || settings.hostNames.includes(name);
}
