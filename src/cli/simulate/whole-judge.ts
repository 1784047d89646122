/**
 * The whole way, as in production: a real recorder writes a real slab request by request, answers arrive when they
 * arrive, exchanges age in flight, and the rollout's judge looks up to ten times a second. Verdicts are those that `decide`
 * would read. About 0.2 us a request; strata-judge.ts is the fast way.
 */
import { defaultLimits, defaultRollout, type RolloutPlan } from "../../config/rollout-plan.ts";
import { bucketOf } from "../../observe/histogram.ts";
import { SeriesRecorder, type Sample } from "../../observe/recorder.ts";
import { Slab } from "../../observe/slab.ts";
import { RolloutJudge } from "../../rollout/judging.ts";
import type { Found, Judge, JudgeOptions } from "./judge.ts";
import { endpointOf, type BothSecond, type Side, type VariantSecond } from "./second.ts";

const originMs = 1_000_000;
const timeoutMs = 15_000;
/** What an answer takes where the plan has no latencies. */
const usualMs = 10;

/** Used again once it is answered: a run has millions. */
interface Exchange {
  readonly sample: Sample;
  side: Side;
  bornMs: number;
  failed: boolean;
  latencyMs: number;
}
const newExchange = (): Exchange => ({ sample: { row: -1, second: 0, counted: 0, shard: 0, client: 0, endpointShard: 0 }, side: "baseline", bornMs: 0, failed: false, latencyMs: 0 });

const plan = (alpha: number, steps: number): RolloutPlan => ({
  name: "simulated", route: "simulated", baseline: "v1", candidate: "v2", revision: "1",
  // Only how many there are matters to the judge: the traffic has weights of its own.
  steps: Array.from({ length: steps }, (_, i) => ({ weight: (100 * (i + 1)) / steps, dwellMs: 0, minRequests: 0, approval: false })),
  limits: defaultLimits, bakeMs: defaultRollout.bakeMs, exposureBudget: null, paused: false, breaker: { action: "probe" }, alpha,
});

export class WholeJudge implements Judge {
  private readonly options: JudgeOptions;
  private readonly slab = new Slab(1);
  private readonly recorders: Record<Side, SeriesRecorder>;
  private readonly judge: RolloutJudge;
  private generation = 0;
  private nowMs: number;
  private readonly tickMs: number;
  /** By the tick in which they answer; a ring that is longer than the timeout. */
  private readonly due: Exchange[][];
  private slow: Exchange[] = [];
  private readonly free: Exchange[] = [];
  private readonly born: readonly Exchange[][];
  private requests = 0;
  private step = 0;
  private judging = false;
  private found = false;

  constructor(options: JudgeOptions) {
    this.options = options;
    this.tickMs = 1_000 / options.looksPerSecond;
    this.born = Array.from({ length: options.looksPerSecond }, () => []);
    this.due = Array.from({ length: (2 * timeoutMs) / this.tickMs }, () => []);
    this.nowMs = originMs - options.historySeconds * 1000;
    const { slab } = this;
    const recorder = (variant: string): SeriesRecorder => new SeriesRecorder(slab.pages[0]!, slab.slotOf("simulated", variant), 0);
    this.recorders = { baseline: recorder("v1"), candidate: recorder("v2") };
    const reader = (variant: string) => slab.reader(slab.slotOf("simulated", variant));
    this.judge = new RolloutJudge({ plan: plan(options.alpha, options.steps.length), firstByteTimeoutMs: timeoutMs }, reader("v1"), reader("v2"), 0, this.nowMs);
  }

  get phi(): number {
    return this.judge.evidence(null, this.nowMs).limits[0]!.phi;
  }

  /** The rho that sticky assignment allows at the moment. */
  get rho(): number {
    return this.judge.rho;
  }

  second(second: number, counts: BothSecond): Found | null {
    if (this.options.steps[this.step] === second) {
      this.judge.beginStep(this.nowMs, this.step++ === 0);
      this.judging = true;
    }
    this.arrive("baseline", counts.baseline);
    this.arrive("candidate", counts.candidate);
    for (const exchanges of this.born) {
      const found = this.tick(exchanges);
      exchanges.length = 0;
      if (found !== null) return { by: found, atSecond: (this.nowMs - originMs) / 1000, requests: this.requests };
    }
    return null;
  }

