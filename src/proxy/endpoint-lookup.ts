/** Resolves an endpoint's name, but never to a metadata service or to this process's admin API: whoever answers for a name does not decide about that (PITFALLS 28). */
import { lookup as systemLookup, type LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import { isNeverCalled, plainAddress } from "../core/addresses.ts";

type Place = { readonly host: string; readonly port: number };

/** Where the admin API of this process listens. */
let admin: Place | null = null;

export function guardAdmin(place: Place | null): void {
  admin = place;
}

/** @param port that will be connected to @param lookup what resolves names */
export const lookupEndpoint = (port: number, lookup: typeof systemLookup = systemLookup): LookupFunction => (hostname, options, done) => {
  lookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
    const good = error === null ? found.filter(({ address }) => !isNeverCalled(address) && !isAdmin(plainAddress(address), port)) : [];
    const refused = error ?? (good.length === 0 ? Object.assign(new Error(`${hostname} resolves to a link-local, metadata or multicast address, or to the admin API`), { code: "REFUSED_ADDRESS" }) : null);
    if (refused !== null) return done(refused, options.all === true ? [] : "", 0);
    if (options.all === true) return done(null, good);
    done(null, good[0]!.address, good[0]!.family);
  });
};

function isAdmin(address: string, port: number): boolean {
  if (admin === null || port !== admin.port) return false;
  // A name that leads to this machine: which of its addresses it is does not matter much.
  return isLoopback(address) || address === plainAddress(admin.host);
}

const isLoopback = (address: string): boolean => address === "::1" || address.startsWith("127.");
