/**
 * The fast way through the judge: the tests, strata, wealth and edges of production, fed with rows as the slab would
 * show them, one look a second. Answers in flight and the breaker need whole-judge.ts.
 */
import { defaultLimits } from "../../config/rollout-plan.ts";
import { locationClassCount, tailCount, type SecondCounts } from "../../judge/counts.ts";
import type { Dispersion, DispersionFound } from "../../judge/dispersion.ts";
import type { LatencyModel } from "../../judge/edges.ts";
import { StrataBook, type Seconds } from "../../judge/strata.ts";
import { Trial, type Taken } from "../../judge/trial.ts";
import { breachThreshold, restartPeriodSeconds, stepInjection } from "../../judge/wealth.ts";
import { bucketOf } from "../../observe/histogram.ts";
import { counted, ErrorFilter } from "../../observe/error-filter.ts";
import { blockSeconds, histogramBuckets, numberClasses } from "../../observe/layout.ts";
import { EdgeKeeper } from "../../rollout/edge-keeper.ts";
import { edgeMargins, LatencyModels, limitTests, type LimitTest } from "../../rollout/limit-tests.ts";
import { BaselineBlocks } from "./baseline-blocks.ts";
import type { Found, Judge, JudgeOptions } from "./judge.ts";
import { limitsWith, NumberClasses, withOdds } from "./numbers-and-goals.ts";
import { endpointOf, type BothSecond, type Side, type VariantSecond } from "./second.ts";

const ringSeconds = 64;
/** Simulated seconds begin here, so that none is negative. */
const origin = 100_000;
const firstByteTimeoutMs = 15_000;
/** A second with so many requests is a stratum by itself; no stratum is longer than ten (judge/strata.ts). */
const closesAlone = 25;
const longestStratum = 10;
/** The candidate's warm-up, as production counts it at 25 requests a second and more. */
const warmUpSeconds = 4;

interface Row extends SecondCounts {
  n: number;
  errors: number;
  errorsSpread: number;
  settled: number;
  generation: number;
  readonly goals: [number];
  numberGeneration: number;
  readonly numbers: Float64Array;
  readonly location: Float64Array;
  readonly tails: Float64Array;
}

const newRow = (): Row => ({ n: 0, errors: 0, errorsSpread: 0, settled: 0, generation: 0, goals: [0], numberGeneration: 0, numbers: new Float64Array(numberClasses), location: new Float64Array(locationClassCount), tails: new Float64Array(tailCount) });
const newRing = (): Row[] => Array.from({ length: ringSeconds }, newRow);

export class StrataJudge implements Judge {
  private readonly options: JudgeOptions;
  private readonly threshold: number;
  readonly tests: readonly LimitTest[];
  private readonly trial: Trial;
  private readonly models = new LatencyModels();
  private readonly numberModels = new LatencyModels();
  private readonly numbers: NumberClasses | null;
  private readonly edges: EdgeKeeper;
  private readonly histogram = new Float64Array(histogramBuckets);
  private readonly rows = { candidate: newRing(), baseline: newRing() };
  private readonly filters = { candidate: new ErrorFilter(), baseline: new ErrorFilter() };
  private readonly blocks: BaselineBlocks;
  /** Rows before it are in no open stratum, and nothing more becomes known of them: the book need not read them again. */
  private visibleFrom = 0;
  private readonly seconds: Seconds = {
    candidate: (second) => this.row("candidate", second),
    baseline: (second) => this.row("baseline", second),
    // Every outcome is known when its second ends: nothing is ever read twice.
    fingerprint: () => 0,
  };
  private model: LatencyModel | null = null;
  private buckets = new Uint16Array(512);
  private now = 0;
  private requests = 0;
  private step = 0;
  private injected = 0;
  private readonly silentShare: number;

  constructor(options: JudgeOptions) {
    this.options = options;
    this.threshold = breachThreshold(options.alpha);
    this.blocks = new BaselineBlocks(options.endpointsBaseline);
    // The evidence for an advance takes no part in a breach: leaving it out halves the cost.
    const limits = limitsWith(defaultLimits, options.goalShare !== null, options.numbers);
    this.numbers = options.numbers ? new NumberClasses((origin - options.historySeconds) * 1000) : null;
    const all = limitTests(limits, this.models, () => 1, this.numberModels).map((one) => ({ ...one, test: { ...one.test, notWorse: null } }));
    this.tests = all.filter((one) => !isSilent(one, options.timed));
    this.silentShare = all.reduce((sum, one) => (isSilent(one, options.timed) ? sum + one.share : sum), 0);
    this.trial = new Trial(this.tests.map(({ test }) => test), new StrataBook(origin, origin + warmUpSeconds, (from) => withOdds(this.blocks.dispersion, options.goalShare?.(from - origin))));
    this.edges = new EdgeKeeper(edgeMargins(defaultLimits), firstByteTimeoutMs, this.histogram, (origin - options.historySeconds) * 1000);
  }

  /** What the last second took in: for a fleet's leader. */
  get taken(): readonly Taken[] {
    return this.trial.taken;
  }

  /** What the sidecar reports of its baseline's dispersion, and what it would be held to alone. */
  get dispersion(): { readonly found: DispersionFound; readonly alone: Dispersion } {
    return { found: this.blocks.found, alone: this.blocks.dispersion };
  }

  get phi(): number {
    return this.blocks.dispersion.errors;
  }

  /** The rho that sticky assignment allows at the moment. */
  get rho(): number {
    return this.blocks.dispersion.rho;
  }

