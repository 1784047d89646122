/** Where an IP address leads: what must never be called, and what is everybody's network. */
import { BlockList, isIP, isIPv4, isIPv6 } from "node:net";

/** Each family has a list of its own: one list would hold IPv4 addresses against blocks that cover their IPv6 coat. */
interface Blocks {
  readonly ipv4: BlockList;
  readonly ipv6: BlockList;
}

const familyOf = (address: string): keyof Blocks => (isIPv6(address) ? "ipv6" : "ipv4");

function listOf(blocks: readonly string[]): Blocks {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const block of blocks) addBlock(lists[familyOf(block.split("/")[0]!)], block);
  return lists;
}

/** @param written an address, or a block as `10.0.0.0/8` */
export function addBlock(list: BlockList, written: string): void {
  const [address, bits] = written.split("/") as [string, string | undefined];
  if (bits === undefined) list.addAddress(address, familyOf(address));
  else list.addSubnet(address, Number(bits), familyOf(address));
}

/**
 * Metadata services of clouds, link-local addresses (RFC 3927, RFC 4291 section 2.5.6) where they live, multicast, broadcast and
 * "this network": no list allows them. The last three are AWS over IPv6, Alibaba and Oracle.
 */
const never = listOf([
  "0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "::/128", "fe80::/10", "ff00::/8", "fd00:ec2::/32", "100.100.100.200", "192.0.0.192",
]);

/** Not the public internet (RFC 6890), and prefixes that carry an IPv4 address inside an IPv6 one (RFC 6052, RFC 3056, RFC 4380), which could be any. */
const special = listOf([
  "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
  "198.51.100.0/24", "203.0.113.0/24", "::/8", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fc00::/7", "fec0::/10",
]);

const has = (lists: Blocks, address: string): boolean => lists[familyOf(address)].check(address, familyOf(address));

/** An IPv4 address in an IPv6 coat (`::ffff:a.b.c.d`) is the IPv4 address. @param address any IP address */
export function plainAddress(address: string): string {
  if (!isIPv6(address)) return address;
  const written = new URL(`http://[${address.split("%")[0]}]/`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(written) ?? [];
  if (high === undefined || low === undefined) return written;
  const bits = (Number.parseInt(high, 16) * 65_536 + Number.parseInt(low, 16)) >>> 0;
  return [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join(".");
}

/** @param address any IP address, without an IPv6 coat; a name is none */
export const isLoopback = (address: string): boolean => address === "::1" || (isIPv4(address) && address.startsWith("127."));

/** Whether no list may allow it, whoever asks. @param address any IP address */
export const isNeverCalled = (address: string): boolean => has(never, plainAddress(address));

/** Why an address may not be called; null: it may. @param allowed what may be called beside the public internet */
export function addressRefusal(address: string, allowed: BlockList): string | null {
  if (isIP(address) === 0) return "is not an IP address";
  const plain = plainAddress(address);
  if (has(never, plain)) return "is a link-local, metadata or multicast address, which is never called";
  return !has(special, plain) || allowed.check(plain, familyOf(plain)) ? null : "is not a public address, and webhooks.allow does not have it";
}
