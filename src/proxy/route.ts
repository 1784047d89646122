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
}

/** Routes by exact host, each list in document order and with the routes of any host merged in. */
export interface RouteTable<R extends Routed> {
  readonly byHost: ReadonlyMap<string, readonly Entry<R>[]>;
  /** Routes whose host is open or a wildcard. */
  readonly open: readonly Entry<R>[];
}

export function compileRoutes<R extends Routed>(routes: readonly R[]): RouteTable<R> {
  const entries = routes.map((route): Entry<R> => {
    const { match } = route.definition;
    const { kind, value } = match.path;
    return { route, match, prefix: kind === "prefix" && value.endsWith("/") ? value.slice(0, -1) : value };
  });
  const isOpen = (entry: Entry<R>): boolean => entry.match.hosts.length === 0 || entry.match.hosts.some((host) => host.startsWith("*."));
  const exact = new Set(routes.flatMap((route) => route.definition.match.hosts.filter((host) => !host.startsWith("*."))));
  const byHost = new Map([...exact].map((host) => [host, entries.filter((entry) => isOpen(entry) || entry.match.hosts.includes(host))]));
  return { byHost, open: entries.filter(isOpen) };
}

/** @returns null where no route matches */
export function matchRoute<R extends Routed>(table: RouteTable<R>, head: RequestHead): R | null {
  const entries = (table.byHost.size > 0 ? table.byHost.get(head.host) : undefined) ?? table.open;
  for (let i = 0; i < entries.length; i++) if (matches(entries[i]!, head)) return entries[i]!.route;
  return null;
}

function matches(entry: Entry<Routed>, head: RequestHead): boolean {
  const { match, prefix } = entry;
  const { path } = head;
  if (match.path.kind === "exact") {
    if (path !== prefix) return false;
  } else if (prefix !== "" && !(path.startsWith(prefix) && (path.length === prefix.length || path.charCodeAt(prefix.length) === 0x2f))) return false;
  if (match.hosts.length > 0 && !match.hosts.some((host) => hostMatches(host, head.host))) return false;
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

const hostMatches = (pattern: string, host: string): boolean =>
  pattern.startsWith("*.") ? host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1 : pattern === host;
