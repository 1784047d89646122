/**
 * The A/A rows: two equal versions in worlds that have fooled other judges. At least a million requests a run, 500 a
 * second and 5% to the candidate where the title does not say otherwise.
 */
import { gamma, lognormal, pareto, type LatencyModel } from "./latency-model.ts";
import type { QuietRow } from "./row.ts";
import { always, type Over, type TrafficPlan } from "./traffic.ts";

const usualErrors = always(0.001);
const usual: TrafficPlan = {
  requestsPerSecond: always(500), share: always(0.05), errorsBaseline: usualErrors, errorsCandidate: usualErrors,
  endpointsBaseline: 8, endpointsCandidate: 8,
};
/** A run of a million requests at 500 a second. */
const million = 2_000;
const runs = { full: 2_000, quick: 40 };
const slowRuns = { full: 2_000, quick: 5 };

const quiet = (name: string, title: string, traffic: Partial<TrafficPlan>, more: Partial<QuietRow> = {}): QuietRow => ({
  kind: "quiet", name, title, traffic: { ...usual, ...traffic }, seconds: million, historySeconds: 300, steps: [0], way: "strata", looksPerSecond: 1, runs, ...more,
});

/** Traffic swings between a quarter and seven quarters of its mean over 1,000 s; errors between 0.1% and 2% with it. */
const wave: Over = (t) => (1 - Math.cos((2 * Math.PI * t) / 1_000)) / 2;
const seasonRate: Over = (t) => 500 * (0.25 + 1.5 * wave(t));
const seasonErrors: Over = (t) => 0.001 * (1 + 19 * wave(t));
/** 1 -> 5 -> 10 -> 25 -> 50%, every 400 s. */
const rampSteps = [0, 400, 800, 1_200, 1_600];
const rampShares = [0.01, 0.05, 0.1, 0.25, 0.5];
const ramp: Over = (t) => rampShares[Math.min(rampShares.length - 1, Math.floor(t / 400))]!;
const season = { requestsPerSecond: seasonRate, errorsBaseline: seasonErrors, errorsCandidate: seasonErrors };

const clusters = { size: { kind: "geometric", mean: 10 }, triesPerSecond: 2, part: 1 } as const;
const paretoClusters = { size: { kind: "pareto", exponent: 1.2, most: 1_000 }, triesPerSecond: 2, part: 1 } as const;
const outage: Over = (t) => (t >= 700 && t < 1_000 ? 1 : 0.001);
const alone: Over = (t) => (t >= 700 && t < 1_000 ? 0.9 : 0.001);

const timed = (model: LatencyModel, more: Partial<NonNullable<TrafficPlan["latency"]>> = {}): Partial<TrafficPlan> => ({ latency: { baseline: model, candidate: () => model, ...more } });
const web = lognormal(40, 0.5);
const slightlySlower = lognormal(42, 0.5);
/** A day's swing in the length of a run: up to twice as slow. */
const drift: Over = (t) => 1 + wave(t);
/** Answers that take seconds, and failures that take longer: what is known of a second comes long after it. */
const laggard = lognormal(600, 1);
const timeouts = lognormal(4_000, 0.4);

export const quietRows: readonly QuietRow[] = [
  quiet("stationary", "errors 0.1%, stationary", {}),
  quiet("season-ramp", "errors in a season x20, ramp 1 -> 50%", { ...season, share: ramp }, { steps: rampSteps }),
  quiet("bursts", "both fail 30% for 5 s, every 100 s", { bursts: { everySeconds: 100, seconds: 5, share: 0.3 } }),
  quiet("outage", "both fail everything for 5 minutes", { errorsBaseline: outage, errorsCandidate: outage }),
  quiet("baseline-outage", "the baseline alone fails 90% for 5 minutes", { errorsBaseline: alone }),
  quiet("day", "24 h at 50 a second, weight 1%", { requestsPerSecond: always(50), share: always(0.01) }, { seconds: 86_400, runs: { full: 2_000, quick: 4 } }),
  quiet("clusters", "client clusters, geometric, mean 10", { clusters }),
  quiet("clusters-pareto", "client clusters, Pareto 1.2 up to 1,000", { clusters: paretoClusters }),
  quiet("season-ramp-clusters", "season x20, ramp 1 -> 50%, client clusters", { ...season, share: ramp, clusters }, { steps: rampSteps }),
  quiet("hiccups", "each endpoint fails for 3 s, every 10 minutes", { hiccups: { everySeconds: 600, seconds: 3 } }, { historySeconds: 600 }),
  quiet("sticky", "sticky clients that are not alike", { sticky: { clients: 2_000, trafficExponent: 1.5, trafficMost: 100, errorSigma: 1 } }, { historySeconds: 600 }),
  quiet("latency", "latency lognormal", timed(web)),
  quiet("latency-gamma", "latency gamma", timed(gamma(40))),
  quiet("latency-season", "latency with a season x2, ramp 1 -> 50%", { ...timed(web, { drift }), share: ramp, requestsPerSecond: seasonRate }, { steps: rampSteps }),
  quiet("latency-pareto", "latency Pareto 1.1", timed(pareto(5, 1.1))),
  quiet("latency-pauses", "pods pause for 1 s, every minute", timed(web, { pauses: { everySeconds: 60, seconds: 1 } })),
  quiet("latency-8h", "latency over 8 h", timed(web), { seconds: 28_800, runs: { full: 2_000, quick: 2 } }),
  quiet("latency-5-percent", "latency +5%, inside the margin", { latency: { baseline: web, candidate: () => slightlySlower } }),
  quiet("goals", "conversion goals, season, ramp 1 -> 50%", { ...season, share: ramp, goals: { perSecond: 10, left: 1 } }, { steps: rampSteps }),
  quiet("numbers", "custom numbers that drift x2, ramp 1 -> 50%", { share: ramp, numbers: { part: 0.2, baseline: lognormal(40, 0.6), candidate: lognormal(40, 0.6), drift } }, { steps: rampSteps }),
  quiet("numbers-5-percent", "custom numbers +5%, inside the margin", { numbers: { part: 0.2, baseline: lognormal(40, 0.6), candidate: lognormal(42, 0.6) } }),
  quiet("together", "errors and latency together, late answers", timed(laggard, { failures: timeouts }), { way: "whole", runs: slowRuns }),
  quiet("together-season", "together: season, ramp, clusters, late answers", { ...season, ...timed(laggard, { failures: timeouts, drift }), share: ramp, clusters }, { way: "whole", steps: rampSteps, runs: slowRuns }),
];
