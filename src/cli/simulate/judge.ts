/** What judges a run: Ebbgate's own functions (strata-judge.ts, whole-judge.ts), or a rival of bench/rivals/. */
import type { Random } from "../../core/random.ts";
import type { BothSecond } from "./second.ts";

export type Verdict = "limits" | "breaker";

export interface JudgeOptions {
  readonly alpha: number;
  /** Seconds of baseline traffic before the candidate gets its first request. */
  readonly historySeconds: number;
  /** The seconds at which a step begins; the first is 0. */
  readonly steps: readonly number[];
  /** How often the judge looks, 1 ... 10; production looks ten times. The fast way looks once. */
  readonly looksPerSecond: number;
  /** Whether the traffic has latencies; otherwise they are 0. */
  readonly timed: boolean;
  /** The shares of the baseline's traffic by cohort shard modulo 32, where they are uneven. */
  readonly shardShares: Float64Array | null;
  /** The candidate's share by the split, where goals are compared by it; null: there are none. */
  readonly goalShare: ((second: number) => number) | null;
  /** Whether answers send numbers. */
  readonly numbers: boolean;
  readonly endpointsBaseline: number;
  readonly endpointsCandidate: number;
  /** For what is not in the counts: at which moment of its second a request came, and from which client. */
  readonly random: Random;
}

export interface Found {
  readonly by: Verdict;
  /** Since the candidate's first weight. */
  readonly atSecond: number;
  /** Candidate requests that were dispatched until then. */
  readonly requests: number;
}

export interface Judge {
  /** Takes in one dispatch second; negative ones are the history. @returns a breach, once */
  second(second: number, counts: BothSecond): Found | null;
  /** The overdispersion that was estimated; 1 where it is not. */
  readonly phi?: number;
}

export type JudgeMaker = (options: JudgeOptions) => Judge;
