/** A small world in simulated time: a real slab, real recorders and the real controller, between invented services. */
import type { RolloutPlan } from "../../src/config/rollout-plan.ts";
import { defaultLimits } from "../../src/config/rollout-plan.ts";
import { seededRandom } from "../../src/core/random.ts";
import { bucketOf } from "../../src/observe/histogram.ts";
import { CohortSet, newCohortBits } from "../../src/observe/cohort-set.ts";
import { numberBucketOf, type WorseWhen } from "../../src/observe/numbers.ts";
import { SeriesRecorder, type Sample } from "../../src/observe/recorder.ts";
import { Slab } from "../../src/observe/slab.ts";
import { RolloutController } from "../../src/rollout/controller.ts";
import type { RolloutStore, RolloutWeight } from "../../src/rollout/ports.ts";
import type { ExplainedDecision } from "../../src/rollout/status.ts";
import type { BucketRange } from "../../src/core/buckets.ts";
import { initial, reweigh, weightsOf } from "../../src/split/allocation.ts";
import { bucketOfHash, cohortHash } from "../../src/split/bucket.ts";
import type { DecisionRecord, ProbeEvidence } from "../../src/rollout/types.ts";

/** How a variant answers: an error share and a first-byte time in milliseconds; infinite: never. */
export interface Service {
  errors: number;
  latencyMs: () => number;
  /** The chance that a request of a user that was seen before reaches the goal; absent: never. */
  converts?: number;
  /** What it sends in its header; absent: nothing. */
  number?: (user: number) => number;
}

export function plan(changes: Partial<RolloutPlan> = {}): RolloutPlan {
  return {
    name: "shop", route: "shop", baseline: "v1", candidate: "v2", revision: "r1",
    steps: [1, 10, 50, 100].map((weight) => ({ weight, dwellMs: 20_000, minRequests: 100, approval: false })),
    limits: defaultLimits, bakeMs: 60_000, exposureBudget: null, paused: false, breaker: { action: "rollback" }, alpha: 0.01,
    ...changes,
  };
}

/** A store in memory; `down` makes it refuse. */
export class WorldStore implements RolloutStore {
  readonly documents = new Map<string, { value: unknown; revision: number }>();
  readonly audit: DecisionRecord[] = [];
  down = false;

  get(key: string) {
    return this.down ? Promise.reject(new Error("store is down")) : Promise.resolve(this.documents.get(key));
  }

  put(key: string, value: unknown, expected: number, { audit }: { readonly audit: readonly { readonly record: DecisionRecord }[] }) {
    if (this.down) return Promise.reject(new Error("store is down"));
    const revision = this.documents.get(key)?.revision ?? 0;
    if (revision !== expected) return Promise.resolve(undefined);
    this.documents.set(key, { value: structuredClone(value), revision: revision + 1 });
    for (const { record } of audit) this.audit.push(structuredClone(record));
    return Promise.resolve(revision + 1);
  }

  keys(prefix: string) {
    return this.down ? Promise.reject(new Error("store is down")) : Promise.resolve([...this.documents.keys()].filter((key) => key.startsWith(prefix)));
  }

  append(record: DecisionRecord) {
    if (this.down) return Promise.reject(new Error("store is down"));
    this.audit.push(structuredClone(record));
    return Promise.resolve();
  }
}

interface Request {
  readonly sample: Sample;
  readonly recorder: SeriesRecorder;
  readonly bornMs: number;
  readonly latencyMs: number;
  readonly bad: boolean;
}

export interface WorldOptions {
  readonly requestsPerSecond: number;
  readonly seed: number;
  readonly store?: WorldStore;
  readonly firstByteTimeoutMs?: number;
  readonly clients?: number;
  readonly region?: string;
  /** So many users, each of whom keeps a variant; left out: every request is assigned by itself. */
  readonly users?: number;
  /** What declared probes have shown, by variant. */
  readonly probes?: (variant: string) => ProbeEvidence | null;
  /** Copies a second that the candidate gets, and the share of them that it answers otherwise. */
  readonly copies?: { perSecond: number; differing: number };
  /** More candidates beside v2: v3, v4, ... */
  readonly others?: number;
}

/** Plans of candidates beside one baseline, as the configuration would make them: an even split, and then one of them. */
export function experiment(candidates: readonly string[], changes: Partial<RolloutPlan> = {}): RolloutPlan[] {
  const even = Math.floor(100_000 / (candidates.length + 1)) / 1000;
  const steps = [even, 100].map((weight, i) => ({ weight, dwellMs: 60_000, minRequests: 100, approval: i === 1 }));
  return candidates.map((candidate) => plan({ name: `shop:${candidate}`, candidate, steps, alpha: 0.01 / candidates.length, experiment: { candidates: candidates.length, room: 100 }, ...changes }));
}

const sweepMs = 100;
/** The only route with traffic. */
const shopWeight = (weights: readonly RolloutWeight[]): number => weights.find(({ route, variant }) => route === "shop" && variant === "v2")?.weight ?? 0;