  second(second: number, counts: BothSecond): Found | null {
    const at = origin + second;
    this.now = second;
    this.take("baseline", at, counts.baseline);
    this.take("candidate", at, counts.candidate);
    if (timed(counts.baseline)) this.learn((at + 1) * 1000);
    const numbers = this.numbers?.learn((at + 1) * 1000) ?? null;
    if (numbers !== null) this.numberModels.add(numbers);
    const found = second < 0 ? null : this.look(second, at, counts);
    this.blocks.second(counts.candidate.n, counts.candidate.n + counts.baseline.n);
    return found;
  }

  private look(second: number, at: number, counts: BothSecond): Found | null {
    this.requests += counts.candidate.n;
    if (this.options.steps[this.step] === second) {
      const amount = stepInjection(this.step++, this.options.steps.length);
      this.trial.inject(amount);
      this.injected += amount;
    }
    this.visibleFrom = counts.candidate.n + counts.baseline.n >= closesAlone ? at : Math.max(this.visibleFrom, at - longestStratum);
    this.trial.update((at + 1) * 1000 + 100, this.seconds);
    let sum = this.silent(second);
    for (let i = 0; i < this.tests.length; i++) sum += this.tests[i]!.share * this.trial.wealth(i);
    return sum < this.threshold ? null : { by: "limits", atSecond: second + 1, requests: this.requests };
  }

  /** What the silent tests have: their ratios are all 0, so their wealth is what was injected and the restart term. */
  silent(second: number): number {
    return this.silentShare * (this.injected + (second + 1) / restartPeriodSeconds);
  }

  private row(side: Side, second: number): Row | undefined {
    return second < this.visibleFrom ? undefined : this.rows[side][second % ringSeconds]!;
  }

  private take(side: Side, at: number, of: VariantSecond): void {
    const row = this.rows[side][at % ringSeconds]!;
    row.n = of.n;
    row.settled = of.n;
    row.generation = 0;
    row.goals[0] = of.goals;
    if (this.numbers !== null) row.numberGeneration = this.numbers.classify(side, of.numbers, row.numbers);
    this.errors(side, at, row, of);
    const table = side === "candidate" ? this.model?.candidateTable : this.model?.baselineTable;
    if (!timed(of)) {
      if (side === "baseline") this.blocks.answers(of.n, this.options.shardShares);
      return;
    }
    this.bucket(of);
    if (side === "baseline") for (let i = 0; i < of.n; i++) this.histogram[this.buckets[i]!]!++;
    if (table !== undefined) this.classify(side, row, of, table);
  }

  private errors(side: Side, at: number, row: Row, of: VariantSecond): void {
    const { random } = this.options;
    const filter = this.filters[side];
    const endpoints = side === "candidate" ? this.options.endpointsCandidate : this.options.endpointsBaseline;
    row.errors = 0;
    row.errorsSpread = 0;
    // Every endpoint answers in every block, at these rates.
    if (at % blockSeconds === 0 || this.now === 0) for (let e = 0; e < endpoints; e++) filter.seen(e, Math.floor(at / blockSeconds));
    for (let i = -of.plain; i < of.shared.length; i++) {
      const failure = i < 0 ? undefined : of.shared[i]!;
      const client = failure?.client ?? (random() * 4294967296) >>> 0;
      const endpoint = failure === undefined || failure.endpoint < 0 ? Math.floor(random() * endpoints) : failure.endpoint;
      const bits = filter.count(client, endpoint, at);
      if ((bits & counted.first) === 0) continue;
      row.errors++;
      if ((bits & counted.spread) === 0) continue;
      row.errorsSpread++;
      if (side === "baseline") this.blocks.error(client, endpoint);
    }
  }

  /** Into the buckets of the histogram, once: the classes and the edges' history both start from there. */
  private bucket(of: VariantSecond): void {
    if (this.buckets.length < of.n) this.buckets = new Uint16Array(2 * of.n);
    for (let i = 0; i < of.n; i++) this.buckets[i] = bucketOf(of.latencyMs[i]! * 1000);
  }

  private classify(side: Side, row: Row, of: VariantSecond, table: Uint8Array): void {
    row.generation = this.model!.generation;
    const { location, tails } = row;
    location.fill(0);
    tails.fill(0);
    const endpoints = this.options.endpointsBaseline;
    for (let i = 0; i < of.n; i++) {
      const byte = table[this.buckets[i]!]!;
      location[byte & 15]!++;
      if (byte >= 16) {
        tails[0]! += (byte >>> 4) & 1;
        tails[1]! += (byte >>> 5) & 1;
        tails[2]! += (byte >>> 6) & 1;
        tails[3]! += byte >>> 7;
      }
      if (side === "baseline") this.blocks.answer(of.clients[i]!, endpointOf(of.clients[i]!, endpoints), byte & 15, (byte & 32) !== 0);
    }
  }

  /** New edges hold from the next second on: they are older than what they classify. */
  private learn(nowMs: number): void {
    const model = this.edges.update(this.histogram, (this.model?.generation ?? 0) + 1, nowMs);
    if (model === null) return;
    this.models.add(model);
    this.model = model;
  }
}

/**
 * Whether a test can say nothing in these worlds: those on latency where there is none, and those for a candidate that is
 * alone, which it never is here. Leaving them out of the trial, but not out of the sum, is two thirds of the time.
 */
const isSilent = ({ limit, bound }: LimitTest, hasLatency: boolean): boolean => bound === "absolute" || (!hasLatency && defaultLimits[limit]?.metric === "latency");

/** A plan without latencies leaves the times at 0. */
const timed = (of: VariantSecond): boolean => of.n > 0 && of.latencyMs[0]! > 0;
