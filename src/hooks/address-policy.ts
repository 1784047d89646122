/** Which addresses may be called (PITFALLS 28). Names are resolved here, so what was checked is what is connected to. */
import { type LookupAddress, lookup } from "node:dns";
import { BlockList, type LookupFunction } from "node:net";
import { networkInterfaces } from "node:os";
import { addBlock, addressRefusal, plainAddress } from "../core/addresses.ts";

/** Where this sidecar itself listens: neither its admin API nor its listeners are anybody's webhook. */
export interface OwnPort {
  readonly host: string;
  readonly port: number;
}

export class RefusedAddress extends Error {
  readonly code = "REFUSED_ADDRESS";
}

export class AddressPolicy {
  private readonly allowed = new BlockList();
  private readonly own: () => readonly OwnPort[];

  constructor(allow: readonly string[], own: () => readonly OwnPort[]) {
    for (const block of allow) addBlock(this.allowed, block);
    this.own = own;
  }

  /** Why a resolved address may not be called; null: it may. */
  refusal(address: string, port: number): string | null {
    const refused = addressRefusal(address, this.allowed);
    if (refused !== null) return refused;
    const plain = plainAddress(address);
    const ours = this.own().some((one) => one.port === port && reaches(plain, plainAddress(one.host)));
    return ours ? `with port ${port} is this sidecar itself` : null;
  }

  /** For a socket: answers with the allowed addresses of a name, and fails where there are none. */
  lookupFor(port: number): LookupFunction {
    return (hostname, options, done) => {
      lookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
        if (error !== null) return done(error, options.all === true ? [] : "", 0);
        const refusals = found.map(({ address }) => this.refusal(address, port));
        const first = refusals.findIndex((refused) => refused === null);
        if (first < 0) return done(new RefusedAddress(`${found[0]?.address ?? "it"} ${refusals[0] ?? "has no address"}`), options.all === true ? [] : "", 0);
        if (options.all === true) return done(null, found.filter((_, index) => refusals[index] === null));
        done(null, found[first]!.address, found[first]!.family);
      });
    };
  }
}

const anywhere = new Set(["0.0.0.0", "::"]);

/** Whether a call to an address gets to a socket that listens on `host`. */
function reaches(address: string, host: string): boolean {
  if (address === host) return true;
  if (!anywhere.has(host)) return isLoopback(address) && isLoopback(host);
  return isLoopback(address) || Object.values(networkInterfaces()).some((of) => of?.some((one) => plainAddress(one.address) === address));
}

const isLoopback = (address: string): boolean => address === "::1" || address.startsWith("127.");
