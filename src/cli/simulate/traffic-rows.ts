/** How much traffic a decision needs: regressions of all sizes, counted in candidate requests, which hardly depend on the rate. */
import { lognormal } from "./latency-model.ts";
import type { RegressionRow } from "./row.ts";
import { always, type TrafficPlan } from "./traffic.ts";

const usual: TrafficPlan = {
  requestsPerSecond: always(500), share: always(0.05), errorsBaseline: always(0.001), errorsCandidate: always(0.001),
  endpointsBaseline: 8, endpointsCandidate: 8,
};
const unknown = { requests: null, seconds: null };
const web = lognormal(40, 0.5);

const row = (name: string, title: string, traffic: Partial<TrafficPlan>): RegressionRow => ({
  kind: "regression", name, title, traffic: { ...usual, ...traffic }, reference: unknown, seconds: 14_400, historySeconds: 600, steps: [0],
  way: "strata", looksPerSecond: 1, onsetSecond: 0, runs: { full: 200, quick: 40 },
});

const constantly = <T>(value: T) => (): T => value;
const percent = (share: number): string => `${Number((share * 100).toPrecision(3))}%`;
const errors = (before: number, after: number): RegressionRow =>
  row(`need-${percent(before)}-${percent(after)}`.replaceAll("%", ""), `errors ${percent(before)} -> ${percent(after)}`, { errorsBaseline: always(before), errorsCandidate: always(after) });
const slower = (times: number): RegressionRow =>
  row(`need-slower-${Math.round((times - 1) * 100)}`, `everything ${Math.round((times - 1) * 100)}% slower`, { latency: { baseline: web, candidate: constantly(lognormal(40 * times, 0.5)) } });

export const trafficRows: readonly RegressionRow[] = [
  ...[0.002, 0.005, 0.01, 0.05, 0.2].map((after) => errors(0.0001, after)),
  ...[0.002, 0.005, 0.01, 0.05, 0.2].map((after) => errors(0.001, after)),
  ...[0.015, 0.02, 0.03, 0.05, 0.2].map((after) => errors(0.01, after)),
  ...[0.07, 0.1, 0.2].map((after) => errors(0.05, after)),
  ...[1.15, 1.2, 1.3, 1.5, 2, 3].map(slower),
];
