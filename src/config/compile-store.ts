import { join, resolve } from "node:path";
import type { RedisServers, StoreSettings } from "./definition.ts";
import type { ConfigPath, Finding } from "./problem.ts";
import type { StoreDocument } from "./store-schema.ts";

/** @param base what relative paths start from */
export function compileStore(store: StoreDocument, base: string): StoreSettings {
  if (store.type === "memory") return { type: "memory" };
  if (store.type === "file") return { type: "file", directory: resolve(base, store.directory ?? ".ebbgate") };
  const { tls } = store;
  const file = (path: string | undefined): string | null => (path === undefined ? null : resolve(base, path));
  return {
    type: "redis",
    namespace: store.namespace,
    servers: servers(store),
    username: store.username ?? null,
    password: store.password ?? null,
    database: store.database,
    tls: tls === undefined ? null : { ca: file(tls.ca), certificate: file(tls.certificate), key: file(tls.key), serverName: tls.serverName ?? null },
    commandTimeoutMs: store.commandTimeout,
    replicas: store.replicas ?? (store.sentinel === undefined ? 0 : 1),
    cacheDirectory: resolve(base, store.cache ?? ".ebbgate"),
    audit: { recordsMax: store.audit.recordsMax, directory: resolve(base, store.audit.directory ?? join(store.cache ?? ".ebbgate", "audit")) },
  };
}

function servers({ address, sentinel, cluster }: Extract<StoreDocument, { type: "redis" }>): RedisServers {
  if (sentinel !== undefined) return { kind: "sentinel", sentinels: sentinel.addresses, master: sentinel.master, username: sentinel.username ?? null, password: sentinel.password ?? null };
  return cluster === undefined ? { kind: "single", address: address! } : { kind: "cluster", nodes: cluster };
}

/** What is wrong with a `store` whose parts are well-formed. */
export function storeFindings(store: StoreDocument): Finding[] {
  if (store.type !== "redis") return [];
  const findings: Finding[] = [];
  const find = (path: ConfigPath, message: string, remedy: string, atKey = false): void => void findings.push({ path: ["store", ...path], message, remedy, atKey });
  const given = (["address", "sentinel", "cluster"] as const).filter((key) => store[key] !== undefined);
  if (given.length === 0) find([], "does not say where Redis is", "Write address: host:port, or sentinel, or cluster");
  for (const key of given.slice(1)) find([key], `stands beside ${given[0]}`, "Keep one of address, sentinel and cluster", true);
  if (store.cluster !== undefined && store.database !== 0) find(["database"], "is not 0, but a cluster has no other", "Leave it out");
  if (store.cluster !== undefined && store.replicas !== undefined && store.replicas > 0) find(["replicas"], "cannot be waited for in a cluster", "Leave it out");
  if (store.username !== undefined && store.password === undefined) find(["username"], "has no password", "Add password: ${NAME}");
  if (store.sentinel?.username !== undefined && store.sentinel.password === undefined) find(["sentinel", "username"], "has no password", "Add password: ${NAME}");
  if (store.tls !== undefined && (store.tls.key === undefined) !== (store.tls.certificate === undefined)) {
    find(["tls"], "has only one of certificate and key", "Give both, or neither where the server asks for no certificate");
  }
  return findings;
}
