import type { BucketRange } from "../core/buckets.ts";
import type { Closure, RouteGate } from "../core/gates.ts";

/**
 * The snapshot: the immutable compiled configuration that the control thread posts to each proxy thread. Plain data
 * (it crosses `postMessage`), every default filled in, every name resolved. A proxy thread swaps one reference to it
 * and captures it once per request.
 */
export interface Snapshot {
  /** Strictly increasing within one process; 1 is the first. Acknowledged by every thread. */
  readonly revision: number;
  /** Whose tokens are believed; absent or null: nobody's. */
  readonly jwt?: JwtSettings | null;
  readonly routes: readonly RouteSnapshot[];
}

export interface RouteSnapshot {
  readonly name: string;
  readonly match: RouteMatch;
  readonly cohort: CohortSnapshot;
  /** Index 0 is the baseline. */
  readonly variants: readonly VariantSnapshot[];
  /** Covers 0 ... 99,999 without gap or overlap, ascending. */
  readonly allocation: readonly BucketRange[];
  /** Safe requests that a candidate fails before the first byte are answered by the baseline. */
  readonly fallback: boolean;
  readonly timeouts: RouteTimeouts;
  /** Null: endpoints are judged by their traffic alone. */
  readonly health: HealthCheckSettings | null;
  readonly limits: RouteLimits;
  /** Null: the route starts a lane, whatever came in. */
  readonly lane: LaneSettings | null;
  /** Null: assets are requests like any other. */
  readonly assets: AssetSettings | null;
  /** Null: nothing is copied. */
  readonly mirror: MirrorSettings | null;
  /** In the document's order. */
  readonly gates: readonly GateSnapshot[];
  /** Present where a rollout runs: the route's strata are recorded for the judge. */
  readonly judged: boolean;
  /** The revision in which the weights, the variants or the cohort last changed: what is counted since is comparable. */
  readonly epoch: number;
  /** The cohorts that were seen since then (observe/cohort-set.ts); null: nobody asks, or there is no cohort key. */
  readonly seen: SharedArrayBuffer | null;
  /** What cohorts may reach, in the order of the rollout's conversion limits; at most `goalsMax`. */
  readonly goals: readonly GoalSnapshot[];
  /** What a custom limit reads from the service's answers; null: nothing. */
  readonly number: NumberSnapshot | null;
}

export interface GateSnapshot extends RouteGate {
  /** Null: its rules count. */
  readonly closed: Closure | null;
}

/** How tokens are verified (RFC 7519). */
export interface JwtSettings {
  /** Public keys; a private part never gets here. */
  readonly keys: readonly Readonly<Record<string, unknown>>[];
  /** Null: anything. */
  readonly issuer: string | null;
  readonly audience: string | null;
  readonly clockToleranceMs: number;
}

/** A number in a response header. */
export interface NumberSource {
  /** In lower case. */
  readonly header: string;
  readonly worse: "higher" | "lower";
}

export interface NumberSnapshot extends NumberSource {
  /** The cohorts whose number has been counted since the epoch began; null: each request is assigned by itself, so each number counts. */
  readonly counted: SharedArrayBuffer | null;
}

export interface GoalSnapshot {
  readonly goal: Goal;
  /** The cohorts that have reached it since the epoch began. */
  readonly reached: SharedArrayBuffer;
}

/** What counts as a conversion. */
export type Goal =
  /** A request of a cohort that was seen before, with an answer in this range of statuses. */
  | { readonly kind: "request"; /** Upper case; null: any. */ readonly method: string | null; readonly path: PathMatch; readonly statusFrom: number; readonly statusTo: number }
  /** A header of the service's answer; the name is in lower case, `value` null: whatever it says. */
  | { readonly kind: "header"; readonly name: string; readonly value: string | null };

/** A prefix matches on segment borders. */
export interface PathMatch {
  readonly kind: "prefix" | "exact";
  readonly value: string;
}

