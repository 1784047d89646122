/**
 * What one rollout has to tell the leader, gathered tick by tick from this sidecar's own judge. Nothing here depends on an outcome: when a report
 * leaves is a matter of time alone, because whoever speaks sooner when it fails is heard as worse than it is.
 */
import { knowledge, type Stratum } from "../judge/strata.ts";
import type { LatencyModel } from "../judge/edges.ts";
import type { MemberStratum } from "../judge/fleet-trial.ts";
import type { RolloutJudge } from "../rollout/judging.ts";
import type { Evidence } from "../rollout/types.ts";
import { breakerOf, eraOf, stepOf, verifyOf, type Marks } from "./marks.ts";
import { strataPerReportMax, type RolloutReport, type Trip } from "./report.ts";

const windowsEveryMs = 1_000;
/** A sidecar that leads from now on has heard no model yet. */
const modelEveryMs = 5_000;
/** A stratum is forgotten by the slab after 64 s. */
const rememberSeconds = 70;

interface Waiting {
  readonly stratum: Stratum;
  /** The place may be another stratum's by the time the report leaves. */
  readonly from: number;
  final: boolean;
}

export class Collector {
  private readonly route: string;
  private era = "";
  private readonly waiting = new Map<number, Waiting>();
  /** By first second: what the leader was last told. */
  private readonly told = new Map<number, { known: number; final: boolean }>();
  private windowsAtMs = Number.NEGATIVE_INFINITY;
  private modelAtMs = Number.NEGATIVE_INFINITY;
  private modelTold: LatencyModel | null = null;

  constructor(route: string) {
    this.route = route;
  }

  /** After each tick of the judge. */
  collect(judge: Pick<RolloutJudge, "strata">, marks: Marks): void {
    const era = eraOf(marks);
    if (era !== this.era) {
      this.era = era;
      this.waiting.clear();
      this.told.clear();
    }
    const { committed, amended, provisional } = judge.strata;
    for (const stratum of committed) this.add(stratum, true);
    for (const stratum of amended) this.add(stratum, true);
    for (const stratum of provisional) this.add(stratum, false);
  }

  /** @param trip of this sidecar, for as long as the fleet has not followed it */
  report(judge: RolloutJudge, evidence: Evidence, marks: Marks, trip: Trip | null, nowMs: number): RolloutReport {
    const windows = nowMs - this.windowsAtMs >= windowsEveryMs;
    if (windows) this.windowsAtMs = nowMs;
    const { model, breakerFeed } = judge;
    const tellModel = model !== null && (model !== this.modelTold || nowMs - this.modelAtMs >= modelEveryMs);
    if (tellModel) {
      this.modelTold = model;
      this.modelAtMs = nowMs;
    }
    const { totals, baselineNow, badShards, shards } = breakerFeed;
    return {
      route: this.route, marks: { era: eraOf(marks), step: stepOf(marks), breaker: breakerOf(marks), verify: verifyOf(marks) },
      breaker: { bad: totals.bad, ok: totals.ok, spread: totals.spread, baselineBad: baselineNow.bad, baselineOk: baselineNow.ok, badShards: [...badShards], shards: [...shards] },
      windows: !windows ? null : {
        candidate: evidence.candidate, baseline: evidence.baseline, sinceVerify: evidence.baselineSinceVerify, earlier: evidence.baselineEarlier, errorBound: judge.errorBound,
        dispersion: judge.dispersionFound,
        stepCandidateRequests: evidence.stepCandidateRequests, stepBaselineRequests: evidence.stepBaselineRequests, stepCandidateSettled: evidence.stepCandidateSettled,
        quietMs: evidence.candidateQuietMs, bad: judge.failedTotal,
      },
      model: !tellModel ? null : { generation: model.generation, classShares: [...model.classShares], scores: [...model.scores], tailShares: [...model.tailShares] },
      strata: this.take(),
      trip,
    };
  }

  private add(stratum: Stratum, final: boolean): void {
    const told = this.told.get(stratum.from);
    if (told !== undefined && told.final >= final && told.known >= stratum.known) return;
    this.waiting.set(stratum.from, { stratum, from: stratum.from, final });
  }

  private take(): MemberStratum[] {
    const strata: MemberStratum[] = [];
    for (const [from, { stratum, final }] of [...this.waiting].toSorted(([a], [b]) => a - b)) {
      if (strata.length >= strataPerReportMax) break;
      this.waiting.delete(from);
      if (stratum.from !== from) continue;
      this.told.set(from, { known: knowledge(stratum.counts), final });
      strata.push({ from, counts: stratum.counts, dispersion: stratum.dispersion, final });
    }
    const newest = strata.at(-1)?.from;
    if (newest !== undefined) for (const from of this.told.keys()) if (from < newest - rememberSeconds) this.told.delete(from);
    return strata;
  }
}
