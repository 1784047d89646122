/** Which addresses may be called (PITFALLS 28). Names are resolved here, so what was checked is what is connected to. */
import { BlockList, type LookupFunction } from "node:net";
import { networkInterfaces } from "node:os";
import { addBlock, addressRefusal, isLoopback, plainAddress } from "../core/addresses.ts";
import { checkedLookup } from "../core/checked-lookup.ts";

/** Where this sidecar itself listens: neither its admin API nor its listeners are anybody's webhook. */
export interface OwnPort {
  readonly host: string;
  readonly port: number;
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
    return checkedLookup((address) => this.refusal(address, port), (_name, address, why) => `${address ?? "it"} ${why ?? "has no address"}`);
  }
}

const anywhere = new Set(["0.0.0.0", "::"]);

/** Whether a call to an address gets to a socket that listens on `host`. */
function reaches(address: string, host: string): boolean {
  if (address === host) return true;
  if (!anywhere.has(host)) return isLoopback(address) && isLoopback(host);
  return isLoopback(address) || Object.values(networkInterfaces()).some((of) => of?.some((one) => plainAddress(one.address) === address));
}
