/**
 * The judge of one rollout, between the slab and `decide`: takes in what was observed, keeps the wealth of every limit,
 * the breaker and the edges, and says it all as evidence. It knows no clock: the controller tells the time.
 */
import { customLimitOf, mirrorLimitOf, type RolloutPlan } from "../config/rollout-plan.ts";
import { armedBreaker, breakerThreshold, breakerTick, type BreakerState } from "../judge/breaker.ts";
import { DispersionBook, type Dispersion, type DispersionFound } from "../judge/dispersion.ts";
import type { LatencyModel } from "../judge/edges.ts";
import { StrataBook, type Seconds, type StrataChange } from "../judge/strata.ts";
import { Trial } from "../judge/trial.ts";
import { breachThreshold, stepInjection } from "../judge/wealth.ts";
import { blockSeconds, counters } from "../observe/layout.ts";
import type { SlotReader } from "../observe/reader.ts";
import { AbsoluteLatency } from "./absolute-latency.ts";
import { BreakerFeed } from "./breaker-feed.ts";
import { EarlierBaseline } from "./earlier-baseline.ts";
import type { EdgeKeeper } from "./edge-keeper.ts";
import { limitEvidence, type LimitWealth } from "./limit-evidence.ts";
import { absoluteLatencyShare, LatencyModels, limitTests, mirrorShare, type LimitTest } from "./limit-tests.ts";
import { MirrorWatch, type MirrorTally } from "./mirror-watch.ts";
import { NumberWatch } from "./number-watch.ts";
import type { RolloutInput } from "./ports.ts";
import { RouteEdges } from "./route-edges.ts";
import type { SplitWatch } from "./split-watch.ts";
import { turnOf } from "./turn-of.ts";
import type { Command, Evidence } from "./types.ts";
import { emptyWindow, VariantView, type Mark } from "./variant-view.ts";

/** The candidate's first requests meet cold caches: its latency counts after so many and so long, at the latest (JUDGE 2). */
const warmUpMinMs = 3_000;
const warmUpRequests = 100;
const warmUpMaxMs = 20_000;
/** A block is read when its last exchanges have had this time to answer. */
const blockSettleSeconds = 5;
/**
 * Of the threshold, all limits together. One stratum multiplies no wealth by more than exp(2) (`stratumCapNats`), so below a seventh the
 * next one convicts nobody.
 */
const calmShare = 0.05;
export class RolloutJudge {
  readonly plan: RolloutPlan;
  /** The newest edges; null before the first. */
  model: LatencyModel | null = null;
  private readonly baseline: VariantView;
  private readonly candidate: VariantView;
  private readonly rows: Seconds;
  private readonly edges: EdgeKeeper;
  private readonly history = new DispersionBook();
  private nextBlock: number;
  /** What the strata that close now are judged with; measured from the baseline's own history (JUDGE 4). */
  private dispersion: Dispersion = this.history.at(0);
  /** The candidate's share of the requests when the dispersion was last looked at. */
  private share = 0;
  private readonly models = new LatencyModels();
  private readonly earlier = new EarlierBaseline();
  private readonly feed: BreakerFeed;
  private readonly tests: readonly LimitTest[];
  private absolute: readonly AbsoluteLatency[] = [];
  private trial: Trial;
  private breaker: BreakerState = armedBreaker;
  private injected = 0;
  private step: { readonly candidate: Mark; readonly baseline: Mark };
  /** Since when the candidate warms up; null once it is warm. */
  private cold: { readonly sinceMs: number; readonly mark: Mark } | null = null;
  private verify: Mark | null = null;
  private lastRequests: number;
  private lastRequestMs: number;
  private absoluteAtMs: number;
  private badBefore: number;
  private failedAtStart: number;
  private readonly turnMs: number;
  private readonly split: SplitWatch | null;
  private readonly numbers: NumberWatch | null;
  private readonly mirror: MirrorWatch | null;
  private readonly numberModels = new LatencyModels();

