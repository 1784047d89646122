/** Finds the route of a request: the first in document order whose every part matches. */
import type { PathMatch, RouteMatch } from "../config/snapshot.ts";
import type { RequestHead } from "../http1/request-head.ts";

/** What is found: anything with a match. */
export interface Routed {
  readonly definition: { readonly match: RouteMatch };
}

interface Entry<R extends Routed> {
  readonly route: R;
  readonly match: RouteMatch;
  /** A prefix without its closing slash, so that it can be held against segment borders. */
  readonly prefix: string;
  /** In the document: where several match, the lowest counts. */
  readonly order: number;
}

/** Routes that ask for the same host, in document order. Many are found by their paths' beginnings (decision 061). */
interface Group<R extends Routed> {
  readonly entries: readonly Entry<R>[];
  /** Null: they are few, and asked one after the other. */
  readonly byPath: PathIndex<R> | null;
}

/** An open hash table over `prefix`, without keys: an entry says by itself whether it matches. */
interface PathIndex<R extends Routed> {
  /** By `hash & mask`, going on by one: hash of a prefix, and one more than its index in `lists`; 0: free. */
  readonly hashes: Int32Array;
  readonly places: Int32Array;
  readonly mask: number;
  readonly lists: readonly (readonly Entry<R>[])[];
  /** The most segments that a prefix has: deeper ones of a request are not looked for. */
  readonly segmentsMax: number;
}

export interface RouteTable<R extends Routed> {
  readonly byHost: ReadonlyMap<string, Group<R>>;
  /** Of `*.example.com` by `.example.com`; null: there are none. */
  readonly bySuffix: ReadonlyMap<string, Group<R>> | null;
  /** Of any host. */
  readonly open: Group<R>;
}

const fewMax = 8;

export function compileRoutes<R extends Routed>(routes: readonly R[]): RouteTable<R> {
  const hosts = new Map<string, Entry<R>[]>();
  const suffixes = new Map<string, Entry<R>[]>();
  const open: Entry<R>[] = [];
  for (const [order, route] of routes.entries()) {
    const { match } = route.definition;
    const { kind, value } = match.path;
    const entry: Entry<R> = { route, match, order, prefix: kind === "prefix" && value.endsWith("/") ? value.slice(0, -1) : value };
    if (match.hosts.length === 0) open.push(entry);
    for (const host of new Set(match.hosts)) {
      if (host.startsWith("*.")) add(suffixes, host.slice(1), entry);
      else add(hosts, host, entry);
    }
  }
  const grouped = (of: ReadonlyMap<string, Entry<R>[]>): ReadonlyMap<string, Group<R>> => new Map([...of].map(([host, entries]) => [host, groupOf(entries)]));
  return { byHost: grouped(hosts), bySuffix: suffixes.size === 0 ? null : grouped(suffixes), open: groupOf(open) };
}

function add<V>(to: Map<string, V[]>, key: string, value: V): void {
  const known = to.get(key);
  if (known === undefined) to.set(key, [value]);
  else known.push(value);
}

function groupOf<R extends Routed>(entries: readonly Entry<R>[]): Group<R> {
  return { entries, byPath: entries.length <= fewMax ? null : indexOf(entries) };
}

const basis = 0x811c9dc5 | 0;
/** FNV-1a, a character at a time, so that one walk along a path meets the hash of each of its beginnings. */
const step = (hash: number, unit: number): number => Math.imul(hash ^ unit, 0x01000193);

