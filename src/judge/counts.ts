import type { Odds } from "./conversion.ts";

/** The integers that the judge reads. The slab's rows (observe/reader.ts) have the same shape. */

export const locationClassCount = 16;
/** p95, p99, 2*p99, 1.5*p99. */
export const tailCount = 4;

/** One dispatch second of one variant. */
export interface SecondCounts {
  /** Dispatched in this second. */
  readonly n: number;
  /** Deduplicated by client (JUDGE 4.2). */
  readonly errors: number;
  /**
   * The errors without what a single endpoint had in excess of the variant's others; at most `errors`, which it is where it
   * is absent. Held against the candidate only, so the ratio is never more than that of `errors` (decision 014).
   */
  readonly errorsSpread?: number;
  /** Outcomes known so far. */
  readonly settled: number;
  /** The latency edges that the classes were counted against; 0: none. */
  readonly generation: number;
  /** Sixteen classes from fast to slow; less than n while in flight, or where a failure says nothing about latency. */
  readonly location: ArrayLike<number>;
  /** Exceedances of p95, p99, 2*p99 and 1.5*p99, counted as soon as an exchange's age passes the edge. */
  readonly tails: ArrayLike<number>;
  /** Conversions by goal, which this second's requests reached; absent: none. */
  readonly goals?: ArrayLike<number>;
  /** Classes of a custom metric's numbers from good to bad, counted against these edges; absent or 0: none. */
  readonly numbers?: ArrayLike<number>;
  readonly numberGeneration?: number;
}

/** Goals of one route: what the slab has room for. */
export const goalCount = 4;

/** Classes of both variants over the seconds of a stratum that were counted against one generation of edges. */
export interface LatencyCounts {
  generation: number;
  nC: number;
  nB: number;
  unsettledC: number;
  unsettledB: number;
  readonly locationC: Float64Array;
  readonly locationB: Float64Array;
  readonly tailsC: Float64Array;
  readonly tailsB: Float64Array;
}

/** A stratum: both variants over 1 ... 10 dispatch seconds. C is the candidate, B the baseline. */
export interface StratumCounts {
  nC: number;
  nB: number;
  errorsC: number;
  errorsB: number;
  settledC: number;
  settledB: number;
  /** The least rho that the error test uses: what sticky assignment alone may do (JUDGE 4.5); 1 where it does nothing. */
  rhoMin: number;
  /** Conversions by goal, and how many baseline cohorts there were for each of the candidate; null: not known, so nothing is said of goals. */
  readonly goalsC: Float64Array;
  readonly goalsB: Float64Array;
  odds: Odds | null;
  /** Of a custom metric: as `latency`, but n counts the numbers, not the requests. */
  readonly numbers: LatencyCounts[];
  /** Usually one; two where new edges came within the stratum. */
  readonly latency: LatencyCounts[];
}

export const emptyStratum = (): StratumCounts => ({ nC: 0, nB: 0, errorsC: 0, errorsB: 0, settledC: 0, settledB: 0, rhoMin: 1, goalsC: new Float64Array(goalCount), goalsB: new Float64Array(goalCount), odds: null, numbers: [], latency: [] });

/** Empties a stratum for its next counting. @param spare gets its latency counts, for `addSecond` to use again */
export function clearStratum(s: StratumCounts, spare: LatencyCounts[]): void {
  s.nC = s.nB = s.errorsC = s.errorsB = s.settledC = s.settledB = 0;
  s.rhoMin = 1;
  s.goalsC.fill(0);
  s.goalsB.fill(0);
  s.odds = null;
  while (s.numbers.length > 0) spare.push(s.numbers.pop()!);
  while (s.latency.length > 0) spare.push(s.latency.pop()!);
}

function clearLatency(g: LatencyCounts, generation: number): LatencyCounts {
  g.generation = generation;
  g.nC = g.nB = g.unsettledC = g.unsettledB = 0;
  for (const cells of [g.locationC, g.locationB, g.tailsC, g.tailsB]) cells.fill(0);
  return g;
}

/**
 * Adds one second of both variants. Latency counts only where both were counted against the same edges, or where the
 * candidate is alone: then nB stays 0, and only tests against earlier traffic read it.
 * @param judgeLatency false within the candidate's warm-up: cold caches are not its fault (JUDGE 2)
 * @param spare latency counts that nobody needs any more
 */
