/** Resolves an endpoint's name, but never to a metadata service: whoever answers for a name does not decide about that (PITFALLS 28). */
import { lookup, type LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import { isNeverCalled } from "../core/addresses.ts";

export const lookupEndpoint: LookupFunction = (hostname, options, done) => {
  lookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
    const good = error === null ? found.filter(({ address }) => !isNeverCalled(address)) : [];
    const refused = error ?? (good.length === 0 ? Object.assign(new Error(`${hostname} resolves to a link-local, metadata or multicast address`), { code: "REFUSED_ADDRESS" }) : null);
    if (refused !== null) return done(refused, options.all === true ? [] : "", 0);
    if (options.all === true) return done(null, good);
    done(null, good[0]!.address, good[0]!.family);
  });
};
