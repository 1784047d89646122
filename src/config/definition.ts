import type { GateRule, RouteGate } from "../core/gates.ts";
import type { LogLevel } from "../core/log.ts";
import type { Edit } from "./edition.ts";
import type { RolloutPlan } from "./rollout-plan.ts";
import type { AdminSettings, ProxySettings, TracingSettings } from "./settings.ts";
import type { EndpointAddress, JwtSettings, RouteSnapshot } from "./snapshot.ts";
import type { WebhookSettings } from "./webhook-settings.ts";

/**
 * A route as the document has it. The control thread makes a RouteSnapshot of it by adding what only it knows: the
 * allocation and since when, each variant's slot, and whether the route is judged now.
 */
export interface RouteDefinition extends Omit<RouteSnapshot, "allocation" | "variants" | "gates" | "judged" | "epoch" | "seen" | "goals" | "number"> {
  /** Index 0 is the baseline; the others keep the document's order. */
  readonly variants: readonly VariantDefinition[];
  readonly gates: readonly RouteGate[];
  readonly rollout: RolloutPlan | null;
}

export interface VariantDefinition {
  readonly name: string;
  readonly endpoints: readonly EndpointAddress[];
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Percent, a multiple of 0.001; null for the baseline (it takes what is left) and for a candidate that a rollout moves. */
  readonly weight: number | null;
  /** As written, or a hash of endpoints and headers: the quarantine's key. */
  readonly revision: string;
}

/** A gate as the document has it, with what people say about it. Null: it is not said. */
export interface GateDefinition {
  readonly name: string;
  readonly route: string;
  readonly variant: string;
  readonly description: string | null;
  readonly owner: string | null;
  readonly ticket: string | null;
  /** `2026-11-27` */
  readonly created: string | null;
  readonly sunset: string | null;
  readonly criteria: string | null;
  readonly rules: readonly GateRule[];
}

export interface GatePolicy {
  readonly mode: "enforce" | "warn";
  readonly require: readonly ("owner" | "description" | "ticket" | "created" | "sunset" | "criteria")[];
  /** Empty: anything. */
  readonly prefixes: readonly string[];
  readonly style: "kebab" | "any";
  /** From created to sunset; null: not bounded. */
  readonly lifeMaxMs: number | null;
  /** After which a gate is stale: at 100%, at 0%, without traffic. */
  readonly fullMs: number;
  readonly hiddenMs: number;
  readonly idleMs: number;
}

/** The compiled dynamic document. */
export interface DynamicConfiguration {
  readonly routes: readonly RouteDefinition[];
  readonly gates: readonly GateDefinition[];
  readonly policy: GatePolicy;
  readonly jwt: JwtSettings | null;
  /** What the gate policy misses where it only warns: a line each. */
  readonly warnings: readonly string[];
  /** SHA-256 of all that, in hex: documents that mean the same have the same, whatever their comments. */
  readonly hash: string;
}

/** The compiled bootstrap document. */
export interface BootstrapConfiguration {
  /** What a proxy thread is started with. */
  readonly proxy: ProxySettings;
  readonly admin: AdminSettings;
  /** Proxy threads. */
  readonly threads: number;
  readonly store: StoreSettings;
  readonly identity: IdentitySettings;
  readonly logLevel: LogLevel;
  readonly webhooks: WebhookSettings;
  /** What variants may name as endpoints; null: anything that is no metadata service. */
  readonly endpoints: readonly string[] | null;
  /** Null: requests are not traced. */
  readonly tracing: TracingConfiguration | null;
}

export interface TracingConfiguration {
  readonly settings: TracingSettings;
  /** Of the resource that the spans are of. */
  readonly serviceName: string;
  /** Null: spans are sent nowhere. */
  readonly export: { readonly url: string; readonly headers: readonly (readonly [name: string, value: string])[]; readonly timeoutMs: number } | null;
}

export type StoreSettings = { readonly type: "file"; /** Absolute. */ readonly directory: string } | { readonly type: "memory" } | RedisSettings;

export interface RedisSettings {
  readonly type: "redis";
  /** Every key is below `ebbgate:{<namespace>}:`. */
  readonly namespace: string;
  readonly servers: RedisServers;
  readonly username: string | null;
  readonly password: string | null;
  /** 0 in a cluster. */
  readonly database: number;
  readonly tls: TlsFiles | null;
  /** Of every command, its way there and back. */
  readonly commandTimeoutMs: number;
  /** Replicas that a write waits for, if there are so many; not in a cluster. */
  readonly replicas: number;
  /** Absolute: where the last good state of things is kept for a restart without Redis. */
  readonly cacheDirectory: string;
  /** Of the audit log; the directory is absolute, and each namespace has one below it. */
  readonly audit: { readonly recordsMax: number; readonly directory: string };
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export type RedisServers =
  | { readonly kind: "single"; readonly address: HostPort }
  | { readonly kind: "sentinel"; readonly sentinels: readonly HostPort[]; readonly master: string; readonly username: string | null; readonly password: string | null }
  | { readonly kind: "cluster"; readonly nodes: readonly HostPort[] };

/** Absolute paths of PEM files. */
export interface TlsFiles {
  /** Null: the system's authorities. */
  readonly ca: string | null;
  readonly certificate: string | null;
  readonly key: string | null;
  /** What the server's certificate has to be for; null: the host that is connected to. */
  readonly serverName: string | null;
}

export interface IdentitySettings {
  readonly instance: string;
  readonly region: string | null;
  readonly zone: string | null;
}

/** Everything that the configuration file says, and the files that it was read from. */
export interface Configuration {
  readonly bootstrap: BootstrapConfiguration;
  readonly dynamic: DynamicConfiguration;
  /** The dynamic document is in the store: until it has been read there are no routes. */
  readonly shared?: true;
  /** Absolute paths: the bootstrap file, and the dynamic one where it is a file of its own; or where in the store that is. */
  readonly files: readonly string[];
  /** Who has made each route what it is, newest edit first; absent: it is not known, as of a file. */
  readonly edits?: ReadonlyMap<string, readonly Edit[]>;
}

/** Of a sidecar that has not read its document yet. */
export const noDynamic: DynamicConfiguration = {
  routes: [], gates: [], jwt: null, warnings: [], hash: "",
  policy: { mode: "warn", require: [], prefixes: [], style: "any", lifeMaxMs: null, fullMs: 0, hiddenMs: 0, idleMs: 0 },
};
