import { isIPv4 } from "node:net";
import { networkInterfaces } from "node:os";
import { isLoopback, plainAddress } from "../core/addresses.ts";
import type { BootstrapDocument } from "./bootstrap-schema.ts";
import type { PlacedRoute } from "./dynamic-checks.ts";
import type { Address } from "./notation.ts";
import type { ConfigPath, Finding } from "./problem.ts";
import type { NamedTarget } from "./target-checks.ts";

/** What is wrong with a bootstrap document although each of its parts is well-formed. */
export function bootstrapFindings(bootstrap: Pick<BootstrapDocument, "listeners" | "admin">): Finding[] {
  const findings: Finding[] = [];
  const taken: { readonly address: Address; readonly what: string }[] = [];
  for (const [index, { name, address }] of bootstrap.listeners.entries()) {
    if (bootstrap.listeners.slice(0, index).some((other) => other.name === name)) {
      findings.push({ path: ["listeners", index, "name"], message: "is the name of an earlier listener", remedy: "Give each listener its own name" });
    }
    const clash = taken.find((other) => overlap(other.address, address));
    if (clash !== undefined) findings.push({ path: ["listeners", index, "address"], message: `is taken by ${clash.what}`, remedy: "Use another port" });
    taken.push({ address, what: `listener '${name}'` });
  }
  const { address } = bootstrap.admin;
  const clash = taken.find((other) => overlap(other.address, address));
  if (clash !== undefined) findings.push({ path: ["admin", "address"], message: `is taken by ${clash.what}`, remedy: "Use another port" });
  return [...findings, ...adminFindings(bootstrap.admin)];
}

/** What keeps strangers out of an admin API that they can reach. */
function adminFindings({ address, allowRemoteWithoutTls, tokens, tls }: BootstrapDocument["admin"]): Finding[] {
  const findings: Finding[] = [];
  const find = (path: ConfigPath, message: string, remedy: string): void => void findings.push({ path: ["admin", ...path], message, remedy });
  for (const [index, { fingerprint, subject }] of (tls?.clientRoles ?? []).entries()) {
    if ((fingerprint === undefined) === (subject === undefined)) find(["tls", "clientRoles", index], "does not say whose certificate it is in one way", "Write fingerprint or subject, one of them");
  }
  if (tls !== undefined && tls.clientRoles.length > 0 && tls.clientCa === undefined) find(["tls", "clientRoles"], "stands without clientCa, so no certificate is ever asked for", "Add clientCa: the PEM file of the authority that signs them");
  if (isLoopback(address.host)) return findings;
  if (tls === undefined && !allowRemoteWithoutTls) {
    find(["address"], "is not on loopback, and there is no admin.tls", "Write 127.0.0.1; or add tls and tokens beside it; or set allowRemoteWithoutTls: true if nobody else can listen on that network");
  }
  if (tls !== undefined && tokens === undefined && tls.clientRoles.length === 0) find(["address"], "is not on loopback, and nobody could be told from anybody", "Add tokens: PATH beside it, or tls.clientCa with clientRoles");
  return findings;
}

/** What a sidecar listens on. */
export interface OwnAddresses {
  readonly listeners: readonly { readonly name: string; readonly address: Address }[];
  readonly admin: { readonly address: Address };
  /** Whom its playbooks and external gates may name. */
  readonly targets: readonly NamedTarget[];
  /** What endpoints may be; null: anything. */
  readonly endpoints: readonly string[] | null;
}

/** Endpoints that lead back into this sidecar: a listener would be a loop, the admin API would be open to every client. */
export function selfEndpointFindings(bootstrap: Omit<OwnAddresses, "targets" | "endpoints">, routes: readonly PlacedRoute[]): Finding[] {
  const own = [...bootstrap.listeners.map(({ name, address }) => ({ address, what: `listener '${name}'` })), { address: bootstrap.admin.address, what: "the admin API" }];
  const findings: Finding[] = [];
  for (const { route, path } of routes) {
    for (const [v, variant] of route.variants.entries()) {
      for (const [e, endpoint] of (variant.endpoints ?? []).entries()) {
        if (endpoint.kind !== "tcp") continue;
        const host = endpoint.host === "localhost" ? "127.0.0.1" : plainAddress(endpoint.host);
        const hit = own.find(({ address }) => address.port === endpoint.port && leadsTo(host, address.host));
        if (hit !== undefined) {
          findings.push({ path: [...path, "variants", v, "endpoints", e], message: `is ${hit.what} of this sidecar`, remedy: "Write the service's own address" });
        }
      }
    }
  }
  return findings;
}

function overlap(a: Address, b: Address): boolean {
  if (a.port === 0 || a.port !== b.port) return false;
  return a.host === b.host || isWildcard(a.host, b.host) || isWildcard(b.host, a.host);
}

/** `::` takes IPv4 too on most systems; `0.0.0.0` takes only IPv4. */
function isWildcard(host: string, other: string): boolean {
  return host === "::" || (host === "0.0.0.0" && isIPv4(other));
}

function leadsTo(host: string, listening: string): boolean {
  if (listening !== "0.0.0.0" && listening !== "::") return host === plainAddress(listening);
  return host === listening || isLoopback(host) || host === "0.0.0.0" || host === "::" || Object.values(networkInterfaces()).some((of) => of?.some(({ address }) => plainAddress(address) === host));
}
