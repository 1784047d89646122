/** Makes connections: single, Sentinel or Cluster, with TLS and ACL. No command ever waits for a connection. */
import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { Cluster, Redis, type RedisOptions } from "ioredis";
import type { HostPort, RedisSettings, TlsFiles } from "../../config/definition.ts";
import type { Random } from "../../core/random.ts";
import { backoffMs } from "./backoff.ts";

export type RedisClient = Redis | Cluster;

/** Establishing a connection, the TLS handshake included. */
export const connectTimeoutMs = 2_000;
/** What a connection that is given up may still take to end by itself; also the time that a process outlives its store's end where Redis is away. */
const disconnectTimeoutMs = 200;

/** For commands. It reconnects by itself; what was asked and not answered before is never sent again. */
export function commandClient(settings: RedisSettings, random: Random): RedisClient {
  const retry = (attempt: number): number => backoffMs(attempt, random);
  if (settings.servers.kind !== "cluster") return new Redis({ ...connection(settings), ...where(settings), retryStrategy: retry, reconnectOnError });
  return new Cluster([...settings.servers.nodes], {
    redisOptions: { ...connection(settings), reconnectOnError },
    clusterRetryStrategy: retry,
    clusterNodeRetryStrategy: retry,
    enableOfflineQueue: false,
    lazyConnect: true,
    slotsRefreshTimeout: connectTimeoutMs,
    retryDelayOnFailover: 100,
    // A name in a certificate is checked against what is dialled: it must not become an address before.
    dnsLookup: (address, callback) => callback(null, address),
  });
}

/** For a subscription: one connection that ends when it is lost. @param node of a cluster, where any will do */
export function subscriberClient(settings: RedisSettings, node: HostPort | undefined): Redis {
  const target = node ?? where(settings);
  return new Redis({ ...connection(settings), ...target, retryStrategy: null, autoResubscribe: false, ...(settings.servers.kind === "sentinel" ? { sentinelRetryStrategy: () => null, failoverDetector: false } : {}) });
}

function connection(settings: RedisSettings): RedisOptions {
  const { username, password, database, commandTimeoutMs } = settings;
  return {
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: commandTimeoutMs,
    connectTimeout: connectTimeoutMs,
    disconnectTimeout: disconnectTimeoutMs,
    connectionName: "ebbgate",
    db: database,
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    ...(settings.tls === null ? {} : { tls: tlsOptions(settings.tls) }),
  };
}

function where({ servers, tls }: RedisSettings): RedisOptions {
  if (servers.kind === "single") return servers.address;
  if (servers.kind === "cluster") return servers.nodes[0]!;
  return {
    sentinels: [...servers.sentinels],
    name: servers.master,
    failoverDetector: true,
    sentinelCommandTimeout: connectTimeoutMs,
    ...(servers.username === null ? {} : { sentinelUsername: servers.username }),
    ...(servers.password === null ? {} : { sentinelPassword: servers.password }),
    ...(tls === null ? {} : { enableTLSForSentinelMode: true, sentinelTLS: tlsOptions(tls) }),
  };
}

/** After a failover the old master may answer as a replica: the right one is asked for anew, the command is not sent again. */
const reconnectOnError = (error: Error): boolean => error.message.startsWith("READONLY");

/** @throws Error where a file cannot be read */
function tlsOptions({ ca, certificate, key, serverName }: TlsFiles): ConnectionOptions {
  return {
    ...(ca === null ? {} : { ca: readFileSync(ca) }),
    ...(certificate === null ? {} : { cert: readFileSync(certificate) }),
    ...(key === null ? {} : { key: readFileSync(key) }),
    ...(serverName === null ? {} : { servername: serverName }),
  };
}
