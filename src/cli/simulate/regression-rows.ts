/** The detection rows: something is wrong with the candidate, at 500 requests a second and a weight of 5% where not said. */
import { lognormal, sometimes, stretched, type LatencyModel } from "./latency-model.ts";
import type { Reference, RegressionRow } from "./row.ts";
import { always, type Over, type TrafficPlan } from "./traffic.ts";

const usual: TrafficPlan = {
  requestsPerSecond: always(500), share: always(0.05), errorsBaseline: always(0.001), errorsCandidate: always(0.001),
  endpointsBaseline: 8, endpointsCandidate: 8,
};
const runs = { full: 500, quick: 20 };
const web = lognormal(40, 0.5);

const row = (name: string, title: string, traffic: Partial<TrafficPlan>, reference: Reference, more: Partial<RegressionRow> = {}): RegressionRow => ({
  kind: "regression", name, title, traffic: { ...usual, ...traffic }, reference, seconds: 3_600, historySeconds: 600, steps: [0], way: "whole", looksPerSecond: 10, onsetSecond: 0, runs, ...more,
});

/** The error share rises when the regression begins. */
const from = (onset: number, before: number, after: number): Over => (t) => (t < onset ? before : after);
const slower = (model: LatencyModel): Partial<TrafficPlan> => ({ latency: { baseline: web, candidate: () => model } });
const found = (requests: number, requests95: number, seconds: number, seconds95: number): Reference => ({
  requests: { median: requests, p95: requests95 }, seconds: { median: seconds, p95: seconds95 },
});
const after = (seconds: number): Reference => ({ requests: null, seconds: { median: seconds, p95: null } });
const unknown: Reference = { requests: null, seconds: null };
/** As in the quiet rows called together. */
const laggard = lognormal(600, 1);
const timeouts = lognormal(4_000, 0.4);
const lateOnset = 72_000;

export const regressionRows: readonly RegressionRow[] = [
  row("errors-1", "errors 0.1 -> 1%", { errorsCandidate: always(0.01) }, found(1_076, 2_335, 43, 94)),
  row("errors-5", "errors 0.1 -> 5%", { errorsCandidate: always(0.05) }, found(172, 317, 7, 13)),
  row("errors-1-2", "errors 1 -> 2%", { errorsBaseline: always(0.01), errorsCandidate: always(0.02) }, found(3_669, 7_900, 146, 316)),
  row("errors-50", "errors 0.1 -> 50%", { errorsCandidate: always(0.5) }, unknown),
  row("candidate-outage", "total outage of the candidate", { errorsCandidate: always(1) }, found(9, 12, 0.4, 0.6)),
  row("p99", "p99 x2 (the slowest 3% take twice as long)", slower(stretched(web, 0.97, 2)), found(786, 1_752, 32, 70)),
  row("all-20", "everything 20% slower", slower(lognormal(48, 0.5)), found(864, 1_685, 35, 67)),
  row("some-x5", "1.5% of requests x5", slower(sometimes(web, 0.015, 5)), found(1_136, 2_356, 46, 94)),
  row("goals-30", "30% fewer conversions, of 10 a second", { goals: { perSecond: 10, left: 0.7 } }, unknown, { way: "strata", looksPerSecond: 1 }),
  row("numbers-30", "custom numbers 30% higher, in one answer of five", { numbers: { part: 0.2, baseline: lognormal(40, 0.6), candidate: lognormal(52, 0.6) } }, unknown, { way: "strata", looksPerSecond: 1 }),
  row("together-1", "errors 0.1 -> 1%, failures known after 4 s", { errorsCandidate: always(0.01), latency: { baseline: laggard, candidate: () => laggard, failures: timeouts } }, unknown),
  row("late-onset", "errors 0.1 -> 1% after 20 healthy hours", { errorsCandidate: from(lateOnset, 0.001, 0.01) }, after(76), {
    way: "strata", looksPerSecond: 1, seconds: lateOnset + 3_600, onsetSecond: lateOnset, runs: { full: 500, quick: 4 },
  }),
  row("one-sidecar", "errors 0.1 -> 1%, one sidecar at 125 a second", { requestsPerSecond: always(125), errorsCandidate: always(0.01) }, after(170)),
  row("fleet", "errors 0.1 -> 1%, twenty such sidecars together", { requestsPerSecond: always(2_500), errorsCandidate: always(0.01) }, after(10), { way: "fleet", looksPerSecond: 1 }),
  row("hiccups-1", "errors 0.1 -> 1% under endpoint hiccups", { errorsCandidate: always(0.01), hiccups: { everySeconds: 600, seconds: 3 } }, after(881), { looksPerSecond: 1, runs: { full: 500, quick: 8 } }),
  row("sticky-1-2", "errors 1 -> 2%, sticky clients that are not alike", {
    errorsBaseline: always(0.01), errorsCandidate: always(0.02), sticky: { clients: 2_000, trafficExponent: 1.5, trafficMost: 100, errorSigma: 1 },
  }, unknown, { looksPerSecond: 1, runs: { full: 500, quick: 8 } }),
];
