/** The snapshot as a proxy thread runs it: addresses resolved to endpoints, allocations to tables, sources to functions. */
import type { MirrorSettings, RouteSnapshot, Snapshot, VariantSnapshot } from "../config/snapshot.ts";
import { CohortSet } from "../observe/cohort-set.ts";
import { slotsPerPage } from "../observe/layout.ts";
import { SeriesRecorder } from "../observe/recorder.ts";
import { compileCohort, type Resolvers, type Cohort } from "./cohort.ts";
import type { Endpoint } from "./endpoint.ts";
import type { EndpointBook } from "./endpoint-book.ts";
import { compileGoals, compileNumber, type RuntimeGoal, type RuntimeNumber } from "./goals.ts";
import type { ClaimsOf } from "../split/claims.ts";
import { compileGates, type CompiledGate } from "../split/gate.ts";
import { RuleBook } from "../split/gate-book.ts";
import type { CommonMarks } from "../split/gate-question.ts";
import { claimsReader } from "../split/token.ts";
import { compileLanes, ownLaneLine, type Lanes } from "./lane.ts";
import { compileTable, type AllocationTable } from "../split/table.ts";
import { compilePages, type Pages } from "./page.ts";
import { compileRoutes, type RouteTable } from "./route.ts";

export interface RuntimeVariant {
  readonly name: string;
  readonly index: number;
  readonly endpoints: readonly Endpoint[];
  readonly recorder: SeriesRecorder;
  /** Lines that the forwarded head gets: `ebbgate-variant`, the configured ones, and `ebbgate-bucket` as far as its value. */
  readonly headLines: string;
  /** The `baggage` line for a request that brought none, or "". */
  readonly laneLine: string;
  /** Whether it has any bucket: without, nobody gets there. */
  readonly open: boolean;
  /** Lower-case names of the configured lines, which replace the client's. */
  readonly setNames: readonly string[];
}

/** What each request reads of its route is here, and first: of a thousand routes no cache has all, and each object on the way is a read of far memory (decision 100). */
export interface RuntimeRoute extends Cohort {
  /** 0: unlimited. */
  readonly requestBodyBytesMax: number;
  readonly allocation: AllocationTable;
  /** Null: there are none. */
  readonly gates: CompiledGate | null;
  /** The first of the variants. */
  readonly baseline: RuntimeVariant;
  readonly variants: readonly RuntimeVariant[];
  readonly lanes: Lanes;
  /** Null: assets are requests like any other. */
  readonly pages: Pages | null;
  /** Null: nothing is copied. */
  readonly mirror: MirrorSettings | null;
  /** All names that any variant sets, taken out of the client's head before it is known which one serves. */
  readonly setNames: readonly string[];
  readonly name: string;
  readonly definition: RouteSnapshot;
  /** Cohorts that were seen since the weights last changed; null: nobody counts them. */
  readonly seen: CohortSet | null;
  /** Null: there are none. */
  readonly goals: readonly RuntimeGoal[] | null;
  /** Null: none is read. */
  readonly number: RuntimeNumber | null;
}

export interface Runtime {
  readonly revision: number;
  readonly table: RouteTable<RuntimeRoute>;
  /** Null: no token is believed. */
  readonly claimsOf: ClaimsOf | null;
  readonly marks: CommonMarks;
  /** As JSON: what `claimsOf` verifies by. */
  readonly jwt: string;
  /** In the document's order. */
  readonly routes: ReadonlyMap<RouteSnapshot, RuntimeRoute>;
  readonly shared: Shared;
}

/** Recorders outlive snapshots: a series keeps its slot, its edges and its cells. */
export class RecorderBook {
  private readonly recorders: SeriesRecorder[] = [];
  private readonly thread: number;

  constructor(thread: number) {
    this.thread = thread;
  }

  recorder(slot: number, pages: readonly SharedArrayBuffer[]): SeriesRecorder {
    return (this.recorders[slot] ??= new SeriesRecorder(pages[Math.floor(slot / slotsPerPage)]!, slot, this.thread));
  }

  existing(slot: number): SeriesRecorder | undefined {
    return this.recorders[slot];
  }
}

/** What a thread's routes share, from one snapshot to the next: of a thousand routes that look for the cohort key in one place, what looks there is near when it is asked. */
class Shared {
  readonly book: RuleBook;
  readonly resolvers: Resolvers = new Map();
  readonly allocations = new Map<string, AllocationTable>();
  readonly setNames = new Map<string, readonly string[]>();

