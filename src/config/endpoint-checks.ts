/** Where a dynamic document may send users (PITFALLS 28): whoever may publish one decides about routes, not about every address that this machine reaches. */
import { BlockList, isIP } from "node:net";
import { addBlock, isNeverCalled, plainAddress } from "../core/addresses.ts";
import type { PlacedRoute } from "./dynamic-checks.ts";
import { parseHost, parsePeer } from "./notation.ts";
import type { Finding } from "./problem.ts";
import { Refusal } from "./scalars.ts";
import type { EndpointAddress } from "./snapshot.ts";

/** An address, a block, a name, `*.name`, or `unix:/path` (with a final slash: all below). */
export function parseAllowedEndpoint(written: unknown): string | Refusal {
  if (typeof written !== "string") return new Refusal("must be a text", "Write an address, a block, a host name, *.name or unix:/path");
  if (written.startsWith("unix:")) return written.startsWith("unix:/") ? written : new Refusal("is not an absolute path", "Write unix:/path/to/socket, or unix:/path/ for all below");
  return isIP(written.split("/")[0]!) === 0 ? parseHost(written) : parsePeer(written);
}

/** @param allow of the bootstrap document; null: anything that is no metadata service */
export function endpointFindings(allow: readonly string[] | null, routes: readonly PlacedRoute[]): Finding[] {
  const list = allow === null ? null : new AllowList(allow);
  return routes.flatMap(({ route, path }) =>
    route.variants.flatMap((variant, v) =>
      (variant.endpoints ?? []).flatMap((endpoint, e): Finding[] => {
        const at = [...path, "variants", v, "endpoints", e];
        if (endpoint.kind === "tcp" && isIP(endpoint.host) !== 0 && isNeverCalled(endpoint.host)) return [{ path: at, message: "is a link-local, metadata or multicast address", remedy: "Write the service's own address" }];
        if (list === null || list.has(endpoint)) return [];
        return [{ path: at, message: "is not in endpoints.allow of the bootstrap document", remedy: "Write an endpoint that is, or have the list extended by whoever runs the sidecar" }];
      }),
    ),
  );
}

class AllowList {
  private readonly blocks = new BlockList();
  private readonly names: readonly string[];

  constructor(allow: readonly string[]) {
    for (const one of allow) if (isIP(one.split("/")[0]!) !== 0) addBlock(this.blocks, one);
    this.names = allow.filter((one) => isIP(one.split("/")[0]!) === 0);
  }

  has(endpoint: EndpointAddress): boolean {
    if (endpoint.kind === "unix") return this.names.some((one) => one === endpoint.id || (one.endsWith("/") && endpoint.id.startsWith(one) && !endpoint.id.includes("/../")));
    const family = isIP(endpoint.host);
    if (family !== 0) {
      const plain = plainAddress(endpoint.host);
      return this.blocks.check(plain, isIP(plain) === 6 ? "ipv6" : "ipv4");
    }
    return this.names.some((one) => (one.startsWith("*.") ? endpoint.host.endsWith(one.slice(1)) : one === endpoint.host));
  }
}