  /** @param badBefore bad candidate responses that the rollout had cost before this judge began @param edges those that the route's other rollouts have, where there are any */
  constructor(input: RolloutInput, baseline: SlotReader, candidate: SlotReader, badBefore: number, nowMs: number, split: SplitWatch | null = null, copies: () => MirrorTally | null = () => null, edges = new RouteEdges(input, baseline, nowMs)) {
    this.plan = input.plan;
    // Only goals are compared by it.
    this.split = input.plan.limits.some(({ metric }) => metric === "conversion") ? split : null;
    this.turnMs = turnOf(baseline.slot);
    const mirror = mirrorLimitOf(input.plan);
    this.mirror = mirror === null ? null : new MirrorWatch(mirror, copies);
    const custom = customLimitOf(input.plan);
    this.numbers = custom === null || edges.numbers === null ? null : new NumberWatch(custom, baseline, candidate, nowMs, this.turnMs, edges.numbers);
    // As if the last sample had been taken before: the next one is due in this rollout's turn.
    this.baseline = new VariantView(baseline, nowMs - this.turnMs);
    this.candidate = new VariantView(candidate, nowMs - this.turnMs);
    this.rows = {
      candidate: (second) => candidate.stratum(second),
      baseline: (second) => baseline.stratum(second),
      fingerprint: (second) => candidate.fingerprint(second) + baseline.fingerprint(second),
    };
    // The block that is under way began before the judge did; it is whole all the same.
    this.nextBlock = Math.floor(nowMs / 1000 / blockSeconds);
    this.edges = edges.latency;
    this.feed = new BreakerFeed(candidate, baseline);
    this.tests = limitTests(input.plan.limits, this.models, () => this.earlier.errorBound(), this.numberModels);
    this.trial = this.newTrial(nowMs);
    this.absolute = this.newAbsolute();
    this.step = { candidate: this.candidate.mark(), baseline: this.baseline.mark() };
    this.lastRequests = this.candidate.requests;
    this.lastRequestMs = nowMs;
    this.absoluteAtMs = nowMs;
    this.badBefore = badBefore;
    this.failedAtStart = this.candidate.failed;
    this.baseline.recent(nowMs - this.turnMs);
    this.candidate.recent(nowMs - this.turnMs);
  }

  /** The age from which on an exchange without a first byte counts as bad for the breaker. */
  get lateMs(): number {
    return this.edges.lateMs;
  }

  /** The newest edges of a custom limit; null where there is none, or none yet. */
  get numberModel(): LatencyModel | null {
    return this.numbers?.model ?? null;
  }

  /**
   * Takes in what the slab has, as of its last refresh.
   * @param judging whether the candidate has users: without, only the baseline is learned from
   * @param generation the number that new edges would get
   * @returns new edges of latency, for the recorders
   */
  tick(nowMs: number, judging: boolean, generation: number): LatencyModel | null {
    this.baseline.tick(nowMs);
    this.candidate.tick(nowMs);
    if (this.candidate.requests !== this.lastRequests) {
      this.lastRequests = this.candidate.requests;
      this.lastRequestMs = nowMs;
    }
    const fed = this.feed.next(nowMs, this.breaker.wealth > 1, this.edges.lateMs);
    this.learnDispersion(nowMs);
    if (judging) {
      this.breaker = breakerTick(this.breaker, fed);
      this.warmUp(nowMs);
      this.trial.update(nowMs, this.rows, this.calm());
      this.judgeAbsolute(nowMs);
    }
    if (this.verify === null) this.earlier.sample(() => this.baseline.recent(nowMs), nowMs, this.turnMs);
    const numbers = this.numbers?.tick(nowMs, generation) ?? null;
    if (numbers !== null) this.numberModels.add(numbers);
    if (this.edges.due(nowMs, this.baseline.settled)) this.edges.update(this.baseline.reader.histogram("firstByte"), generation, nowMs);
    const { model } = this.edges;
    // Another rollout of the route may have made them.
    if (model === null || model === this.model) return null;
    this.models.add(model);
    this.model = model;
    return model;
  }

