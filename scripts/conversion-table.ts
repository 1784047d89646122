/**
 * How many conversions a conversion limit takes to convict, through the functions that judge in production: `node scripts/conversion-table.ts`.
 * The figures are in docs/judgement.md.
 */
import { binomial, poisson } from "../src/cli/simulate/random.ts";
import { defaultLimits, type ConversionLimit, type RolloutPlan } from "../src/config/rollout-plan.ts";
import { seededRandom } from "../src/core/random.ts";
import type { SecondCounts } from "../src/judge/counts.ts";
import { independent } from "../src/judge/dispersion.ts";
import { StrataBook } from "../src/judge/strata.ts";
import { Trial } from "../src/judge/trial.ts";
import { breachThreshold, stepInjection } from "../src/judge/wealth.ts";
import { LatencyModels, limitTests } from "../src/rollout/limit-tests.ts";

export const conversionLimit = (changes: Partial<ConversionLimit> = {}): ConversionLimit => ({
  metric: "conversion", name: "checkout", action: "rollback", relative: 1.05, scope: "everywhere", prove: false,
  goal: { kind: "request", method: "POST", path: { kind: "prefix", value: "/orders" }, statusFrom: 200, statusTo: 299 }, ...changes,
});


export interface ConversionRun {
  readonly seed: number;
  readonly weight: number;
  /** Of the candidate's conversions, the share that is left. */
  readonly left: number;
  readonly hours: number;
  readonly limits?: RolloutPlan["limits"];
}

/** 200 new cohorts a second, 5% of which convert: 10 conversions a second, by when they come. @returns conversions of both until the breach, or null */
export function conversionsUntilBreach({ seed, weight, left, hours, limits = [...defaultLimits, conversionLimit()] }: ConversionRun): number | null {
  const random = seededRandom(seed);
  const tests = limitTests(limits, new LatencyModels(), () => 1);
  const found = tests.find((one) => limits.at(one.limit)?.metric === "conversion");
  if (found === undefined) throw new Error("no conversion limit among the limits");
  const { test: goal, share } = found;
  const odds = (1 - weight) / weight;
  const book = new StrataBook(0, Number.POSITIVE_INFINITY, () => ({ ...independent, odds: { most: odds, least: odds } }));
  const trial = new Trial([goal], book);
  trial.inject(stepInjection(0, 4));
  let conversions = 0;
  const row = (n: number, goals: number): SecondCounts => ({ n, errors: 0, settled: n, generation: 0, location: [], tails: [], goals: [goals, 0, 0, 0] });
  for (let second = 0; second < hours * 3600; second++) {
    // Of those who convert in this second, each is the candidate's by the hash.
    const converting = poisson(10, random);
    const candidates = binomial(converting, weight, random);
    const mine = binomial(candidates, left, random);
    conversions += converting;
    const rows = { candidate: row(200 * weight, mine), baseline: row(200 * (1 - weight), converting - candidates) };
    trial.update((second + 1) * 1000 + 50, { candidate: (s) => (s === second ? rows.candidate : undefined), baseline: (s) => (s === second ? rows.baseline : undefined) });
    if (share * trial.wealth(0) >= breachThreshold(0.01)) return conversions;
  }
  return null;
}

const drops = [0.1, 0.2, 0.3, 0.5, 1] as const;
const weights = [0.01, 0.05, 0.1, 0.5] as const;
const runs = 60;

function cell(weight: number, drop: number): string {
  const found = Array.from({ length: runs }, (_, i) => conversionsUntilBreach({ seed: i + 1, weight, left: 1 - drop, hours: 6 }) ?? Number.POSITIVE_INFINITY).toSorted((a, b) => a - b);
  const show = (n: number): string => (Number.isFinite(n) ? Math.round(n).toLocaleString("en-US") : "over 200,000");
  return `${show(found.at(runs / 2) ?? Number.NaN)} / ${show(found.at(Math.floor(runs * 0.9)) ?? Number.NaN)}`;
}

if (import.meta.main) {
  console.log(`| weight | ${drops.map((drop) => `${drop * 100}% fewer`).join(" | ")} |`);
  console.log(`|---|${drops.map(() => "---|").join("")}`);
  for (const weight of weights) console.log(`| ${weight * 100}% | ${drops.map((drop) => cell(weight, drop)).join(" | ")} |`);
}
