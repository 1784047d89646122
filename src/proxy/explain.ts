/**
 * What the proxy would decide about a request, and why: the steps of begin.ts (match route, cohort bucket, gates, allocation, lane, page) by the same functions, without
 * an exchange. For the command line, the admin API and OFREP; not for the request path.
 */
import { bucketCount } from "../core/buckets.ts";
import type { RoutingReason } from "../core/reasons.ts";
import type { RouteSnapshot, Snapshot } from "../config/snapshot.ts";
import { bucketOfHash } from "../split/bucket.ts";
import type { Claims, ClaimsOf } from "../split/claims.ts";
import { explainGates, type GateExplanation } from "../split/explain-gates.ts";
import { RuleBook } from "../split/gate-book.ts";
import { compileGates, type CompiledGate } from "../split/gate.ts";
import { GateQuestion, type GateRequest } from "../split/gate-question.ts";
import { compileTable, variantAt, type AllocationTable } from "../split/table.ts";
import { claimsReader } from "../split/token.ts";
import type { RequestHead } from "../http1/request-head.ts";
import { compileCohort, type Cohort } from "./cohort.ts";
import { compileLanes, laneOfRequest, laneVariant, type Lanes } from "./lane.ts";
import { compilePages, isAsset, pageVariant, type Pages } from "./page.ts";
import { compileRoutes, matchRoute, type RouteTable } from "./route.ts";
import { hasUsers } from "./runtime.ts";

interface ExplainedRoute {
  readonly definition: RouteSnapshot;
  readonly cohort: Cohort;
  readonly gates: CompiledGate | null;
  readonly allocation: AllocationTable;
  readonly lanes: Lanes;
  readonly pages: Pages | null;
  readonly variants: readonly { readonly open: boolean }[];
}

export interface Explanation {
  readonly route: string;
  readonly variant: string;
  readonly reason: RoutingReason;
  /** Null: the request has no cohort key, and its bucket is drawn for it alone. */
  readonly bucket: number | null;
  /** Whom the allocation gives the bucket to, whatever the gates say. Null: see `bucket`. */
  readonly owner: string | null;
  /** The gate and the rule that decided; null: none did. */
  readonly gate: string | null;
  readonly rule: string | null;
  readonly gates: readonly GateExplanation[];
}

export interface Asked {
  /** The client's address, where `ip` is a source of the cohort key. */
  readonly clientIp: string;
  /** Whether the peer is one of the listener's `trustedPeers`, and its lane believed. Default false. */
  readonly trusted?: boolean;
  /** Wall time since 1970. */
  readonly nowMs: number;
  /** Claims as if a token had been verified; absent: those of the request's own token. */
  readonly claims?: Claims;
  /** Used where the request has no cohort key: 0 ... 1. Default 0.5. */
  readonly draw?: number;
}

export class Explainer {
  private readonly table: RouteTable<ExplainedRoute>;
  private readonly routes: ReadonlyMap<string, ExplainedRoute>;
  private readonly claimsOf: ClaimsOf | null;
  private readonly question = new GateQuestion();

  /** @param region the sidecar's; null: it has none */
  constructor(snapshot: Snapshot, region: string | null) {
    const book = new RuleBook(region);
    const routes = snapshot.routes.map((definition): ExplainedRoute => ({
      definition, cohort: compileCohort(definition), gates: compileGates(definition.gates, book), allocation: compileTable(definition.allocation),
      lanes: compileLanes(definition), pages: compilePages(definition), variants: definition.variants.map((_, index) => ({ open: hasUsers(definition, index) })),
    }));
    this.routes = new Map(routes.map((route) => [route.definition.name, route]));
    this.table = compileRoutes(routes);
    this.claimsOf = snapshot.jwt ? claimsReader(snapshot.jwt) : null;
  }

  /** @returns null where no route matches */
  request(head: RequestHead, asked: Asked): Explanation | null {
    const route = matchRoute(this.table, head);
    if (route === null) return null;
    const { keyOf, sticky } = route.cohort;
    return followed(route, head, this.decide(route, head, keyOf === null ? undefined : (keyOf(head, asked.clientIp) ?? sticky?.keyOf(head)), asked), asked.trusted === true);
  }

  /** Of a route that is known already, for a cohort key that is known. @returns null for an unknown route */
  cohort(name: string, request: GateRequest, key: string | undefined, asked: Omit<Asked, "clientIp">): Explanation | null {
    const route = this.routes.get(name);
    return route === undefined ? null : this.decide(route, request, route.cohort.keyOf === null ? undefined : key, asked);
  }

  private decide(route: ExplainedRoute, request: GateRequest, key: string | undefined, { nowMs, claims, draw = 0.5 }: Omit<Asked, "clientIp">): Explanation {
    const { definition: { name, variants }, cohort, gates, allocation } = route;
    const known = key === undefined ? null : bucketOfHash(cohort.salt.hash(key));
    const owner = variantAt(allocation, known ?? Math.floor(draw * bucketCount));
    // Who has no key, and no cookie to come, is dealt by each request.
    const reason = known === null && cohort.keyOf !== null && cohort.sticky === null ? "default" : "weighted";
    const told = explainGates(gates, this.question.ask(request, key, nowMs, claims === undefined ? this.claimsOf : () => claims), owner, reason);
    return {
      route: name, variant: variants[told.variant]!.name, reason: told.reason, bucket: known,
      owner: known === null ? null : variants[owner]!.name, gate: told.gate, rule: told.rule, gates: told.gates,
    };
  }
}

/** Where a lane or a page takes a request that the split alone has decided about. An old page's baseline is taken for available. */
function followed(route: ExplainedRoute, head: RequestHead, told: Explanation, trusted: boolean): Explanation {
  const { definition, lanes, pages, variants } = route;
  const given = (index: number, reason: RoutingReason): Explanation => ({ ...told, variant: definition.variants[index]!.name, reason });
  const laned = trusted && lanes !== null ? laneVariant(lanes, laneOfRequest(head), told.reason, variants) : -1;
  if (laned >= 0) return given(laned, "laned");
  if (pages === null || !isAsset(pages, head.path, head.get("sec-fetch-dest"))) return told;
  const owner = told.bucket === null ? -1 : definition.variants.findIndex(({ name }) => name === told.owner);
  const index = pageVariant(pages, head, told.reason, owner, variants);
  return index < 0 ? told : given(index, "asset");
}
