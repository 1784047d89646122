/** Where the admin server may listen, and whom it answers: its only protection until tokens and TLS are there. */
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
export function requireSafeBinding(settings: AdminSettings): void {
  if (isLoopback(settings.host) || settings.allowRemoteWithoutTls) return;
  throw new Error(
    `admin.address: ${settings.host} can be reached from other machines, and the admin API has neither TLS nor tokens yet. ` +
      "Use 127.0.0.1, or set admin.allowRemoteWithoutTls: true where everybody on that network may read it.",
  );
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
