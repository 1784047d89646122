/**
 * Which errors count as evidence: errors come in clusters, and a cluster is one event, not many. Two rules, both of which only
 * ever leave errors out:
 *
 * - **One for each client in 10 s** (JUDGE 4.2). A client that retries, or whose every request fails, says it once; after 10 s
 *   it may say it again, so that a route with few clients is not mute (decision 013).
 * - **One endpoint is not the version.** Where a variant has several endpoints, one of them may have one error in 10 s, and
 *   beyond that four times what the others had on average; the rest is that endpoint's own trouble, which passive ejection
 *   answers (decision 014).
 *
 * Both tables are bounded. A client that is pushed out of its set too early counts once more: it errs towards raw counting.
 */
import { blockSeconds, endpointShards } from "./layout.ts";

/** Sets of four clients: 8 KiB together with the times, made at the first error. */
const sets = 256;
const ways = 4;
export const clientsPerSeriesMax = sets * ways;
export const dedupSeconds = 10;

const freeErrorsPerEndpoint = 1;
const timesOthers = 4;
/** An endpoint's account begins with its first error and lasts so long; blocks with fixed borders would let a hiccup count twice. */
const accountSeconds = 10;

/** What `count` says of an error. `spread` is only ever set together with `first`. */
export const counted = { first: 1, spread: 2 } as const;

/** Of one series on one thread. Seconds are dispatch seconds. */
export class ErrorFilter {
  private clients: Uint32Array | null = null;
  /** Second + 1 of the client's last counted error; 0: an empty place. */
  private times: Uint32Array | null = null;
  private readonly errorsOf = new Int32Array(endpointShards);
  /** The second in which the endpoint's account began. */
  private readonly accountFrom = new Int32Array(endpointShards).fill(-accountSeconds);
  /** The last block of 10 s in which the endpoint was known to answer or to fail. */
  private readonly seenIn = new Int32Array(endpointShards).fill(-2);

  /** An endpoint was heard of: only those of this block and the last share in the average. @param block `floor(second / 10)` */
  seen(endpoint: number, block: number): void {
    this.seenIn[endpoint] = block;
  }

  /**
   * @param client the cohort hash, 0 ... 2^32 - 1; negative: unknown, which always counts
   * @param endpoint 0 ... 15; negative: unknown, which is never in excess
   * @param second of the dispatch
   * @returns a sum of `counted` bits; 0: the client has had its error
   */
  count(client: number, endpoint: number, second: number): number {
    if (client >= 0 && !this.firstOf(client, second)) return 0;
    return endpoint < 0 || this.inLine(endpoint, second) ? counted.first + counted.spread : counted.first;
  }

  private firstOf(client: number, second: number): boolean {
    const clients = (this.clients ??= new Uint32Array(clientsPerSeriesMax));
    const times = (this.times ??= new Uint32Array(clientsPerSeriesMax));
    // The shard is the hash's low bits and the bucket its high ones: mixed, so that a candidate's few buckets fill all sets.
    const set = (Math.imul(client, 0x9e3779b1) >>> 24) * ways;
    let oldest = set;
    for (let i = set; i < set + ways; i++) {
      const time = times[i]!;
      if (time !== 0 && clients[i] === client) {
        if (Math.abs(second + 1 - time) < dedupSeconds) return false;
        times[i] = second + 1;
        return true;
      }
      if (time < times[oldest]!) oldest = i;
    }
    clients[oldest] = client;
    times[oldest] = second + 1;
    return true;
  }

  private inLine(endpoint: number, second: number): boolean {
    const block = Math.floor(second / blockSeconds);
    this.seenIn[endpoint] = Math.max(this.seenIn[endpoint]!, block);
    let others = 0;
    let errors = 0;
    for (let i = 0; i < endpointShards; i++) {
      if (i === endpoint || block - this.seenIn[i]! > 1) continue;
      others++;
      errors += this.errorsIn(i, second);
    }
    const mine = this.errorsIn(endpoint, second);
    if (others > 0 && mine >= freeErrorsPerEndpoint + (timesOthers * errors) / others) return false;
    if (mine === 0) this.accountFrom[endpoint] = second;
    this.errorsOf[endpoint] = mine + 1;
    return true;
  }

  /** An error that comes late, of an older second, is held against the account that is open: it must not open another. */
  private errorsIn(endpoint: number, second: number): number {
    return second - this.accountFrom[endpoint]! < accountSeconds ? this.errorsOf[endpoint]! : 0;
  }
}
