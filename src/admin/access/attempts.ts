/** How often somebody may fail to log in: token buckets for each address, for each token at an address, and for all. A success costs nothing. */
import { isIPv6 } from "node:net";
import { plainAddress } from "../../core/addresses.ts";

interface Rate {
  /** Failures at once. */
  readonly burst: number;
  readonly perSecond: number;
}

/** One token at one address: a job that runs on with an old token hinders no other on its machine. */
const perToken: Rate = { burst: 5, perSecond: 0.1 };
const perPeer: Rate = { burst: 20, perSecond: 1 / 3 };
/** Of everybody: what guessing may cost this machine, some 14% of a core when it goes on. */
const overall: Rate = { burst: 40, perSecond: 2 };
/** Of addresses, and of tokens at addresses. Over it, whoever failed longest ago is forgotten. */
const knownMax = 4_096;

interface Level {
  level: number;
  atMs: number;
}

class Buckets {
  private readonly rate: Rate;
  /** Of those that are not full; the one used longest ago first. */
  private readonly levels = new Map<string, Level>();

  constructor(rate: Rate) {
    this.rate = rate;
  }

  get size(): number {
    return this.levels.size;
  }

  /** @returns how long until one is there, in ms; 0: now */
  waitMs(key: string, nowMs: number): number {
    const { level } = this.at(key, nowMs);
    return level >= 1 ? 0 : ((1 - level) / this.rate.perSecond) * 1_000;
  }

  isFull(key: string, nowMs: number): boolean {
    return this.at(key, nowMs).level >= this.rate.burst;
  }

  /** @param by below 0: one is given back */
  take(key: string, by: number, nowMs: number): void {
    const level = Math.max(0, Math.min(this.rate.burst, this.at(key, nowMs).level - by));
    this.levels.delete(key);
    if (level < this.rate.burst) this.levels.set(key, { level, atMs: nowMs });
    if (this.levels.size > knownMax) this.levels.delete(this.levels.keys().next().value!);
  }

  private at(key: string, nowMs: number): Level {
    const known = this.levels.get(key);
    if (known === undefined) return { level: this.rate.burst, atMs: nowMs };
    return { level: Math.min(this.rate.burst, known.level + (Math.max(0, nowMs - known.atMs) / 1_000) * this.rate.perSecond), atMs: nowMs };
  }
}

export class Attempts {
  private readonly tokens = new Buckets(perToken);
  private readonly peers = new Buckets(perPeer);
  private readonly all = new Buckets(overall);
  private readonly nowMs: () => number;

  /** @param nowMs monotonic */
  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
  }

  /** What is remembered: bounded, whatever comes. */
  get size(): number {
    return this.tokens.size + this.peers.size + this.all.size;
  }

  /**
   * Begins an attempt, as if it failed: so that many at once are as many.
   * @param id as presented, whether such a token exists or not
   * @returns what gives it back when it was good; or how long to wait, in ms
   */
  begin(peer: string, id: string): (() => void) | number {
    const nowMs = this.nowMs();
    const address = networkOf(peer);
    const both = `${address} ${id}`;
    const wait = Math.max(this.tokens.waitMs(both, nowMs), this.peers.waitMs(address, nowMs));
    if (wait > 0) return wait;
    // An address that has not failed lately is heard whatever others did: nobody is locked out by somebody else.
    const clean = this.peers.isFull(address, nowMs);
    const busy = clean ? 0 : this.all.waitMs("", nowMs);
    if (busy > 0) return busy;
    const take = (by: number): void => {
      const atMs = this.nowMs();
      this.tokens.take(both, by, atMs);
      this.peers.take(address, by, atMs);
      this.all.take("", by, atMs);
    };
    take(1);
    return () => take(-1);
  }
}

/** Whoever has one IPv6 address has the 2^64 of its network. */
function networkOf(peer: string): string {
  const plain = plainAddress(peer);
  if (!isIPv6(plain)) return plain;
  const [head = "", tail] = plain.split("::");
  const high = head === "" ? [] : head.split(":");
  const low = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups = tail === undefined ? high : [...high, ...Array<string>(Math.max(0, 8 - high.length - low.length)).fill("0"), ...low];
  return `${groups.slice(0, 4).join(":")}::/64`;
}
