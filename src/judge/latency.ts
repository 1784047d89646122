/**
 * The latency test, and any test on ordered classes (JUDGE 2). For every weight g_y > 0 that does not fall from the
 * good classes to the bad ones,
 *
 *     l = sum_y c_y ln g_y - (c_y + b_y) log1p(theta (g_y - 1)),   theta = n_c / (n_c + n_b)
 *
 * has E[exp l] <= 1 while the candidate is stochastically no slower than the baseline: by the weighted inequality of the
 * arithmetic and geometric means at equality, and because both factors are monotone in y beyond it. With weights that
 * fall, it is evidence for the opposite: that the candidate is not slower (JUDGE 6).
 */
import { locationClassCount, type LatencyCounts } from "./counts.ts";
import type { LatencyModel } from "./edges.ts";

/** Tails that a limit can name: p95, p99, 2*p99. */
const namedTails = 3;

/** How strongly the bulk may have shifted: g = exp(eta * probit(midrank)). */
export const locationEtas: readonly number[] = [0.1, 0.2, 0.35, 0.6, 1, 1.6, 2.4, 3.2];
/** How much more often a tail edge may be exceeded, as odds ratios. */
export const tailOdds: readonly number[] = [1.25, 1.5, 2, 3, 4.5, 7, 12, 30, 100];
export const p99Alternatives = tailOdds.length + 3;

/** What is betted on each: more on the slight changes, which take long, than on those that any bet finds within seconds (decision 015). */
export const locationPrior: readonly number[] = normalise([2, 2, 1.5, 1, 0.8, 0.6, 0.5, 0.4]);
const tailPrior: readonly number[] = normalise([1.2, 1.5, 1.5, 1.3, 1, 0.8, 0.7, 0.5, 0.4]);
/** Beyond 2*p99 a healthy baseline has next to nothing, so what goes wrong there multiplies it. */
const farTailPrior: readonly number[] = normalise([0.1, 0.1, 0.2, 0.3, 0.5, 1.3, 5, 1.2, 0.3]);
/**
 * Bets of the p99 on how far it is exceeded: weights of p99 ... 1.5*p99, ... 2*p99, and beyond. A few requests that take several times as long
 * show there first (decision 070).
 */
const ladders: readonly (readonly [number, number, number])[] = [[1.2, 2, 4], [1, 4.5, 12], [1, 12, 30]];
const ladderPrior = normalise([...tailPrior.map((part) => 0.5 * part), 0.1, 0.3, 0.1]);
/** By tail: p95, p99, 2*p99. */
export const tailPriors: readonly (readonly number[])[] = [tailPrior, ladderPrior, farTailPrior];

function normalise(parts: readonly number[]): number[] {
  const sum = parts.reduce((a, b) => a + b, 0);
  return parts.map((part) => part / sum);
}

/** Class weights of one generation: for each alternative, ln g and g. */
export interface LatencyWeights {
  readonly model: LatencyModel;
  readonly location: readonly ClassWeights[];
  /** By tail: p95, p99, 2*p99; two classes each, kept and exceeded. */
  readonly tails: readonly (readonly ClassWeights[])[];
  /** Four classes each: up to p99, to 1.5*p99, to 2*p99, beyond. */
  readonly ladders: readonly ClassWeights[];
  readonly logs: ShareLogs;
}

/** Plain arrays: there are seventy of two to sixteen numbers for each generation, and making as many typed ones takes longer than filling them. */
interface ClassWeights {
  readonly log: readonly number[];
  /** g - 1. */
  readonly excess: readonly number[];
}

/**
 * @param direction 1: bets on slower (a breach); -1: on not slower (advance)
 * @param logs may be shared among generations, which saves memory
 */
export function latencyWeights(model: LatencyModel, direction: 1 | -1, logs: ShareLogs = new ShareLogs()): LatencyWeights {
  return {
    model, logs,
    location: locationEtas.map((eta) => normalised(model.classShares, Array.from(model.scores, (z) => Math.exp(direction * eta * z)))),
    tails: Array.from(model.tailShares.subarray(0, namedTails), (q) => tailOdds.map((odds) => normalised([1 - q, q], [1, odds ** direction]))),
    ladders: ladders.map((steps) => normalised(ladderShares(model.tailShares), [1, ...steps.map((g) => g ** direction)])),
  };
}

/** Scales to sum q_y g_y = 1: the bet that grows fastest against a baseline like the earlier one. */
function normalised(shares: ArrayLike<number>, weights: readonly number[]): ClassWeights {
  let mean = 0;
  for (let y = 0; y < weights.length; y++) mean += shares[y]! * weights[y]!;
  return { log: weights.map((g) => Math.log(g / mean)), excess: weights.map((g) => g / mean - 1) };
}

/**
 * Adds the ratios of the bulk to `out`, one for each eta.
 * A request without a class (still in flight, or failed without an answer) weighs 1: it says nothing.
 */