function indexOf<R extends Routed>(entries: readonly Entry<R>[]): PathIndex<R> {
  const byPrefix = new Map<string, Entry<R>[]>();
  for (const entry of entries) add(byPrefix, entry.prefix, entry);
  const size = 2 ** Math.ceil(Math.log2(byPrefix.size * 4));
  const index = { hashes: new Int32Array(size), places: new Int32Array(size), mask: size - 1, lists: [...byPrefix.values()] };
  for (const [place, prefix] of [...byPrefix.keys()].entries()) {
    let hash = basis;
    for (let i = 0; i < prefix.length; i++) hash = step(hash, prefix.charCodeAt(i));
    let at = slotOf(hash, index.mask);
    while (index.places[at] !== 0) at = (at + 1) & index.mask;
    index.hashes[at] = hash;
    index.places[at] = place + 1;
  }
  return { ...index, segmentsMax: Math.max(...entries.map(({ match, prefix }) => (match.path.kind === "exact" ? 0 : prefix.split("/").length - 1))) };
}

const slotOf = (hash: number, mask: number): number => (hash ^ (hash >>> 15)) & mask;

/** @returns null where no route matches */
export function matchRoute<R extends Routed>({ byHost, bySuffix, open }: RouteTable<R>, head: RequestHead): R | null {
  let best: Entry<R> | null = null;
  if (byHost.size > 0) {
    const group = byHost.get(head.host);
    if (group !== undefined) best = firstOf(group, head, best);
  }
  if (bySuffix !== null) {
    const { host } = head;
    // A label has to be before the suffix.
    for (let dot = host.indexOf(".", 1); dot > 0; dot = host.indexOf(".", dot + 1)) {
      const group = bySuffix.get(host.slice(dot));
      if (group !== undefined) best = firstOf(group, head, best);
    }
  }
  best = firstOf(open, head, best);
  return best === null ? null : best.route;
}

/** @returns the first of the group that matches, or `best` where that is before it */
function firstOf<R extends Routed>({ entries, byPath }: Group<R>, head: RequestHead, best: Entry<R> | null): Entry<R> | null {
  if (byPath === null) return firstMatch(entries, head, best);
  const { path } = head;
  let found = best;
  let hash = basis;
  let segments = 0;
  for (let i = 0; i < path.length; i++) {
    const unit = path.charCodeAt(i);
    // What is above this slash may be a prefix.
    if (unit === slash && segments++ <= byPath.segmentsMax) found = firstAt(byPath, hash, head, found);
    hash = step(hash, unit);
  }
  return firstAt(byPath, hash, head, found);
}

const slash = 0x2f;

function firstAt<R extends Routed>({ hashes, places, mask, lists }: PathIndex<R>, hash: number, head: RequestHead, best: Entry<R> | null): Entry<R> | null {
  let found = best;
  for (let at = slotOf(hash, mask); places[at] !== 0; at = (at + 1) & mask) if (hashes[at] === hash) found = firstMatch(lists[places[at]! - 1]!, head, found);
  return found;
}

function firstMatch<R extends Routed>(entries: readonly Entry<R>[], head: RequestHead, best: Entry<R> | null): Entry<R> | null {
  const before = best === null ? Number.POSITIVE_INFINITY : best.order;
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i]!;
    if (entry.order >= before) break;
    if (matches(entry, head)) return entry;
  }
  return best;
}

/** Of a route whose host is that of the request. */
function matches({ match, prefix }: Entry<Routed>, head: RequestHead): boolean {
  const { path } = head;
  if (match.path.kind === "exact") {
    if (path !== prefix) return false;
  } else if (prefix !== "" && !(path.startsWith(prefix) && (path.length === prefix.length || path.charCodeAt(prefix.length) === slash))) return false;
  if (match.methods.length > 0 && !match.methods.includes(head.method)) return false;
  for (const { name, value } of match.headers) {
    const values = head.all(name);
    if (values.length === 0 || (value !== null && !values.includes(value))) return false;
  }
  return true;
}

/** Whether a normalised path is that one, or below it. */
export function pathMatches(path: string, { kind, value }: PathMatch): boolean {
  if (kind === "exact") return path === value;
  const length = value.endsWith("/") ? value.length - 1 : value.length;
  return path.startsWith(length === value.length ? value : value.slice(0, -1)) && (path.length === length || path.charCodeAt(length) === 0x2f);
}
