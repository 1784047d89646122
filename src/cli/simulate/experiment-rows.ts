/**
 * Several candidates beside one baseline, an even split each, 500 requests a second in all. Equal ones: how often any of them is convicted. One
 * that is worse: how soon it is found with its part of alpha.
 */
import { lognormal } from "./latency-model.ts";
import type { QuietRow, RegressionRow, RowPlan } from "./row.ts";
import { always, type TrafficPlan } from "./traffic.ts";

const web = lognormal(40, 0.5);
const usualErrors = always(0.001);

/** The traffic of one candidate and the baseline: the other candidates' users are no part of it. */
function pair(candidates: number): TrafficPlan {
  const each = 500 / (candidates + 1);
  return { requestsPerSecond: always(2 * each), share: always(0.5), errorsBaseline: usualErrors, errorsCandidate: usualErrors, endpointsBaseline: 8, endpointsCandidate: 8 };
}

const rowOf = (candidates: number, name: string, title: string, traffic: Partial<TrafficPlan> = {}): RowPlan => ({
  name: `${name}-${candidates}`, title: `${candidates === 1 ? "1 candidate" : `${candidates} candidates`}, ${title}`, traffic: { ...pair(candidates), ...traffic }, candidates, seconds: 2_000, historySeconds: 300, steps: [0],
  way: "strata", looksPerSecond: 1, runs: { full: 2_000, quick: 20 },
});

const alike = (candidates: number): readonly QuietRow[] => [
  { kind: "quiet", ...rowOf(candidates, "experiment", "all like the baseline") },
  { kind: "quiet", ...rowOf(candidates, "experiment-latency", "all like the baseline, latency lognormal", { latency: { baseline: web, candidate: () => web } }), runs: { full: 2_000, quick: 4 } },
];

const oneBad = (candidates: number): readonly RegressionRow[] => [
  {
    kind: "regression", ...rowOf(candidates, "experiment-one-bad", "one has errors 0.1 -> 1%", { errorsCandidate: always(0.01) }), seconds: 3_600, onsetSecond: 0, reference: { requests: null, seconds: null },
    runs: { full: 500, quick: 20 },
  },
];

export const experimentRows: readonly (QuietRow | RegressionRow)[] = [1, 4, 8].flatMap((candidates) => [...(candidates === 1 ? [] : alike(candidates)), ...oneBad(candidates)]);
