/** The control thread's side of a custom limit: class edges from the baseline's earlier numbers, and what people are shown. */
import type { CustomLimit } from "../config/rollout-plan.ts";
import { customModel } from "../judge/custom.ts";
import type { LatencyModel } from "../judge/edges.ts";
import { numberBuckets } from "../observe/layout.ts";
import { badnessFrom, numberQuantile } from "../observe/numbers.ts";
import type { SlotReader } from "../observe/reader.ts";

/** When a window is enough for edges: the first come early and coarse, as those of latency do. */
export const firstEdges = { numbers: 200, ms: 1_000 } as const;
export const laterEdges = { numbers: 2_000, ms: 15_000 } as const;
/** A service with few numbers: after so long any fifty will do. */
const patienceMs = 60_000;
const fewNumbers = 50;
const lookEveryMs = 1_000;
/** What is shown is of the last one to two of these. */
const shownMs = 10_000;

export interface NumbersSeen {
  readonly candidate: { readonly median: number | null; readonly n: number };
  readonly baseline: { readonly median: number | null; readonly n: number };
}

export class NumberWatch {
  /** The newest edges; null before the first. */
  model: LatencyModel | null = null;
  seen: NumbersSeen = { candidate: { median: null, n: 0 }, baseline: { median: null, n: 0 } };
  private readonly limit: CustomLimit;
  private readonly baseline: NumberWindow;
  private readonly candidate: NumberWindow;
  private readonly edges: NumberEdges;
  private lookedMs: number;

  /** @param turnMs when within a second it looks, so that many rollouts need not do it at once @param edges which the route's rollouts share */
  constructor(limit: CustomLimit, baseline: SlotReader, candidate: SlotReader, nowMs: number, turnMs: number, edges = new NumberEdges(limit, nowMs)) {
    this.limit = limit;
    this.baseline = new NumberWindow(baseline, nowMs);
    this.candidate = new NumberWindow(candidate, nowMs);
    this.edges = edges;
    edges.begin(this.baseline.now);
    this.lookedMs = nowMs - turnMs;
  }

  /** @param generation the number that new edges would get. @returns new edges, which are `model` from now on */
  tick(nowMs: number, generation: number): LatencyModel | null {
    if (nowMs - this.lookedMs >= lookEveryMs) this.look(nowMs, generation);
    const { model } = this.edges;
    // Another rollout of the route may have made them.
    if (model === this.model) return null;
    this.model = model;
    return model;
  }

  private look(nowMs: number, generation: number): void {
    this.lookedMs = nowMs;
    const { worse } = this.limit;
    this.seen = { candidate: this.candidate.look(nowMs, worse), baseline: this.baseline.look(nowMs, worse) };
    this.edges.look(this.baseline.now, nowMs, generation);
  }
}

/** Class edges for the numbers of a route, from its baseline's. */
export class NumberEdges {
  /** The newest; null before the first. */
  model: LatencyModel | null = null;
  private readonly limit: CustomLimit;
  private from: Float64Array | null = null;
  private sinceMs: number;

  constructor(limit: CustomLimit, nowMs: number) {
    this.limit = limit;
    this.sinceMs = nowMs;
  }

  /** @param totals of the baseline so far: only what comes later counts. The first call does */
  begin(totals: Float64Array): void {
    this.from ??= Float64Array.from(totals);
  }

  /** Makes new edges where the window is full. */
  look(totals: Float64Array, nowMs: number, generation: number): void {
    const { from, limit: { worse, margin } } = this;
    if (from === null) return;
    const counts = totals.map((count, bucket) => count - from[bucket]!);
    const n = counts.reduce((a, b) => a + b, 0);
    const ageMs = nowMs - this.sinceMs;
    const rule = this.model === null ? firstEdges : laterEdges;
    if (!((n >= rule.numbers && ageMs >= rule.ms) || (n >= fewNumbers && ageMs >= patienceMs))) return;
    from.set(totals);
    this.sinceMs = nowMs;
    this.model = customModel(generation, { counts, lowerMicros: (bucket) => badnessFrom(bucket, worse) }, margin);
  }
}

/** The numbers of one variant: totals that never wrap, and as they were a while ago. */
class NumberWindow {
  readonly now = new Float64Array(numberBuckets);
  private readonly reader: SlotReader;
  private readonly last = new Uint32Array(numberBuckets);
  private readonly marks = [new Float64Array(numberBuckets), new Float64Array(numberBuckets)] as const;
  private markedMs: number;

  constructor(reader: SlotReader, nowMs: number) {
    this.reader = reader;
    this.markedMs = nowMs;
    this.reader.numbers(this.now, this.last);
    for (const mark of this.marks) mark.set(this.now);
  }

  look(nowMs: number, worse: CustomLimit["worse"]): { readonly median: number | null; readonly n: number } {
    this.reader.numbers(this.now, this.last);
    const [older, newer] = this.marks;
    if (nowMs - this.markedMs >= shownMs) {
      this.markedMs = nowMs;
      older.set(newer);
      newer.set(this.now);
    }
    const counts = this.now.map((count, bucket) => count - older[bucket]!);
    return { median: numberQuantile(counts, 0.5, worse), n: counts.reduce((a, b) => a + b, 0) };
  }
}