export function addSecond(into: StratumCounts, candidate: SecondCounts | undefined, baseline: SecondCounts | undefined, judgeLatency: boolean, spare: LatencyCounts[] = []): void {
  if (candidate !== undefined) {
    into.nC += candidate.n;
    into.errorsC += candidate.errorsSpread ?? candidate.errors;
    into.settledC += candidate.settled;
    if (candidate.goals !== undefined) addCounts(into.goalsC, candidate.goals);
  }
  if (baseline !== undefined) {
    into.nB += baseline.n;
    into.errorsB += baseline.errors;
    into.settledB += baseline.settled;
    if (baseline.goals !== undefined) addCounts(into.goalsB, baseline.goals);
  }
  if (candidate === undefined) return;
  if (baseline !== undefined) addNumbers(into, candidate, baseline, spare);
  if (!judgeLatency) return;
  const { generation } = candidate;
  if (generation === 0 || (baseline !== undefined && generation !== baseline.generation)) return;
  const group = groupOf(into.latency, generation, spare);
  group.nC += candidate.n;
  group.unsettledC += Math.max(0, candidate.n - candidate.settled);
  addCounts(group.locationC, candidate.location);
  addCounts(group.tailsC, candidate.tails);
  if (baseline === undefined) return;
  group.nB += baseline.n;
  group.unsettledB += Math.max(0, baseline.n - baseline.settled);
  addCounts(group.locationB, baseline.location);
  addCounts(group.tailsB, baseline.tails);
}

function addNumbers(into: StratumCounts, candidate: SecondCounts, baseline: SecondCounts, spare: LatencyCounts[]): void {
  const { numbers, numberGeneration = 0 } = candidate;
  if (numberGeneration === 0 || numbers === undefined || baseline.numbers === undefined || numberGeneration !== baseline.numberGeneration) return;
  const group = groupOf(into.numbers, numberGeneration, spare);
  addCounts(group.locationC, numbers);
  addCounts(group.locationB, baseline.numbers);
  group.nC += sum(numbers);
  group.nB += sum(baseline.numbers);
}

function sum(counts: ArrayLike<number>): number {
  let all = 0;
  for (let i = 0; i < counts.length; i++) all += counts[i]!;
  return all;
}

function groupOf(groups: LatencyCounts[], generation: number, spare: LatencyCounts[]): LatencyCounts {
  let group = groups.find((g) => g.generation === generation);
  if (group === undefined) {
    const used = spare.pop();
    groups.push((group = used === undefined ? emptyLatency(generation) : clearLatency(used, generation)));
  }
  return group;
}

function addCounts(into: Float64Array, counts: ArrayLike<number>): void {
  for (let i = 0; i < into.length; i++) into[i]! += counts[i] ?? 0;
}

export const emptyLatency = (generation: number): LatencyCounts => ({
  generation, nC: 0, nB: 0, unsettledC: 0, unsettledB: 0,
  locationC: new Float64Array(locationClassCount), locationB: new Float64Array(locationClassCount),
  tailsC: new Float64Array(tailCount), tailsB: new Float64Array(tailCount),
});

/**
 * The stratum as it will look at worst for the accusation: whatever of the candidate is still in flight turns out well
 * and fast and reaches every goal, whatever of the baseline is turns out failed and slow. Every log-likelihood ratio rises with the candidate's
 * bad counts and falls with the baseline's, so the ratio of these counts is a lower bound on that of the final ones,
 * for every path: see strata.ts.
 * @param into what is overwritten, and returned
 */
export function pessimistic(s: StratumCounts, into: StratumCounts = emptyStratum()): StratumCounts {
  into.nC = into.settledC = s.nC;
  into.nB = into.settledB = s.nB;
  into.errorsC = s.errorsC;
  into.errorsB = Math.min(s.nB, s.errorsB + Math.max(0, s.nB - s.settledB));
  into.rhoMin = s.rhoMin;
  into.odds = s.odds;
  const unsettledC = Math.max(0, s.nC - s.settledC);
  for (let k = 0; k < goalCount; k++) {
    into.goalsC[k] = s.goalsC[k]! + unsettledC;
    into.goalsB[k] = s.goalsB[k]!;
  }
  // A number that is still to come may not come at all: until the end nothing is said of them.
  into.numbers.length = 0;
  into.latency.length = Math.min(into.latency.length, s.latency.length);
  for (let i = 0; i < s.latency.length; i++) pessimisticLatency(s.latency[i]!, (into.latency[i] ??= emptyLatency(0)));
  return into;
}

function pessimisticLatency(g: LatencyCounts, into: LatencyCounts): void {
  into.generation = g.generation;
  into.nC = g.nC;
  into.nB = g.nB;
  into.locationC.set(g.locationC);
  into.locationB.set(g.locationB);
  // What is in flight past the top edge has its class already: only the rest is unknown. Failures without a class make
  // the rest look larger than it is, which errs on the safe side.
  into.locationC[0]! += Math.min(g.unsettledC, unclassified(g.nC, g.locationC));
  into.locationB[locationClassCount - 1]! += Math.min(g.unsettledB, unclassified(g.nB, g.locationB));
  into.tailsC.set(g.tailsC);
  for (let k = 0; k < tailCount; k++) into.tailsB[k] = Math.min(g.nB, g.tailsB[k]! + g.unsettledB);
}

function unclassified(n: number, location: Float64Array): number {
  let known = 0;
  for (let y = 0; y < location.length; y++) known += location[y]!;
  return Math.max(0, n - known);
}
