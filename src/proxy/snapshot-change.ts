/**
 * A snapshot on its way to a thread that has an earlier one. Most changes are one weight: of a thousand routes with their rules the others are not sent again, and what the thread has
 * compiled of them stays as it is (decision 100).
 */
import type { RouteSnapshot, Snapshot } from "../config/snapshot.ts";

export interface SnapshotChange extends Omit<Snapshot, "routes"> {
  /** A number: the route that was at that place before, and is the same. */
  readonly routes: readonly (RouteSnapshot | number)[];
}

/** @param before what the receiver has; null: nothing */
export function changeOf(next: Snapshot, before: Snapshot | null): SnapshotChange {
  const places = new Map((before?.routes ?? []).map(({ name }, place) => [name, place]));
  return {
    ...next,
    routes: next.routes.map((route) => {
      const place = places.get(route.name);
      return place !== undefined && same(route, before!.routes[place]) ? place : route;
    }),
  };
}

/** @returns the snapshot, with the very objects of `before` for routes that are the same */
export const changed = (change: SnapshotChange, before: Snapshot | null): Snapshot => ({ ...change, routes: change.routes.map((route) => (typeof route === "number" ? before!.routes[route]! : route)) });

/** Of plain data. What a configuration has given to both is the same object, and not looked into; anything but arrays and plain objects (shared memory) is the same only where it is one. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((one, i) => same(one, b[i]));
  if (!isPlain(a) || !isPlain(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]));
}

const isPlain = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
