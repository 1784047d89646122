/** Resolves names for sockets, and answers only with addresses that may be connected to: so what was checked is what is connected to (PITFALLS 28). */
import { lookup as systemLookup, type LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";

export class RefusedAddress extends Error {
  readonly code = "REFUSED_ADDRESS";
}

/**
 * @param refusal why an address may not be connected to; null: it may
 * @param complaint what the error says where no address is left: of the name, the first address and why not that one; both null where it has none
 * @param lookup what resolves names
 */
export const checkedLookup = (
  refusal: (address: string) => string | null, complaint: (name: string, address: string | null, why: string | null) => string, lookup: typeof systemLookup = systemLookup,
): LookupFunction => (hostname, options, done) => {
  lookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
    const fail = (why: NodeJS.ErrnoException): void => done(why, options.all === true ? [] : "", 0);
    if (error !== null) return fail(error);
    const good = found.filter(({ address }) => refusal(address) === null);
    const [first] = good;
    if (first === undefined) return fail(new RefusedAddress(complaint(hostname, found[0]?.address ?? null, found[0] === undefined ? null : refusal(found[0].address))));
    if (options.all === true) return done(null, good);
    done(null, first.address, first.family);
  });
};
