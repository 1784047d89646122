/** Resolves an endpoint's name, but never to a metadata service or to this process's admin API: whoever answers for a name does not decide about that (PITFALLS 28). */
import type { lookup as systemLookup } from "node:dns";
import type { LookupFunction } from "node:net";
import { isLoopback, isNeverCalled, plainAddress } from "../core/addresses.ts";
import { checkedLookup } from "../core/checked-lookup.ts";

type Place = { readonly host: string; readonly port: number };

/** Where the admin API of this process listens. */
let admin: Place | null = null;

export function guardAdmin(place: Place | null): void {
  admin = place;
}

/** @param port that will be connected to @param lookup what resolves names */
export const lookupEndpoint = (port: number, lookup?: typeof systemLookup): LookupFunction =>
  checkedLookup(
    (address) => (isNeverCalled(address) || isAdmin(plainAddress(address), port) ? "leads where no endpoint may" : null),
    (name) => `${name} resolves to a link-local, metadata or multicast address, or to the admin API`, lookup,
  );

function isAdmin(address: string, port: number): boolean {
  if (admin === null || port !== admin.port) return false;
  // A name that leads to this machine: which of its addresses it is does not matter much.
  return isLoopback(address) || address === plainAddress(admin.host);
}
