/** One run of one row: a world, a judge, and what came of it. */
import { latencyShards } from "../../observe/layout.ts";
import { Candidates, runExperiment } from "./experiment.ts";
import { FleetJudge } from "./fleet-judge.ts";
import type { Judge, JudgeMaker, Verdict } from "./judge.ts";
import { streamOf } from "./random.ts";
import type { Row } from "./row.ts";
import { StrataJudge } from "./strata-judge.ts";
import { newBoth } from "./second.ts";
import { Traffic } from "./traffic.ts";
import { WholeJudge } from "./whole-judge.ts";

export interface Outcome {
  /** null: no verdict within the row's time. */
  readonly by: Verdict | null;
  /** Since the onset (in a quiet row: since the candidate's first weight); negative for a verdict before it. */
  readonly seconds: number;
  /** Candidate requests since then, up to the verdict or the end. */
  readonly requests: number;
  /** Requests of both variants in the whole run. */
  readonly total: number;
  readonly phi: number;
}

/** Ebbgate's judge, by the way that the row asks for. */
export const ownJudge = (row: Row): JudgeMaker => (options): Judge => {
  switch (row.way) {
    case "whole":
      return new WholeJudge(options);
    case "strata":
      return new StrataJudge(options);
    case "fleet":
      return new FleetJudge(options, sidecars);
  }
};
const sidecars = 20;

/**
 * @param seed with the row's name and the run's number, fixes every draw: a run is the same in any order, on any thread
 */
export function runOnce(row: Row, make: JudgeMaker, alpha: number, seed: number, run: number): Outcome {
  const { traffic: plan } = row;
  if (row.candidates !== undefined) return runSeveral(row, row.candidates, make, alpha, `${seed}/${row.name}/${run}`);
  const traffic = new Traffic(plan, streamOf(`${seed}/${row.name}/${run}`));
  const judge = make({
    alpha, historySeconds: row.historySeconds, steps: row.steps, looksPerSecond: row.looksPerSecond,
    timed: plan.latency !== undefined, shardShares: traffic.shardShares(latencyShards),
    goalShare: plan.goals === undefined ? null : plan.share, numbers: plan.numbers !== undefined,
    endpointsBaseline: plan.endpointsBaseline, endpointsCandidate: plan.endpointsCandidate, random: streamOf(`${seed}/${row.name}/${run}/judge`),
  });
  const both = newBoth();
  const onset = row.kind === "regression" ? row.onsetSecond : 0;
  let before = 0;
  let candidate = 0;
  let total = 0;
  for (let second = -row.historySeconds; second < row.seconds; second++) {
    traffic.fill(second, both);
    candidate += both.candidate.n;
    total += both.candidate.n + both.baseline.n;
    if (second < onset) before = candidate;
    const found = judge.second(second, both);
    if (found !== null) return { by: found.by, seconds: found.atSecond - onset, requests: Math.max(0, found.requests - before), total, phi: judge.phi ?? 1 };
  }
  return { by: null, seconds: row.seconds - onset, requests: candidate - before, total, phi: judge.phi ?? 1 };
}

function runSeveral(row: Row, count: number, make: JudgeMaker, alpha: number, stream: string): Outcome {
  const { traffic: plan } = row;
  const candidates = new Candidates(plan, count, (candidate) => streamOf(`${stream}/${candidate}`));
  const judges = Array.from({ length: count }, (_, candidate) => make({
    // As a document with `candidates` compiles it.
    alpha: alpha / count, historySeconds: row.historySeconds, steps: row.steps, looksPerSecond: row.looksPerSecond, timed: plan.latency !== undefined, shardShares: candidates.shardShares(latencyShards),
    goalShare: plan.goals === undefined ? null : plan.share, numbers: plan.numbers !== undefined,
    endpointsBaseline: plan.endpointsBaseline, endpointsCandidate: plan.endpointsCandidate, random: streamOf(`${stream}/${candidate}/judge`),
  }));
  return runExperiment(row, judges, candidates);
}
