/**
 * Class edges for the latency test, from *earlier* baseline traffic (JUDGE 2): a class is a range of histogram buckets.
 * The candidate is held against the same edges moved up by the margin, so both variants get a table of their own and
 * the test compares class counts without knowing a single millisecond. Any edges keep the promise, as long as they were
 * set before the requests that they classify; poor ones only cost power.
 */
import { locationClassCount, tailCount } from "./counts.ts";
import { probit } from "./probit.ts";

/** The margin of one latency metric: the larger of both shifts holds. */
export interface EdgeMargin {
  /** m: a share. */
  readonly margin: number;
  readonly floorMs: number;
}

export interface EdgeMargins {
  readonly location: EdgeMargin;
  readonly p95: EdgeMargin;
  readonly p99: EdgeMargin;
  readonly "2xp99": EdgeMargin;
}

/** A histogram of microseconds, and where its buckets begin. */
export interface EdgeHistogram {
  readonly counts: ArrayLike<number>;
  /** The smallest value of bucket i in microseconds, nondecreasing in i; defined for 0 ... counts.length. */
  lowerMicros(bucket: number): number;
}

/** One generation of edges: what the recorders need (tables) and what the judge needs (weights). */
export interface LatencyModel {
  readonly generation: number;
  /** For each bucket: the location class in the low four bits, exceeded tails in bits 4 ... 7 (p95, p99, 2*p99, 1.5*p99). */
  readonly baselineTable: Uint8Array;
  readonly candidateTable: Uint8Array;
  /** What the baseline's own histogram put into each class: shares that sum to 1. */
  readonly classShares: Float64Array;
  /** The normal scores of the classes' midranks, nondecreasing. */
  readonly scores: Float64Array;
  /** The baseline's exceedance shares, in (0, 1). */
  readonly tailShares: Float64Array;
  readonly p95Micros: number;
  readonly p99Micros: number;
}

/** @param histogram not empty. @param classes of the bulk, at most `locationClassCount` */
export function latencyModel(generation: number, histogram: EdgeHistogram, margins: EdgeMargins, classes = locationClassCount): LatencyModel {
  const { counts } = histogram;
  const buckets = counts.length;
  let n = 0;
  for (let i = 0; i < buckets; i++) n += counts[i]!;
  const edges = edgesAbove(counts, Array.from({ length: classes - 1 }, (_, k) => ((k + 1) / classes) * n));
  const [p95, p99] = edgesAbove(counts, [0.95 * n, 0.99 * n]) as [number, number];
  const times = (factor: number): number => bucketFrom(histogram, factor * histogram.lowerMicros(p99));
  const tails = [p95, p99, times(2), times(1.5)];
  const tailMargins = [margins.p95, margins.p99, margins["2xp99"], margins.p99];
  const moved = (edge: number, by: EdgeMargin): number => {
    const micros = histogram.lowerMicros(edge);
    return bucketFrom(histogram, Math.max(micros * (1 + by.margin), micros + by.floorMs * 1000));
  };
  const baselineTable = table(buckets, edges, tails);
  const classShares = new Float64Array(locationClassCount);
  for (let i = 0; i < buckets; i++) classShares[baselineTable[i]! & 15]! += counts[i]! / n;
  return {
    generation,
    baselineTable,
    candidateTable: table(buckets, edges.map((edge) => moved(edge, margins.location)), tails.map((edge, k) => moved(edge, tailMargins[k]!))),
    classShares,
    scores: midrankScores(classShares, n),
    tailShares: Float64Array.from(tails, (edge) => (massFrom(counts, edge) + 0.5) / (n + 1)),
    p95Micros: histogram.lowerMicros(p95),
    p99Micros: histogram.lowerMicros(p99),
  };
}

/** For each mass the first bucket edge with at least so much below it. @param masses nondecreasing: one walk finds them all */
function edgesAbove(counts: ArrayLike<number>, masses: readonly number[]): number[] {
  const edges: number[] = [];
  let below = 0;
  for (let i = 0; i < counts.length && edges.length < masses.length; i++) {
    below += counts[i]!;
    while (edges.length < masses.length && below >= masses[edges.length]!) edges.push(i + 1);
  }
  while (edges.length < masses.length) edges.push(counts.length);
  return edges;
}

function massFrom(counts: ArrayLike<number>, edge: number): number {
  let mass = 0;
  for (let i = edge; i < counts.length; i++) mass += counts[i]!;
  return mass;
}

/** The first bucket that begins at `micros` or above: rounding up favours the candidate. */
function bucketFrom(histogram: EdgeHistogram, micros: number): number {
  let low = 0;
  let high = histogram.counts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (histogram.lowerMicros(middle) >= micros) high = middle;
    else low = middle + 1;
  }
  return low;
}

function table(buckets: number, edges: readonly number[], tails: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(buckets);
  let location = 0;
  for (let i = 0; i < buckets; i++) {
    while (location < edges.length && edges[location]! <= i) location++;
    let byte = location;
    for (let k = 0; k < tailCount; k++) if (i >= tails[k]!) byte |= 16 << k;
    bytes[i] = byte;
  }
  return bytes;
}

/** Probit of the middle rank of each class; an empty class scores like the border it lies on. */
function midrankScores(shares: Float64Array, n: number): Float64Array {
  const edge = 0.5 / (n + 1);
  let below = 0;
  return shares.map((share) => {
    const middle = below + share / 2;
    below += share;
    return probit(Math.min(1 - edge, Math.max(edge, middle)));
  });
}
