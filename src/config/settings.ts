/**
 * What a proxy thread is started with: the compiled bootstrap document, read once. Plain data (it crosses
 * `workerData`). Every limit carries its unit in its name.
 */
export interface ProxySettings {
  readonly listeners: readonly ListenerSettings[];
  readonly limits: ProxyLimits;
  readonly accessLog: AccessLogSettings;
  /** Null: trace contexts pass as they are. */
  readonly tracing: TracingSettings | null;
  /** This proxy's pseudonym in `Via`; a request that carries it has looped (RFC 9110 section 7.6.3). */
  readonly viaName: string;
  /** The sidecar's; null: it has none. */
  readonly region: string | null;
  /** Where the admin API listens: no endpoint leads there, whatever its name says. Absent: nowhere. */
  readonly admin?: { readonly host: string; readonly port: number };
}

export interface ListenerSettings {
  readonly name: string;
  /** An IP address; `0.0.0.0` and `::` are every interface. */
  readonly host: string;
  /** 0 takes a free port, which the acknowledgement names. */
  readonly port: number;
  /** CIDR blocks or addresses whose forwarding headers (X-Forwarded-*, Forwarded, ebbgate-*) are believed. */
  readonly trustedPeers: readonly string[];
}

/** What they may do is in src/admin/api/roles.ts. */
export const adminRoles = ["viewer", "operator", "approver", "admin"] as const;
export type AdminRole = (typeof adminRoles)[number];

export interface AdminSettings {
  /** An IP address. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** The operator's word that everybody who reaches an address off loopback may read what it says. */
  readonly allowRemoteWithoutTls: boolean;
  /** Names beside IP addresses and `localhost` that a request's Host may carry, in lower case. */
  readonly hostNames: readonly string[];
  /** Absolute path of the tokens file; absent: there are no tokens. */
  readonly tokens?: string;
  /** Absent: plain HTTP. */
  readonly tls?: AdminTls;
}

export interface AdminTls {
  /** Absolute paths of PEM files, read anew when they change. */
  readonly certificate: string;
  readonly key: string;
  /** Null: no client shows a certificate. */
  readonly clientCa: string | null;
  readonly clientRoles: readonly ClientRole[];
}

/** Whom a client's certificate shows. */
export interface ClientRole {
  readonly name: string;
  readonly role: AdminRole;
  /** SHA-256 of the certificate, in upper-case hex without colons; null where the subject decides. */
  readonly fingerprint: string | null;
  /** As RFC 4514 writes it, `CN=alice,O=Shop`. */
  readonly subject: string | null;
}

export interface AccessLogSettings {
  readonly enabled: boolean;
  /** Share of requests that are logged, 0 ... 1. Failed ones are always logged. */
  readonly sample: number;
}

export interface TracingSettings {
  /** Shares of the traces that begin here that are sampled, 0 ... 1. */
  readonly sample: number;
  readonly sampleCandidates: number;
  /** Contexts of peers that are not trusted are not continued. */
  readonly trustedOnly: boolean;
  /** Spans are told of. */
  readonly exported: boolean;
}

export interface ProxyLimits {
  readonly connectionsMax: number;
  readonly headBytesMax: number;
  readonly headersMax: number;
  readonly targetBytesMax: number;
  /** Of a chunk-size line, extensions included. */
  readonly chunkLineBytesMax: number;
  readonly trailerBytesMax: number;
  /** 1xx responses that one exchange may forward. */
  readonly interimResponsesMax: number;
  /** From the first byte of a head (or the accept) to its end. */
  readonly headTimeoutMs: number;
  /** A downstream connection without a request. */
  readonly keepAliveTimeoutMs: number;
  /** An idle upstream connection; stays below the service's own idle timeout (Node's default is 5 s). */
  readonly upstreamKeepAliveMs: number;
  readonly upstreamIdlePerEndpointMax: number;
  /** After SIGTERM: readiness fails, but connections are still accepted for this long. */
  readonly drainDelayMs: number;
  /** After the drain delay: what is still in flight then is cut, and the exit status says so. */
  readonly drainTimeoutMs: number;
}

export const defaultProxyLimits: ProxyLimits = {
  connectionsMax: 10_000,
  headBytesMax: 32_768,
  headersMax: 128,
  targetBytesMax: 8_192,
  chunkLineBytesMax: 256,
  trailerBytesMax: 8_192,
  interimResponsesMax: 32,
  headTimeoutMs: 10_000,
  keepAliveTimeoutMs: 65_000,
  upstreamKeepAliveMs: 4_000,
  upstreamIdlePerEndpointMax: 256,
  drainDelayMs: 0,
  drainTimeoutMs: 30_000,
};
