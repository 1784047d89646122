/**
 * Whether the variants get what the weights say (JUDGE 7): counts what was given since the weights last changed, and holds
 * it against the split as it was really made. Where each request is assigned at random, requests are counted; where a
 * cohort keeps its variant, cohorts are, at their first sight, because a busy user is no mismatch.
 */
import type { RolloutPlan } from "../config/rollout-plan.ts";
import type { Odds } from "../judge/conversion.ts";
import { sampleRatioLog, sampleRatioThreshold } from "../judge/sample-ratio.ts";
import { counters } from "../observe/layout.ts";
import type { GivenRow, SlotReader } from "../observe/reader.ts";
import type { Reached } from "./limit-evidence.ts";
import type { Split } from "./ports.ts";
import type { SplitEvidence } from "./types.ts";

/** A request is written into its second's row a moment after it arrived. */
const closeAfterMs = 250;
/** The slab keeps 64 s. */
const forgetAfterSeconds = 60;
/** Evidence may be infinite, and JSON knows no such number. */
const evidenceMax = 1e12;

export class SplitWatch {
  private readonly baseline: SlotReader;
  private readonly candidate: SlotReader;
  private readonly shareOf: (split: Split) => number;
  private split: Split | null = null;
  /** The second that is counted next. */
  private next = 0;
  /** The first second that counts. */
  private from = 0;
  private counted = { candidate: { cohorts: 0, goals: [0] }, baseline: { cohorts: 0, goals: [0] } };
  private readonly goals: number;
  private readonly turnMs: number;
  private readonly threshold: number;
  private given: { readonly candidate: GivenRow; readonly baseline: GivenRow } = nothing();
  private seen: SplitEvidence | null = null;
  /** Of the candidate's counter of cohorts, when the weights last changed. */
  private exposedFrom = 0;

  /** @param goals of the route. @param turnMs below a second: many rollouts need not count at once */
  constructor(baseline: SlotReader, candidate: SlotReader, names: Pick<RolloutPlan, "baseline" | "candidate" | "experiment">, goals = 0, turnMs = 0) {
    this.goals = goals;
    this.turnMs = turnMs;
    this.baseline = baseline;
    this.candidate = candidate;
    // Each candidate of an experiment is held against the baseline by itself: together they alarm falsely no more often than one (decision 077).
    this.threshold = sampleRatioThreshold * (names.experiment?.candidates ?? 1);
    this.shareOf = ({ shares }) => {
      const mine = shares[names.candidate] ?? 0;
      const all = mine + (shares[names.baseline] ?? 0);
      return all > 0 ? mine / all : 0;
    };
  }

  /** @param split in force on every thread; null: not known, or some thread still runs another one */
  tick(nowMs: number, split: Split | null): void {
    if (split?.epoch !== this.split?.epoch || (split === null) !== (this.split === null)) this.begin(nowMs, split);
    if (this.split === null) return;
    const now = Math.floor(nowMs / 1000);
    this.next = Math.max(this.next, now - forgetAfterSeconds);
    let counted = false;
    for (; (this.next + 1) * 1000 + closeAfterMs + this.turnMs <= nowMs; this.next++) {
      this.candidate.addGiven(this.next, this.given.candidate);
      this.baseline.addGiven(this.next, this.given.baseline);
      counted = true;
    }
    if (counted) this.weigh(this.split);
  }

  /** Null: there is nothing to compare, because the split is changing or one variant has it all. */
  get evidence(): SplitEvidence | null {
    return this.seen;
  }

  /** Cohorts that the candidate was given since the weights last changed, as soon as they came; null: they have no key, or the weights are changing. */
  get exposed(): number | null {
    return this.split?.counts === "cohorts" ? this.candidate.counter(counters.cohorts) - this.exposedFrom : null;
  }

  /** What goals of a stratum are compared by. @param second the stratum's first one. @returns null where the split was another one then */
  odds(second: number): Odds | null {
    if (this.split === null || second < this.from) return null;
    const share = this.shareOf(this.split);
    if (share <= 0 || share >= 1 || this.split.counts !== "cohorts") return null;
    const byWeight = (1 - share) / share;
    const bySight = this.given.baseline.cohorts / this.given.candidate.cohorts;
    return Number.isNaN(bySight) ? { most: byWeight, least: byWeight } : { most: Math.max(byWeight, bySight), least: Math.min(byWeight, bySight) };
  }

  /** By goal, since the weights last changed. */
  reached(): Reached[] {
    const of = (now: SlotReader, then: { readonly cohorts: number; readonly goals: readonly number[] }, goal: number) => ({
      cohorts: now.counter(counters.cohorts) - then.cohorts, goals: now.counter(counters.goals + goal) - then.goals[goal]!,
    });
    return Array.from({ length: this.goals }, (_, goal) => ({ candidate: of(this.candidate, this.counted.candidate, goal), baseline: of(this.baseline, this.counted.baseline, goal) }));
  }

  /** What is left of the second that runs was partly given under the old weights. */
  private begin(nowMs: number, split: Split | null): void {
    // A split that comes into force after a change is counted from the change: some threads ran it before the others.
    if (split === null || this.split !== null) this.exposedFrom = this.candidate.counter(counters.cohorts);
    this.split = split;
    this.from = this.next = Math.floor(nowMs / 1000) + 1;
    this.given = nothing();
    this.seen = null;
    const counted = (reader: SlotReader) => ({
      cohorts: reader.counter(counters.cohorts), goals: Array.from({ length: this.goals }, (_, goal) => reader.counter(counters.goals + goal)),
    });
    this.counted = { candidate: counted(this.candidate), baseline: counted(this.baseline) };
  }

  private weigh(split: Split): void {
    const share = this.shareOf(split);
    // What reaches a variant without weight was on its way before.
    if (share <= 0 || share >= 1) return;
    const { counts } = split;
    const of = ({ n, cohorts }: GivenRow): number => (counts === "requests" ? n : cohorts);
    const [candidate, baseline] = [of(this.given.candidate), of(this.given.baseline)];
    const log = sampleRatioLog([candidate, baseline], [share, 1 - share]);
    // Once in doubt, until the counts speak for the split again.
    const mismatch = log >= Math.log(this.threshold) || (this.seen?.mismatch === true && log > 0);
    this.seen = { counts, candidate, baseline, share, evidence: Math.min(evidenceMax, Math.exp(log)), threshold: this.threshold, mismatch };
  }
}

const nothing = (): { candidate: GivenRow; baseline: GivenRow } => ({ candidate: { n: 0, cohorts: 0 }, baseline: { n: 0, cohorts: 0 } });
