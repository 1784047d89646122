/** Finds the route of a request: the first in document order whose every part matches. */
import type { PathMatch, RouteMatch } from "../config/snapshot.ts";
import { barePath, isAtOrBelow } from "../core/path-prefix.ts";
import type { RequestHead } from "../http1/request-head.ts";
import { backwards, forwards, HashIndex, hashBasis, hashStep } from "./hash-index.ts";

/** What is found: anything with a match. */
export interface Routed {
  readonly definition: { readonly match: RouteMatch };
}

/** A route under one of its hosts, with what a request is held against: few objects, for of a thousand routes no cache has all (decision 061). */
interface Entry<R extends Routed> {
  readonly route: R;
  /** In the document: where several match, the lowest counts. */
  readonly order: number;
  /** Without its closing slash, so that it can be held against segment borders. */
  readonly path: string;
  readonly exact: boolean;
  /** Null: any. */
  readonly methods: RouteMatch["methods"] | null;
  /** Null: whatever they say. */
  readonly headers: RouteMatch["headers"] | null;
  /** `.example.com` of `*.example.com`; "": any. */
  readonly host: string;
  /** Of a host's first route: all of that host, by their paths' beginnings (decision 061). Null: they are few, and asked one after the other. */
  byPath: PathIndex<R> | null;
  /** Of the first in one place: all of that place, by a header's value. Null: they are few, or do not differ by one. */
  byHeader: HeaderIndex<R> | null;
  /** The next in document order that is found in the same place. */
  next: Entry<R> | null;
}

interface PathIndex<R extends Routed> {
  readonly index: HashIndex<Entry<R>>;
  /** Whether some path has to be met whole. */
  readonly exact: boolean;
  /** By a number of segments, whether some prefix has so many: only there, and no deeper, is one looked for. */
  readonly depths: readonly boolean[];
}

interface HeaderIndex<R extends Routed> {
  readonly name: string;
  readonly byValue: ReadonlyMap<string, Entry<R>>;
  /** Those that ask for no value of it; null: there are none. */
  readonly others: Entry<R> | null;
}

export interface RouteTable<R extends Routed> {
  /** Null: no route asks for a host. */
  readonly byHost: HashIndex<Entry<R>> | null;
  /** Whether some route asks for `*.example.com`. */
  readonly wild: boolean;
  /** Of any host; null: there are none. */
  readonly open: Entry<R> | null;
}

const fewMax = 8;

export function compileRoutes<R extends Routed>(routes: readonly R[]): RouteTable<R> {
  const byHost = new Map<string, Entry<R>[]>();
  const open: Entry<R>[] = [];
  for (const [order, route] of routes.entries()) {
    const { hosts } = route.definition.match;
    if (hosts.length === 0) open.push(entryOf(route, order, ""));
    for (const pattern of new Set(hosts)) {
      const host = pattern.startsWith("*.") ? pattern.slice(1) : pattern;
      add(byHost, host, entryOf(route, order, host));
    }
  }
  const hosts = new Map([...byHost].map(([host, entries]) => [host, firstOfAll(entries)]));
  return { byHost: hosts.size === 0 ? null : new HashIndex(hosts, backwards), wild: [...hosts.keys()].some((host) => host.startsWith(".")), open: open.length === 0 ? null : firstOfAll(open) };
}

function entryOf<R extends Routed>(route: R, order: number, host: string): Entry<R> {
  const { path, methods, headers } = route.definition.match;
  return {
    route, order, path: barePath(path), exact: path.kind === "exact",
    methods: methods.length === 0 ? null : methods, headers: headers.length === 0 ? null : headers, host, byPath: null, byHeader: null, next: null,
  };
}

function add<V>(to: Map<string, V[]>, key: string, value: V): void {
  const known = to.get(key);
  if (known === undefined) to.set(key, [value]);
  else known.push(value);
}

/** @param entries of one host, in document order; at least one */
function firstOfAll<R extends Routed>(entries: readonly Entry<R>[]): Entry<R> {
  if (entries.length <= fewMax) return chained(entries);
  const byPath = pathIndexOf(entries);
  entries[0]!.byPath = byPath;
  return entries[0]!;
}

function pathIndexOf<R extends Routed>(entries: readonly Entry<R>[]): PathIndex<R> {
  const byPath = new Map<string, Entry<R>[]>();
  for (const entry of entries) add(byPath, entry.path, entry);
  const depths = new Set(entries.filter(({ exact }) => !exact).map(({ path }) => slashesIn(path)));
  return {
    index: new HashIndex(new Map([...byPath].map(([path, list]) => [path, placed(list)])), forwards),
    exact: entries.some(({ exact }) => exact), depths: Array.from({ length: Math.max(-1, ...depths) + 1 }, (_, depth) => depths.has(depth)),
  };
}

function slashesIn(path: string): number {
  let found = 0;
  for (let i = 0; i < path.length; i++) if (path.charCodeAt(i) === slash) found++;
  return found;
}

/** @param entries of one place, in document order; at least one @returns the first */
function placed<R extends Routed>(entries: readonly Entry<R>[]): Entry<R> {
  const first = chained(entries);
  if (entries.length > fewMax) first.byHeader = headerIndexOf(entries);
  return first;
}

