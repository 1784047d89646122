/** One sidecar as the leader hears it, for one rollout. */
import type { RolloutPlan } from "../config/rollout-plan.ts";
import type { BreakerTick } from "../judge/breaker.ts";
import { FleetMember } from "../judge/fleet-trial.ts";
import { ones } from "../rollout/breaker-feed.ts";
import { LatencyModels, limitTests } from "../rollout/limit-tests.ts";
import type { ReportedBreaker, ReportedModel, ReportedWindows, RolloutReport, Trip } from "./report.ts";

/** Edges change each 15 s, and strata in flight are mostly seconds old: a leader of a thousand remembers no more of each. */
const keptGenerations = 3;
const noTable = new Uint8Array(0);

export class Member {
  seq = 0;
  heardMs = Number.NEGATIVE_INFINITY;
  region: string | null = null;
  windows: ReportedWindows | null = null;
  windowsMs = Number.NEGATIVE_INFINITY;
  /** As of when the windows were sent. */
  step = -1;
  verify = -1;
  breaker: ReportedBreaker | null = null;
  trip: Trip | null = null;
  /** Bad responses that were heard of since the leader began to listen, of this candidate. */
  badSince = 0;
  private bad: number | null = null;
  private readonly tests;
  private readonly models = new LatencyModels(keptGenerations);
  private generation = 0;
  private part: { readonly era: string; readonly member: FleetMember } | null = null;
  /** What the breaker has already counted; null: the next report is where counting begins. */
  private counted: { readonly mark: number; readonly breaker: ReportedBreaker } | null = null;
  private pending: { readonly mark: number; readonly breaker: ReportedBreaker } | null = null;

  constructor(plan: RolloutPlan) {
    this.tests = limitTests(plan.limits, this.models, () => this.windows?.errorBound ?? 1).map(({ test }) => test);
  }

  /** @param era the leader's */
  heard(region: string | null, report: RolloutReport, era: string, nowMs: number): void {
    this.heardMs = nowMs;
    this.region = region;
    this.trip = report.trip;
    this.breaker = report.breaker;
    this.pending = { mark: report.marks.breaker, breaker: report.breaker };
    // The step's own line: a sidecar that has not followed to this step yet says so.
    if (report.windows !== null) this.heardWindows(report.windows, report, era, nowMs);
    if (report.model !== null) this.learn(report.model);
  }

  /** Its part in the trial of an era; an earlier era's is forgotten. */
  strata(era: string): FleetMember {
    if (this.part?.era !== era) this.part = { era, member: new FleetMember(this.tests) };
    return this.part.member;
  }

  /** Outcomes since this was asked the last time; null: nothing new. @param mark the leader's count of breakers */
  outcomes(mark: number): BreakerTick | null {
    const { pending, counted } = this;
    this.pending = null;
    if (pending === null || pending.mark !== mark) return null;
    this.counted = pending;
    // What a sidecar saw before the leader heard of it, or under another breaker, is not counted.
    if (counted === null || counted.mark !== mark) return null;
    const now = pending.breaker;
    const before = counted.breaker;
    const [bad, ok, spread] = [now.bad - before.bad, now.ok - before.ok, now.spread - before.spread];
    if (bad < 0 || ok < 0 || spread < 0) return null;
    return { bad, ok, spread, baselineBad: now.baselineBad, baselineOk: now.baselineOk, badClients: ones(now.badShards), clients: ones(now.shards) };
  }

  /** Another candidate: what the last one cost is forgotten. */
  forgive(): void {
    this.badSince = 0;
    this.bad = null;
  }

  private heardWindows(windows: ReportedWindows, { marks }: RolloutReport, era: string, nowMs: number): void {
    this.windows = windows;
    this.windowsMs = nowMs;
    this.step = marks.step;
    this.verify = marks.verify;
    const sameCandidate = marks.era.split(".")[0] === era.split(".")[0];
    if (sameCandidate && this.bad !== null) this.badSince += Math.max(0, windows.bad - this.bad);
    this.bad = windows.bad;
  }

  private learn({ generation, classShares, scores, tailShares }: ReportedModel): void {
    if (generation <= this.generation) return;
    this.generation = generation;
    this.models.add({
      generation, classShares: Float64Array.from(classShares), scores: Float64Array.from(scores), tailShares: Float64Array.from(tailShares),
      baselineTable: noTable, candidateTable: noTable, p95Micros: 0, p99Micros: 0,
    });
  }
}