export class World {
  readonly random: () => number;
  readonly store: WorldStore;
  readonly controller: RolloutController;
  readonly decisions: ExplainedDecision[] = [];
  readonly storeErrors: unknown[] = [];
  readonly baseline: Service;
  readonly candidate: Service;
  /** v3, v4, ... */
  readonly others: readonly Service[];
  /** Of v1, v2, ... */
  private ranges: readonly BucketRange[] = initial();
  nowMs = 1_000_000;
  weight = 0;
  /** Of every route, as last published. */
  weights: readonly RolloutWeight[] = [];
  partitioned = false;
  /** Some sidecar does not run what was published last; else all do after 40 ms. */
  straggling = false;
  private givenMs = 0;
  private given = "";
  /** Of the services' numbers. */
  worse: WorseWhen = "lower";
  /** Who never reaches the service that the split gave. @param user a number below `users`, or of this request alone */
  lost: (side: "baseline" | "candidate", user: number) => boolean = () => false;
  requestsPerSecond: number;
  sent = { baseline: 0, candidate: 0 };
  private copied = 0;
  private differed = 0;
  private readonly options: WorldOptions;
  private readonly recorders: { baseline: SeriesRecorder; candidate: SeriesRecorder };
  private readonly otherRecorders: readonly SeriesRecorder[];
  private inFlight: Request[] = [];
  /** Who asks: drawn apart, so that a world without users stays the world that it was. */
  private readonly people: () => number;
  private epoch = 0;
  private seen = new CohortSet(newCohortBits());
  private reached = new CohortSet(newCohortBits());
  private numbered = new CohortSet(newCohortBits());
  private readonly hashes: readonly number[];

  constructor(options: WorldOptions) {
    this.options = options;
    this.requestsPerSecond = options.requestsPerSecond;
    this.random = seededRandom(options.seed);
    this.people = seededRandom(options.seed + 1_000);
    const hash = (key: string): number => cohortHash(`salt-${options.seed}`).hash(key);
    this.hashes = Array.from({ length: options.users ?? 0 }, (_, user) => hash(`user-${user}`));
    this.store = options.store ?? new WorldStore();
    const usual = (): number => 10 * Math.exp(0.4 * this.normal());
    this.baseline = { errors: 0.001, latencyMs: usual };
    this.candidate = { errors: 0.001, latencyMs: usual };
    const slab = new Slab(1);
    const recorder = (variant: string): SeriesRecorder => {
      const slot = slab.slotOf("shop", variant);
      return new SeriesRecorder(slab.pages[0]!, slot, 0);
    };
    this.recorders = { baseline: recorder("v1"), candidate: recorder("v2") };
    this.others = Array.from({ length: options.others ?? 0 }, () => ({ errors: 0.001, latencyMs: usual }));
    this.otherRecorders = this.others.map((_, i) => recorder(`v${i + 3}`));
    const byVariant = new Map([["v1", this.recorders.baseline], ["v2", this.recorders.candidate], ...this.otherRecorders.map((one, i) => [`v${i + 3}`, one] as const)]);
    this.controller = new RolloutController({
      clock: { wallMs: () => this.nowMs, monotonicMs: () => this.nowMs },
      slab,
      publish: (weights) => {
        this.give(weights);
      },
      sendEdges: (_route, edges) => {
        for (const { variant, edges: sent } of edges) byVariant.get(variant)!.setEdges(sent);
      },
      store: this.store,
      region: options.region ?? null,
      partitioned: () => this.partitioned,
      probes: (_route, variant) => options.probes?.(variant) ?? null,
      copies: () => (options.copies === undefined ? null : { compared: Math.floor(this.copied), differing: Math.floor(this.differed) }),
      split: () => ({ epoch: this.epoch, counts: options.users === undefined ? "requests" : "cohorts", shares: this.shares() }),
      acknowledgedAtMs: () => (this.straggling ? null : this.givenMs + 40),
      storeFailed: (error) => this.storeErrors.push(error),
    });
    this.controller.onDecision((decision) => this.decisions.push(decision));
  }

  async configure(...plans: RolloutPlan[]): Promise<void> {
    const firstByteTimeoutMs = this.options.firstByteTimeoutMs ?? 15_000;
    await this.controller.configure(plans.map((each) => ({ plan: each, firstByteTimeoutMs })));
    this.give(this.controller.weights());
  }

  private give(weights: readonly RolloutWeight[]): void {
    this.weights = weights;
    if (this.others.length > 0) {
      this.ranges = reweigh(this.ranges, [0, shopWeight(weights), ...this.others.map((_, i) => this.weightOf(`v${i + 3}`))]);
      const given = weights.map(({ weight }) => weight).join();
      if (given !== this.given) this.epoch++;
      this.given = given;
    }
    if (shopWeight(weights) === this.weight) return;
    this.weight = shopWeight(weights);
    this.givenMs = this.nowMs;
    this.epoch++;
    this.seen = new CohortSet(newCohortBits());
    this.reached = new CohortSet(newCohortBits());
    this.numbered = new CohortSet(newCohortBits());
  }