/** First match in document order wins. Every part that is present must match. */
export interface RouteMatch {
  /** Lower case, without port; `*.example.com` matches any depth below; empty: any host. */
  readonly hosts: readonly string[];
  /** A prefix matches on segment borders: `/api` matches `/api` and `/api/x`, never `/apix`. */
  readonly path: PathMatch;
  /** Upper case; empty: any method. */
  readonly methods: readonly string[];
  /** Lower-case names; `value` null: present with any value. */
  readonly headers: readonly { readonly name: string; readonly value: string | null }[];
}

/** Where the cohort key comes from; sources are tried in order. */
export type CohortSource =
  | { readonly kind: "header"; readonly name: string }
  | { readonly kind: "cookie"; readonly name: string }
  | { readonly kind: "jwt"; readonly claim: string }
  | { readonly kind: "ip" };

export interface CohortSnapshot {
  /** `random` assigns each request on its own, without stickiness (JUDGE 10). */
  readonly mode: "key" | "random";
  readonly sources: readonly CohortSource[];
  readonly salt: string;
  /** A cookie that carries the cohort key of a client who has none of the sources. */
  readonly sticky: { readonly cookie: string; readonly maxAgeSeconds: number } | null;
}

export interface VariantSnapshot {
  readonly name: string;
  readonly endpoints: readonly EndpointAddress[];
  /** Set on the forwarded request; names in lower case; values without CR, LF, NUL. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** This variant's slot in the slab (see observe/layout.ts). */
  readonly slot: number;
}

/** One address of a variant. `id` is its text (`http://127.0.0.1:3001`, `unix:/run/app.sock`). */
export type EndpointAddress =
  | { readonly id: string; readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly id: string; readonly kind: "unix"; readonly path: string };

/** All in milliseconds; 0 switches one off. */
export interface RouteTimeouts {
  readonly connectMs: number;
  readonly firstByteMs: number;
  /** Without progress in either direction of a body. */
  readonly idleMs: number;
  /** Of the whole exchange; not applied to upgraded connections. */
  readonly totalMs: number;
  /** How long a request may wait for a free upstream connection. */
  readonly pendingMs: number;
  /** An upgraded (WebSocket) connection without traffic. */
  readonly tunnelIdleMs: number;
}

/** A GET that every endpoint of the route is asked; 2xx and 3xx are good answers. */
export interface HealthCheckSettings {
  /** Origin-form, starting with a slash. */
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Failures in a row after which an endpoint gets no traffic. */
  readonly unhealthyAfter: number;
  /** Good answers in a row after which it gets traffic again. */
  readonly healthyAfter: number;
}

/** Inbound lanes of trusted peers are kept, and followed where they have a variant here. */
export interface LaneSettings {
  /** Lane and variant; null: each lane to the variant of the same name. */
  readonly join: readonly (readonly [lane: string, variant: string])[] | null;
}

/** What belongs to a page, and comes from the page's version. */
export interface AssetSettings {
  /** Beside what the browser itself calls an asset. */
  readonly paths: readonly PathMatch[];
  /** Null: `ebbgate-page-` and the route's name. */
  readonly cookie: string | null;
}

/** A share of the baseline's safe requests goes to a variant a second time; nobody waits for it. */
export interface MirrorSettings {
  readonly variant: string;
  /** 0 ... 1. */
  readonly share: number;
  readonly timeoutMs: number;
  readonly compareBodies: boolean;
  readonly bodyBytesMax: number;
  /** JSON Pointers; `*` stands for any member. */
  readonly ignore: readonly string[];
  /** A copy that takes more than `times` as long, and at least `floorMs` longer, differs; null: never for its time. */
  readonly slower: { readonly times: number; readonly floorMs: number } | null;
  readonly logBodies: boolean;
  readonly concurrencyMax: number;
}

export interface RouteLimits {
  /** 0: unlimited. */
  readonly requestBodyBytesMax: number;
  readonly connectionsPerEndpointMax: number;
  readonly pendingPerEndpointMax: number;
}
