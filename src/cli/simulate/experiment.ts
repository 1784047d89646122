/** One run with several candidates: each has its own requests and its own judge, with its part of alpha, and all have the same baseline. */
import type { Random } from "../../core/random.ts";
import type { Judge, Verdict } from "./judge.ts";
import type { Outcome } from "./run.ts";
import type { Row } from "./row.ts";
import { newBoth, type BothSecond } from "./second.ts";
import { Traffic, type TrafficPlan } from "./traffic.ts";

/** A second as each candidate's judge sees it. In a row with a regression the first candidate has it, and the others are like the baseline. */
export class Candidates {
  private readonly traffics: readonly Traffic[];
  private readonly seen: readonly BothSecond[];

  /** @param streamOf a stream of draws for each candidate, by its index */
  constructor(plan: TrafficPlan, count: number, streamOf: (candidate: number) => Random) {
    const sound = { ...plan, errorsCandidate: plan.errorsBaseline, ...(plan.latency === undefined ? {} : { latency: { ...plan.latency, candidate: () => plan.latency!.baseline } }) };
    this.traffics = Array.from({ length: count }, (_, i) => new Traffic(i === 0 ? plan : sound, streamOf(i)));
    this.seen = Array.from({ length: count }, newBoth);
  }

  fill(second: number): readonly BothSecond[] {
    const { traffics, seen } = this;
    traffics.forEach((traffic, i) => traffic.fill(second, seen[i]!));
    const { baseline } = seen[0]!;
    // The baseline is drawn once: what it happens to do, it does beside all of them.
    return seen.map(({ candidate }) => ({ candidate, baseline }));
  }

  shardShares(shards: number): Float64Array | null {
    return this.traffics[0]!.shardShares(shards);
  }
}

/**
 * @param judges one for each candidate, with its part of alpha
 * @returns in a quiet row the first conviction, of whomever; in a regression that of the first candidate, or of another one, which is a false one: its time is 0
 */
export function runExperiment(row: Row, judges: readonly Judge[], candidates: Candidates): Outcome {
  let total = 0;
  let requests = 0;
  const outcome = (by: Verdict | null, seconds: number): Outcome => ({ by, seconds, requests, total, phi: judges[0]!.phi ?? 1 });
  for (let second = -row.historySeconds; second < row.seconds; second++) {
    const seen = candidates.fill(second);
    requests += seen[0]!.candidate.n;
    total += seen.reduce((sum, { candidate }) => sum + candidate.n, seen[0]!.baseline.n);
    for (const [i, judge] of judges.entries()) {
      const found = judge.second(second, seen[i]!);
      if (found !== null) return outcome(found.by, row.kind === "regression" && i > 0 ? 0 : found.atSecond);
    }
  }
  return outcome(null, row.seconds);
}