  /** Strata that the last tick took in or looked at: for a fleet's leader. */
  get strata(): StrataChange {
    return this.trial.change;
  }

  /** For a fleet's leader: what the breaker counts, since the process began and of the baseline lately. */
  get breakerFeed(): BreakerFeed {
    return this.feed;
  }

  /** Of the candidate, since the process began. */
  get failedTotal(): number {
    return this.candidate.failed;
  }

  /** For a fleet's leader: what this sidecar's phis come from. */
  get dispersionFound(): DispersionFound {
    return this.history.found(this.share);
  }

  /** The least rho that sticky assignment allows at the moment (JUDGE 4.5). */
  get rho(): number {
    return this.dispersion.rho;
  }

  /** See `EarlierBaseline.errorBound`. */
  get errorBound(): number {
    return this.earlier.errorBound();
  }

  /** @param budget the part of alpha that this judge's own evidence has: less than all of it in a fleet */
  evidence(command: Command | null, nowMs: number, budget = 1): Evidence {
    const candidate = this.candidate.recent(nowMs);
    const baseline = this.baseline.recent(nowMs);
    return {
      candidate, baseline,
      baselineEarlier: this.earlier.window(),
      baselineSinceVerify: this.verify?.since() ?? emptyWindow,
      stepCandidateRequests: this.step.candidate.requestsSince,
      stepBaselineRequests: this.step.baseline.requestsSince,
      stepCandidateSettled: this.step.candidate.settledSince,
      candidateQuietMs: nowMs - this.lastRequestMs,
      limits: limitEvidence(this.plan, this.wealth(budget), candidate, baseline, this.split?.reached(), this.numbers?.seen, this.mirror?.seen ?? null),
      breaker: {
        tripped: this.breaker.tripped, wealth: this.breaker.wealth, threshold: breakerThreshold, bound: this.breaker.bound,
        bad: this.breaker.bad, ok: this.breaker.ok, clients: this.feed.badClients,
      },
      badResponses: this.badBefore + this.candidate.failed - this.failedAtStart,
      command,
    };
  }

  /** @param cold the candidate had no users until now */
  beginStep(nowMs: number, cold: boolean): void {
    // Whatever was verified before (a drill's rollback), the baseline is learned on.
    this.verify = null;
    this.step = { candidate: this.candidate.mark(), baseline: this.baseline.mark() };
    const amount = stepInjection(this.injected++, this.plan.steps.length);
    this.trial.inject(amount);
    for (const absolute of this.absolute) absolute.inject(amount);
    this.trial.restartNotWorse();
    if (!cold) return;
    this.cold = { sinceMs: nowMs, mark: this.step.candidate };
    this.trial.judgeLatencyFrom(Number.POSITIVE_INFINITY);
  }

  /** Whether the next stratum cannot be the one that convicts: then it may wait for the rollout's turn. */
  private calm(): boolean {
    let sum = 0;
    for (let i = 0; i < this.tests.length; i++) sum += this.tests[i]!.share * this.trial.wealth(i);
    return sum < calmShare * breachThreshold(this.plan.alpha);
  }

  /** Takes in the baseline's blocks as they end. They are older than what they are applied to: never of the stratum itself. */
  private learnDispersion(nowMs: number): void {
    const ended = Math.floor(((nowMs - this.turnMs) / 1000 - blockSettleSeconds) / blockSeconds);
    if (ended <= this.nextBlock) return;
    // The slab keeps three: a control thread that was away has missed some.
    for (let block = Math.max(this.nextBlock, ended - 1); block < ended; block++) {
      const counts = this.baseline.reader.block(block);
      if (counts !== undefined) this.history.add(counts);
    }
    this.nextBlock = ended;
    const [c, b] = [this.candidate.recent(nowMs).requests, this.baseline.recent(nowMs).requests];
    this.share = c + b > 0 ? c / (c + b) : 0;
    this.dispersion = this.history.at(this.share);
  }