/** By the header that most of them want a value of. */
function headerIndexOf<R extends Routed>(entries: readonly Entry<R>[]): HeaderIndex<R> | null {
  const wanting = new Map<string, number>();
  for (const { headers } of entries) for (const name of new Set(headers?.filter(({ value }) => value !== null).map((one) => one.name))) wanting.set(name, (wanting.get(name) ?? 0) + 1);
  const [name, count] = [...wanting].reduce((most, one) => (one[1] > most[1] ? one : most), ["", 0]);
  if (count <= fewMax) return null;
  const byValue = new Map<string, Entry<R>[]>();
  const others: Entry<R>[] = [];
  for (const entry of entries) {
    const wanted = entry.headers?.find((one) => one.name === name && one.value !== null);
    if (wanted === undefined) others.push(entry);
    else add(byValue, wanted.value!, entry);
  }
  return { name, byValue: new Map([...byValue].map(([value, list]) => [value, chained(list)])), others: others.length === 0 ? null : chained(others) };
}

/** @returns the first */
function chained<R extends Routed>(entries: readonly Entry<R>[]): Entry<R> {
  for (const [i, entry] of entries.entries()) entry.next = entries[i + 1] ?? null;
  return entries[0]!;
}

/** @returns null where no route matches */
export function matchRoute<R extends Routed>({ byHost, wild, open }: RouteTable<R>, head: RequestHead): R | null {
  const ofHost = byHost === null ? null : firstOfHost(byHost, wild, head);
  const best = open === null ? ofHost : firstOf(open, head, ofHost);
  return best === null ? null : best.route;
}

/** One walk from the host's end meets each of its suffixes, and then the whole. */
function firstOfHost<R extends Routed>(byHost: HashIndex<Entry<R>>, wild: boolean, head: RequestHead): Entry<R> | null {
  const { host } = head;
  let best: Entry<R> | null = null;
  let hash = hashBasis;
  for (let i = host.length - 1; i >= 0; i--) {
    const unit = host.charCodeAt(i);
    hash = hashStep(hash, unit);
    // A label has to be before the suffix.
    if (!wild || unit !== dot || i === 0) continue;
    for (let at = byHost.find(hash); at >= 0; at = byHost.findNext(at, hash)) {
      const first = byHost.value(at);
      if (first.host.length === host.length - i && host.endsWith(first.host)) best = firstOf(first, head, best);
    }
  }
  for (let at = byHost.find(hash); at >= 0; at = byHost.findNext(at, hash)) {
    const first = byHost.value(at);
    if (first.host === host && host.charCodeAt(0) !== dot) best = firstOf(first, head, best);
  }
  return best;
}

/** @param first of a host @returns the first of the host's that matches, or `best` where that is before it */
function firstOf<R extends Routed>(first: Entry<R>, head: RequestHead, best: Entry<R> | null): Entry<R> | null {
  const { byPath } = first;
  if (byPath === null) return firstMatch(first, head, best);
  const { pathBytes, pathLength } = head;
  const { index, exact, depths } = byPath;
  let found = best;
  let hash = hashBasis;
  let segments = 0;
  for (let i = 0; i < pathLength; i++) {
    const unit = pathBytes[i]!;
    if (unit === slash) {
      // What is above this slash may be a prefix.
      if (segments < depths.length) {
        if (depths[segments]!) found = firstAt(index, hash, head, found);
      } else if (!exact) return found;
      segments++;
    }
    hash = hashStep(hash, unit);
  }
  return firstAt(index, hash, head, found);
}

function firstAt<R extends Routed>(index: HashIndex<Entry<R>>, hash: number, head: RequestHead, best: Entry<R> | null): Entry<R> | null {
  let found = best;
  for (let at = index.find(hash); at >= 0; at = index.findNext(at, hash)) found = firstMatch(index.value(at), head, found);
  return found;
}

function firstMatch<R extends Routed>(first: Entry<R>, head: RequestHead, best: Entry<R> | null): Entry<R> | null {
  const { byHeader } = first;
  if (byHeader === null) return firstInChain(first, head, best);
  let found = byHeader.others === null ? best : firstInChain(byHeader.others, head, best);
  for (const value of head.all(byHeader.name)) {
    const wanting = byHeader.byValue.get(value);
    if (wanting !== undefined) found = firstInChain(wanting, head, found);
  }
  return found;
}

function firstInChain<R extends Routed>(first: Entry<R>, head: RequestHead, best: Entry<R> | null): Entry<R> | null {
  const before = best === null ? Number.POSITIVE_INFINITY : best.order;
  for (let entry: Entry<R> | null = first; entry !== null && entry.order < before; entry = entry.next) if (matches(entry, head)) return entry;
  return best;
}

/** Of a route whose host is that of the request. */
function matches({ path: wanted, exact, methods, headers }: Entry<Routed>, head: RequestHead): boolean {
  const { path } = head;
  if (exact) {
    if (path !== wanted) return false;
  } else if (wanted !== "" && !isAtOrBelow(path, wanted)) return false;
  if (methods !== null && !methods.includes(head.method)) return false;
  return headers === null || hasHeaders(headers, head);
}

function hasHeaders(headers: RouteMatch["headers"], head: RequestHead): boolean {
  for (const { name, value } of headers) {
    const values = head.all(name);
    if (values.length === 0 || (value !== null && !values.includes(value))) return false;
  }
  return true;
}

const slash = 0x2f;
const dot = 0x2e;

/** Whether a normalised path is that one, or below it. */
export const pathMatches = (path: string, match: PathMatch): boolean => (match.kind === "exact" ? path === match.value : isAtOrBelow(path, barePath(match)));