  /** Spreads a second's requests over its ticks: given their number, Poisson arrivals are independent and uniform. */
  private arrive(side: Side, of: VariantSecond): void {
    const { random } = this.options;
    const failures = Math.min(of.n, of.plain + of.shared.length);
    const endpoints = side === "candidate" ? this.options.endpointsCandidate : this.options.endpointsBaseline;
    const timed = of.n > 0 && of.latencyMs[0]! > 0;
    for (let i = 0; i < of.n; i++) {
      const failed = i < failures;
      const shared = failed ? of.shared[i] : undefined;
      const client = shared?.client ?? (timed ? (of.clients[i]! | ((random() * 65536) << 16)) >>> 0 : this.someClient());
      const offsetMs = random() * 1000;
      const endpoint = shared !== undefined && shared.endpoint >= 0 ? shared.endpoint : timed ? endpointOf(of.clients[i]!, endpoints) : Math.floor(random() * endpoints);
      const exchange = this.free.pop() ?? newExchange();
      const { sample } = exchange;
      sample.shard = client & 127;
      sample.client = client;
      sample.endpointShard = endpoint & 15;
      exchange.side = side;
      exchange.failed = failed;
      exchange.bornMs = this.nowMs + offsetMs;
      exchange.latencyMs = timed ? of.latencyMs[i]! : usualMs;
      this.born[Math.floor(offsetMs / this.tickMs)]!.push(exchange);
    }
  }

  /** Of a request that fails nothing: what its shard has of the traffic is what the shard's failures are measured by. */
  private someClient(): number {
    const { random, shardShares } = this.options;
    const client = (random() * 4294967296) >>> 0;
    if (shardShares === null) return client;
    let left = random();
    let shard = 0;
    while (shard < shardShares.length - 1 && (left -= shardShares[shard]!) >= 0) shard++;
    return (client - (client % shardShares.length)) + shard;
  }

  private tick(exchanges: readonly Exchange[]): "limits" | "breaker" | null {
    const second = Math.floor(this.nowMs / 1000);
    const endMs = this.nowMs + this.tickMs;
    for (const exchange of exchanges) {
      const { sample, side } = exchange;
      this.recorders[side].dispatched(sample, second, sample.shard, true);
      if (side === "candidate") this.requests++;
      const answerMs = exchange.bornMs + Math.min(exchange.latencyMs, timeoutMs);
      const ring = this.due[Math.floor(answerMs / this.tickMs) % this.due.length]!;
      ring.push(exchange);
      if (answerMs > endMs + this.tickMs) this.slow.push(exchange);
    }
    this.nowMs = endMs;
    this.age();
    this.answer();
    // The history is only learned from: once a second is enough.
    return this.judging || this.nowMs % 1000 === 0 ? this.look() : null;
  }

  /** The sweep: tells the recorder of what is still in flight. */
  private age(): void {
    let kept = 0;
    for (const exchange of this.slow) {
      if (exchange.bornMs + Math.min(exchange.latencyMs, timeoutMs) <= this.nowMs) continue;
      this.recorders[exchange.side].aged(exchange.sample, (this.nowMs - exchange.bornMs) * 1000);
      this.slow[kept++] = exchange;
    }
    this.slow.length = kept;
  }

  private answer(): void {
    const ring = this.due[Math.floor((this.nowMs - 1) / this.tickMs) % this.due.length]!;
    for (const exchange of ring) {
      const { side, sample, latencyMs, failed } = exchange;
      const recorder = this.recorders[side];
      if (latencyMs >= timeoutMs) recorder.failed(sample, "first_byte_timeout", bucketOf(timeoutMs * 1000));
      else recorder.firstByte(sample, latencyMs * 1000, failed ? 503 : 200);
      recorder.ended();
      this.free.push(exchange);
    }
    ring.length = 0;
  }

  private look(): "limits" | "breaker" | null {
    this.slab.refresh();
    const model = this.judge.tick(this.nowMs, this.judging, this.generation + 1);
    if (model !== null) {
      this.generation = model.generation;
      const { lateMs } = this.judge;
      this.recorders.baseline.setEdges({ generation: model.generation, classOfBucket: model.baselineTable, lateMs });
      this.recorders.candidate.setEdges({ generation: model.generation, classOfBucket: model.candidateTable, lateMs });
    }
    if (!this.judging || this.found) return null;
    const { limits, breaker } = this.judge.evidence(null, this.nowMs);
    const by = breaker.tripped ? "breaker" : limits.some(({ verdict }) => verdict === "breached") ? "limits" : null;
    this.found = by !== null;
    return by;
  }
}
