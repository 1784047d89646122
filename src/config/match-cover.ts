import type { RouteDocument } from "./dynamic-schema.ts";

type Match = RouteDocument["match"];

/** Whether every request that `later` matches is matched by `earlier` too, so that `later`, standing behind it, never serves. */
export function shadows(earlier: Match, later: Match): boolean {
  return (
    coversPath(earlier.path, later.path) &&
    coversAll(earlier.hosts, later.hosts, coversHost) &&
    coversAll(earlier.methods, later.methods, (a, b) => a === b) &&
    earlier.headers.every((wide) =>
      later.headers.some((narrow) => narrow.name.toLowerCase() === wide.name.toLowerCase() && (wide.value === undefined || wide.value === narrow.value)),
    )
  );
}

/** An empty list matches everything. */
function coversAll(wide: readonly string[], narrow: readonly string[], covers: (wide: string, narrow: string) => boolean): boolean {
  return wide.length === 0 || (narrow.length > 0 && narrow.every((one) => wide.some((other) => covers(other, one))));
}

function coversHost(wide: string, narrow: string): boolean {
  return wide === narrow || (wide.startsWith("*.") && narrow.endsWith(wide.slice(1)));
}

function coversPath(wide: Match["path"], narrow: Match["path"]): boolean {
  const path = typeof narrow === "string" ? narrow : narrow.exact;
  if (typeof wide !== "string") return typeof narrow !== "string" && wide.exact === path;
  return wide === path || path.startsWith(wide.endsWith("/") ? wide : `${wide}/`);
}