  constructor(region: string | null) {
    this.book = new RuleBook(region);
  }
}

/**
 * @param region the sidecar's; null: it has none
 * @param before what the thread has run, if anything: of routes whose very snapshot it had, what was compiled is kept. A change of one weight compiles one route, and not a thousand
 */
export function compileRuntime(snapshot: Snapshot, pages: readonly SharedArrayBuffer[], recorders: RecorderBook, endpoints: EndpointBook, region: string | null, before: Runtime | null = null): Runtime {
  const kept = before === null || isWorn(before) ? null : before;
  const shared = kept?.shared ?? new Shared(region);
  const routes = new Map<RouteSnapshot, RuntimeRoute>();
  for (const route of snapshot.routes) {
    const compiled = kept?.routes.get(route) ?? compileRoute(route, pages, recorders, endpoints, shared);
    // The bounds of an endpoint are those of the last route that names it.
    for (const { endpoints: addresses } of route.variants) for (const address of addresses) endpoints.get(address, route.limits);
    routes.set(route, compiled);
  }
  const all = [...routes.values()];
  endpoints.keepOnly(new Set(all.flatMap((route) => route.variants.flatMap((variant) => variant.endpoints))));
  const jwt = JSON.stringify(snapshot.jwt ?? null);
  // What tokens said is remembered as long as the keys are the same.
  const claimsOf = before !== null && before.jwt === jwt ? before.claimsOf : snapshot.jwt ? claimsReader(snapshot.jwt) : null;
  return { revision: snapshot.revision, table: compileRoutes(all), claimsOf, marks: shared.book, jwt, routes, shared };
}

/** Whether most of what is shared is of routes that are gone, or have been compiled anew. */
function isWorn({ routes, shared: { book, allocations } }: Runtime): boolean {
  let rules = 0;
  for (const { gates } of routes.values()) for (let gate = gates; gate !== null; gate = gate.next) rules += gate.to - gate.from;
  return book.used > rules * 2 + wornMin || allocations.size > routes.size * 2 + wornMin;
}

/** What is small may be worn. */
const wornMin = 1_000;

function compileRoute(route: RouteSnapshot, pages: readonly SharedArrayBuffer[], recorders: RecorderBook, endpoints: EndpointBook, { book, resolvers, allocations, setNames }: Shared): RuntimeRoute {
  const variants = route.variants.map((variant, index): RuntimeVariant => ({
    name: variant.name,
    index,
    endpoints: variant.endpoints.map((address) => endpoints.get(address, route.limits)),
    recorder: recorders.recorder(variant.slot, pages),
    headLines: headLines(variant),
    laneLine: ownLaneLine(route, variant.name),
    open: hasUsers(route, index),
    setNames: variant.headers.map(([name]) => name),
  }));
  const { keyOf, salt, sticky } = compileCohort(route, resolvers);
  return {
    requestBodyBytesMax: route.limits.requestBodyBytesMax,
    keyOf,
    salt,
    sticky,
    allocation: one(allocations, compileTable(route.allocation)),
    gates: compileGates(route.gates, book, salt),
    baseline: variants[0]!,
    variants,
    lanes: compileLanes(route),
    pages: compilePages(route),
    mirror: route.mirror,
    setNames: one(setNames, [...new Set(variants.flatMap((variant) => variant.setNames))]),
    name: route.name,
    definition: route,
    seen: route.seen === null ? null : new CohortSet(route.seen),
    goals: compileGoals(route),
    number: compileNumber(route),
  };
}

/** Lists that say the same are one: it is near when it is read. */
function one<V>(known: Map<string, readonly V[]>, list: readonly V[]): readonly V[] {
  const id = list.join(",");
  const first = known.get(id) ?? list;
  known.set(id, first);
  return first;
}

/** Whether anybody can be given the variant at all: it has buckets, and its gate is not closed. */
export const hasUsers = ({ allocation, gates }: RouteSnapshot, index: number): boolean =>
  allocation.some((range) => range.variant === index) && !isClosed(gates, index);

export const isClosed = (gates: RouteSnapshot["gates"], index: number): boolean => gates.some((gate) => gate.variant === index && gate.closed !== null);

const headLines = (variant: VariantSnapshot): string =>
  `ebbgate-variant: ${variant.name}\r\n${variant.headers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}ebbgate-bucket: `;
