/**
 * Finds a request's bucket: its cohort key's hash slot, or a random one where the route assigns each request on its own, or
 * where the request has no key. So 0% is no request and 100% is every request, with or without a key.
 */
import { bucketCount } from "../core/buckets.ts";
import type { RouteSnapshot } from "../config/snapshot.ts";
import type { RequestHead } from "../http1/request-head.ts";
import { bucketOfHash, cohortHash, shardCount, shardOfHash, type CohortHash } from "../split/bucket.ts";
import { compileCohortKey, type CohortKeyResolver, type CohortKeySource } from "../split/cohort-key.ts";
import { StickyCookie } from "../split/sticky-cookie.ts";
import type { Exchange } from "./exchange.ts";

export interface Cohort {
  /** Null: each request is assigned at random (JUDGE 10). */
  readonly keyOf: CohortKeyResolver | null;
  readonly salt: CohortHash;
  readonly sticky: StickyCookie | null;
}

/** Routes that look for the key in the same places share what looks there: of a thousand routes it is near when it is asked. */
export type Resolvers = Map<string, CohortKeyResolver>;

export function compileCohort(route: RouteSnapshot, resolvers: Resolvers = new Map()): Cohort {
  const { cohort } = route;
  return {
    keyOf: cohort.mode === "random" ? null : resolverOf(cohort.sources, resolvers),
    salt: cohortHash(cohort.salt),
    sticky: cohort.sticky === null ? null : new StickyCookie(cohort.sticky),
  };
}

function resolverOf(sources: readonly CohortKeySource[], known: Resolvers): CohortKeyResolver {
  const id = JSON.stringify(sources);
  const resolver = known.get(id) ?? compileCohortKey(sources);
  known.set(id, resolver);
  return resolver;
}

/**
 * Sets the exchange's bucket, shard and reason: `weighted`, or `default` for a request without a cohort key.
 * @returns the cohort key: personal data, to be used within the call; undefined where there is none
 */
export function assignCohort(exchange: Exchange, head: RequestHead, clientIp: string): string | undefined {
  const { keyOf, salt, sticky } = exchange.route;
  exchange.reason = "weighted";
  if (keyOf === null) return assignAtRandom(exchange);
  const key = keyOf(head, clientIp) ?? (sticky === null ? undefined : stickyKey(exchange, sticky, head));
  if (key === undefined) {
    exchange.reason = "default";
    return assignAtRandom(exchange);
  }
  const hash = salt.hash(key);
  exchange.bucket = bucketOfHash(hash);
  exchange.shard = shardOfHash(hash);
  exchange.client = hash;
  return key;
}

function assignAtRandom(exchange: Exchange): undefined {
  const { random } = exchange.context;
  exchange.bucket = Math.floor(random() * bucketCount);
  exchange.shard = Math.floor(random() * shardCount);
}

function stickyKey(exchange: Exchange, sticky: StickyCookie, head: RequestHead): string {
  const known = sticky.keyOf(head);
  if (known !== undefined) return known;
  const fresh = sticky.fresh();
  exchange.setCookie = `set-cookie: ${fresh.setCookie}\r\n`;
  return fresh.key;
}