  private judgedWith(second: number): Dispersion {
    return this.split === null ? this.dispersion : { ...this.dispersion, odds: this.split.odds(second) };
  }

  /** How many were dispatched decides, never an outcome. */
  private warmUp(nowMs: number): void {
    if (this.cold === null) return;
    const elapsedMs = nowMs - this.cold.sinceMs;
    if (elapsedMs < warmUpMaxMs && (elapsedMs < warmUpMinMs || this.cold.mark.requestsSince < warmUpRequests)) return;
    this.cold = null;
    this.trial.judgeLatencyFrom(Math.floor(nowMs / 1000) + 1);
  }

  /** The weight changed: the candidate's silence is counted from here. */
  weightChanged(nowMs: number): void {
    this.lastRequestMs = nowMs;
  }

  resetEvidence(nowMs: number): void {
    this.mirror?.restart();
    this.injected = 0;
    this.trial = this.newTrial(nowMs);
    this.absolute = this.newAbsolute();
  }

  rearmLimit(limit: number): void {
    if (this.plan.limits[limit]?.metric === "mirror") this.mirror?.restart();
    this.tests.forEach((test, i) => {
      if (test.limit === limit) this.trial.rearm(i);
    });
    for (const absolute of this.absolute) if (absolute.limit === limit) absolute.rearm();
  }

  resetBreaker(): void {
    this.breaker = armedBreaker;
  }

  beginVerify(): void {
    this.verify = this.baseline.mark();
  }

  /** Another candidate: what was learned of the baseline stays, and is learned on. */
  beginCandidate(): void {
    this.verify = null;
    this.badBefore = 0;
    this.failedAtStart = this.candidate.failed;
  }

  private wealth(budget: number): LimitWealth[] {
    return [
      ...this.tests.map((test, i) => ({ limit: test.limit, bound: test.bound, share: budget * test.share, wealth: this.trial.wealth(i), notWorse: this.trial.notWorse(i), phi: test.test.phi === "none" ? 1 : this.dispersion[test.test.phi ?? "errors"] })),
      ...(this.mirror === null ? [] : [this.mirrored(this.mirror, budget)]),
      ...this.absolute.map(({ limit, share, wealth }) => ({ limit, bound: "absolute" as const, share: budget * share, wealth, notWorse: 0, phi: 1 })),
    ];
  }

  private mirrored({ seen: { against, within } }: MirrorWatch, budget: number): LimitWealth {
    const { limits } = this.plan;
    return { limit: limits.findIndex(({ metric }) => metric === "mirror"), bound: "absolute", share: budget * mirrorShare(limits), wealth: against, notWorse: within, phi: 1 };
  }

  private judgeAbsolute(nowMs: number): void {
    const elapsedMs = nowMs - this.absoluteAtMs;
    if (this.absolute.length === 0 || elapsedMs < 1_000) return;
    this.absoluteAtMs = nowMs;
    const histogram = this.candidate.reader.histogram("firstByte");
    const baseline = this.baseline.recent(nowMs);
    for (const absolute of this.absolute) absolute.update(histogram, baseline, Math.min(10, elapsedMs / 1000));
  }

  private newTrial(nowMs: number): Trial {
    const second = Math.floor(nowMs / 1000);
    return new Trial(this.tests.map(({ test }) => test), new StrataBook(second, this.cold === null ? second : Number.POSITIVE_INFINITY, (from) => this.judgedWith(from), this.turnMs));
  }

  private newAbsolute(): AbsoluteLatency[] {
    const { limits } = this.plan;
    return limits.flatMap((limit, i) => {
      if (limit.metric !== "latency" || limit.absoluteMs === null) return [];
      return [new AbsoluteLatency(i, limit, absoluteLatencyShare(limits, i), this.candidate.reader.histogram("firstByte"))];
    });
  }

  /** Requests of the candidate under way: a status line. */
  get inFlight(): number {
    return this.candidate.reader.counter(counters.inFlight);
  }
}