export function addLocationLlr(counts: LatencyCounts, weights: LatencyWeights, out: Float64Array): void {
  if (counts.nC <= 0 || counts.nB <= 0) return;
  const { locationC, locationB } = counts;
  const theta = counts.nC / (counts.nC + counts.nB);
  const known = weights.logs.of(weights, theta).location;
  for (let j = 0; j < weights.location.length; j++) {
    const { log, excess } = weights.location[j]!;
    const at = j * locationClassCount;
    let l = 0;
    for (let y = 0; y < locationClassCount; y++) {
      const c = locationC[y]!;
      const both = c + locationB[y]!;
      if (both === 0) continue;
      let ofShare = known[at + y]!;
      if (Number.isNaN(ofShare)) ofShare = known[at + y] = Math.log1p(theta * excess[y]!);
      l += c * log[y]! - both * ofShare;
    }
    out[j]! += l;
  }
}

/** Adds the ratios of one tail to `out`, one for each odds ratio. @param tail 0: p95, 1: p99, 2: 2*p99 */
export function addTailLlr(counts: LatencyCounts, weights: LatencyWeights, tail: number, out: Float64Array): void {
  const { nC, nB } = counts;
  if (nC <= 0 || nB <= 0) return;
  const theta = nC / (nC + nB);
  const c = Math.min(nC, counts.tailsC[tail]!);
  const both = c + Math.min(nB, counts.tailsB[tail]!);
  const alternatives = weights.tails[tail]!;
  const known = weights.logs.of(weights, theta).tails;
  let at = tail * alternatives.length * 2;
  for (let j = 0; j < alternatives.length; j++, at += 2) {
    const { log, excess } = alternatives[j]!;
    if (Number.isNaN(known[at]!)) {
      known[at] = Math.log1p(theta * excess[0]!);
      known[at + 1] = Math.log1p(theta * excess[1]!);
    }
    const kept = (nC - c) * log[0]! - (nC + nB - both) * known[at]!;
    out[j]! += kept + c * log[1]! - both * known[at + 1]!;
  }
}

/**
 * Adds the ratios of the p99's ladders to `out`, behind those of `addTailLlr`.
 * @param far whether beyond 2*p99 is a class of its own: only where the candidate's edge there is moved at least as far as its p99
 */
export function addLadderLlr(counts: LatencyCounts, weights: LatencyWeights, far: boolean, out: Float64Array): void {
  const { nC, nB, tailsC, tailsB } = counts;
  if (nC <= 0 || nB <= 0) return;
  const theta = nC / (nC + nB);
  const known = weights.logs.of(weights, theta).tails;
  let at = 2 * namedTails * tailOdds.length;
  for (let j = 0; j < ladders.length; j++, at += 4) {
    const { log, excess } = weights.ladders[j]!;
    let l = 0;
    for (let y = 0; y < 4; y++) {
      const c = ladderClass(nC, tailsC, far, y);
      const both = c + ladderClass(nB, tailsB, far, y);
      if (both === 0) continue;
      if (Number.isNaN(known[at + y]!)) known[at + y] = Math.log1p(theta * excess[y]!);
      l += c * log[y]! - both * known[at + y]!;
    }
    out[tailOdds.length + j]! += l;
  }
}

/** Of n requests those between two of p99, 1.5*p99 and 2*p99. */
function ladderClass(n: number, tails: ArrayLike<number>, far: boolean, y: number): number {
  const p99 = Math.min(n, tails[1]!);
  const half = Math.min(p99, tails[3]!);
  const twice = far ? Math.min(half, tails[2]!) : 0;
  return y === 0 ? n - p99 : y === 1 ? p99 - half : y === 2 ? half - twice : twice;
}

const ladderShares = ([, p99, twice, half]: ArrayLike<number> & Iterable<number>): number[] => [1 - p99!, p99! - half!, half! - twice!, twice!];

/** The strata in flight are those of the last 5 s and the one that is open; some more where edges changed within one. */
const rememberedShares = 8;

interface LogsOfShare {
  of: LatencyWeights | null;
  theta: number;
  /** `log1p(theta (g_y - 1))` by alternative and class; NaN: not computed yet. */
  readonly location: Float64Array;
  /** By tail, alternative, and kept or exceeded. */
  readonly tails: Float64Array;
}

/**
 * The logarithms of the last few shares theta. A stratum keeps its share from its end on, because a share is of dispatched requests,
 * and it is looked at up to ten times a second while it is in flight: the logarithms would be most of a look.
 */
export class ShareLogs {
  private readonly entries: LogsOfShare[] = [];
  private oldest = 0;

  of(weights: LatencyWeights, theta: number): LogsOfShare {
    for (const entry of this.entries) if (entry.theta === theta && entry.of === weights) return entry;
    let entry = this.entries[this.oldest];
    if (this.entries.length < rememberedShares) {
      const tails = 2 * namedTails * tailOdds.length + 4 * ladders.length;
      this.entries.push((entry = { of: null, theta: 0, location: new Float64Array(locationEtas.length * locationClassCount), tails: new Float64Array(tails) }));
    } else {
      this.oldest = (this.oldest + 1) % rememberedShares;
    }
    entry!.of = weights;
    entry!.theta = theta;
    entry!.location.fill(Number.NaN);
    entry!.tails.fill(Number.NaN);
    return entry!;
  }
}