  /** Of a candidate, in percent, as last published. */
  weightOf(candidate: string): number {
    return this.weights.find(({ route, variant }) => route === "shop" && variant === candidate)?.weight ?? 0;
  }

  /** Who has each bucket, by variant's index. */
  get owners(): readonly BucketRange[] {
    return this.ranges;
  }

  private shares(): Record<string, number> {
    if (this.others.length === 0) return { v1: 1 - this.weight / 100, v2: this.weight / 100 };
    return Object.fromEntries(weightsOf(this.ranges, this.others.length + 2).map((weight, i) => [`v${i + 1}`, weight / 100]));
  }

  /** Runs until a decision with this reason. @returns the seconds that it took @throws after `secondsMax` */
  async until(reason: string, secondsMax: number): Promise<number> {
    const from = this.nowMs;
    const seen = this.decisions.length;
    while (!this.decisions.slice(seen).some((decision) => decision.reason === reason)) {
      if (this.nowMs - from > secondsMax * 1000) {
        throw new Error(`no ${reason} within ${secondsMax} s; decided: ${this.decisions.slice(seen).map((d) => d.reason).join(" ")}; ${JSON.stringify(this.controller.status()[0]?.limits)}`);
      }
      await this.run(0.1);
    }
    return (this.nowMs - from) / 1000;
  }

  async run(seconds: number): Promise<void> {
    for (let i = 0; i < Math.round(seconds * 10); i++) {
      for (let ms = 0; ms < 100; ms++) {
        this.nowMs++;
        this.arrive();
        this.settle();
      }
      this.copied += (this.options.copies?.perSecond ?? 0) / 10;
      this.differed += ((this.options.copies?.perSecond ?? 0) / 10) * (this.options.copies?.differing ?? 0);
      if (this.nowMs % sweepMs === 0) for (const { recorder, sample, bornMs } of this.inFlight) recorder.aged(sample, (this.nowMs - bornMs) * 1000);
      this.controller.tick();
      // Lets the store's promises run.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  reasons(): string[] {
    return this.decisions.map((decision) => decision.reason);
  }

  private arrive(): void {
    let due = this.requestsPerSecond / 1000;
    due = Math.floor(due) + (this.random() < due % 1 ? 1 : 0);
    for (let i = 0; i < due; i++) {
      const user = Math.floor(this.people() * (this.options.users ?? 2 ** 32));
      const client = this.hashes[user];
      const percent = client === undefined ? this.random() * 100 : bucketOfHash(client) / 1_000;
      const owner = this.others.length === 0 ? 0 : this.ranges.find(({ to }) => Math.floor(percent * 1_000) < to)!.variant;
      if (owner > 1) {
        this.ask(this.otherRecorders[owner - 2]!, this.others[owner - 2]!);
        continue;
      }
      const side = (this.others.length === 0 ? percent < this.weight : owner === 1) ? "candidate" : "baseline";
      if (this.lost(side, user)) continue;
      this.sent[side]++;
      const service = this[side];
      const sample: Sample = { row: -1, second: 0, counted: 0, shard: 0 };
      const shard = Math.floor(this.random() * Math.min(128, this.options.clients ?? 128));
      this.recorders[side].dispatched(sample, Math.floor(this.nowMs / 1000), shard, true);
      const returning = client !== undefined && !this.seen.add(client);
      if (client !== undefined && !returning) this.recorders[side].cohortSeen(sample);
      if (returning && service.converts !== undefined && this.people() < service.converts && this.reached.add(client)) this.recorders[side].goalReached(sample, 0);
      if (service.number !== undefined && (client === undefined || this.numbered.add(client))) this.recorders[side].number(sample, numberBucketOf(String(service.number(user)), this.worse));
      this.inFlight.push({ sample, recorder: this.recorders[side], bornMs: this.nowMs, latencyMs: service.latencyMs(), bad: this.random() < service.errors });
    }
  }

  private ask(recorder: SeriesRecorder, service: Service): void {
    const sample: Sample = { row: -1, second: 0, counted: 0, shard: 0 };
    recorder.dispatched(sample, Math.floor(this.nowMs / 1000), Math.floor(this.random() * Math.min(128, this.options.clients ?? 128)), true);
    this.inFlight.push({ sample, recorder, bornMs: this.nowMs, latencyMs: service.latencyMs(), bad: this.random() < service.errors });
  }

  private settle(): void {
    const timeoutMs = this.options.firstByteTimeoutMs ?? 15_000;
    this.inFlight = this.inFlight.filter(({ sample, recorder, bornMs, latencyMs, bad }) => {
      const ageMs = this.nowMs - bornMs;
      if (ageMs >= timeoutMs) recorder.failed(sample, "first_byte_timeout", bucketOf(ageMs * 1000));
      else if (ageMs >= latencyMs) recorder.firstByte(sample, latencyMs * 1000, bad ? 500 : 200);
      else return true;
      recorder.ended();
      return false;
    });
  }

  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.random())) * Math.cos(2 * Math.PI * this.random());
  }
}
