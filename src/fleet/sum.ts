/**
 * The fleet's evidence on one rollout, as its leader sums it from what the sidecars report (JUDGE 7): ratios are summed, counts never pooled.
 * The leader's own sidecar is one source among the others. No clock and no network: the node (node.ts) tells the time and the reports.
 */
import { armedBreaker, breakerThreshold, breakerTicks, type BreakerState, type BreakerTick } from "../judge/breaker.ts";
import { fleetDispersion, independent, type Dispersion } from "../judge/dispersion.ts";
import { FleetTrial } from "../judge/fleet-trial.ts";
import { stepInjection } from "../judge/wealth.ts";
import { ones } from "../rollout/breaker-feed.ts";
import { limitEvidence, type LimitWealth } from "../rollout/limit-evidence.ts";
import { LatencyModels, limitTests, type LimitTest } from "../rollout/limit-tests.ts";
import type { RolloutPlan } from "../config/rollout-plan.ts";
import type { Effect, Evidence, LimitEvidence, RolloutState } from "../rollout/types.ts";
import { fleetShare } from "./budget.ts";
import { breakerOf, eraOf, stepOf, type Marks } from "./marks.ts";
import type { Report, RolloutReport, Trip } from "./report.ts";
import { Member } from "./member.ts";
import { tripped } from "./trip.ts";
import { joinWindows } from "./windows.ts";

/** A sidecar that was silent for so long contributes nothing to what is counted now. */
const silentMs = 5_000;
const forgetMs = 70_000;
const pooledEveryMs = 1_000;
const forgetEveryMs = 10_000;

export class FleetSum {
  private readonly plan: RolloutPlan;
  private readonly tests: readonly LimitTest[];
  private trial: FleetTrial;
  private breaker: BreakerState = armedBreaker;
  private readonly members = new Map<string, Member>();
  private marks: Marks;
  private injected = 0;
  private pooled = fleetDispersion([]);
  private pooledMs = Number.NEGATIVE_INFINITY;
  private forgotMs = Number.NEGATIVE_INFINITY;
  private badBefore: number;

  /** @param begun the candidate has users: the step goes on with evidence of its own, as after a restart */
  constructor(plan: RolloutPlan, state: RolloutState, marks: Marks, begun: boolean) {
    this.plan = plan;
    this.marks = marks;
    this.badBefore = state.badResponses;
    this.tests = limitTests(plan.limits, new LatencyModels(), () => 1);
    this.trial = this.newTrial();
    if (begun) this.beginStep();
  }

  /** One sidecar's report. Late, doubled and reordered ones change nothing that was not meant. */
  take(report: Report, of: RolloutReport, nowMs: number): void {
    const key = `${report.instance} ${report.run}`;
    let member = this.members.get(key);
    if (member === undefined) this.members.set(key, (member = new Member(this.plan)));
    if (report.seq <= member.seq) return;
    member.seq = report.seq;
    member.heard(report.region, of, eraOf(this.marks), nowMs);
    if (of.marks.era !== eraOf(this.marks)) return;
    for (const stratum of of.strata) this.trial.offer(member.strata(eraOf(this.marks)), { ...stratum, dispersion: this.dispersionOf(member, stratum.dispersion, nowMs) }, nowMs);
  }

  tick(nowMs: number): void {
    const ticks: BreakerTick[] = [];
    const [bad, all] = [new Uint32Array(4), new Uint32Array(4)];
    const forget = nowMs - this.forgotMs >= forgetEveryMs;
    if (forget) this.forgotMs = nowMs;
    for (const [key, member] of this.members) {
      if (nowMs - member.heardMs > forgetMs) this.members.delete(key);
      if (forget) this.trial.forget(member.strata(eraOf(this.marks)), nowMs);
      const tick = member.outcomes(breakerOf(this.marks));
      if (tick !== null) ticks.push(tick);
      if (member.breaker === null || nowMs - member.heardMs > silentMs) continue;
      for (let i = 0; i < 4; i++) {
        bad[i]! |= member.breaker.badShards[i]!;
        all[i]! |= member.breaker.shards[i]!;
      }
    }
    if (ticks.length > 0) this.breaker = breakerTicks(this.breaker, ticks, ones(bad), ones(all));
    this.trial.update(nowMs);
  }

  /** The fleet's evidence in the place of this sidecar's own. */
  evidence(own: Evidence, nowMs: number): Evidence {
    const live = [...this.members.values()].filter((member) => nowMs - member.heardMs <= silentMs);
    const seen = live.flatMap(({ windows }) => (windows === null ? [] : [windows]));
    const sameStep = live.flatMap(({ windows, step }) => (windows !== null && step === stepOf(this.marks) ? [windows] : []));
    const sum = (of: (windows: (typeof seen)[number]) => number): number => sameStep.reduce((total, windows) => total + of(windows), 0);
    const candidate = joinWindows(seen.map((windows) => windows.candidate));
    const baseline = joinWindows(seen.map((windows) => windows.baseline));
    const earlier = seen.flatMap((windows) => (windows.earlier === null ? [] : [windows.earlier]));
    let badResponses = this.badBefore;
    for (const member of this.members.values()) badResponses += member.badSince;
    const summed: Evidence = {
      // What is not summed is as this sidecar sees it: the command, and whatever a rule asks of one sidecar.
      ...own, candidate, baseline,
      baselineEarlier: earlier.length === 0 ? null : joinWindows(earlier),
      baselineSinceVerify: joinWindows(live.flatMap((member) => (member.windows === null || member.verify !== (this.marks["beginVerify"] ?? 0) ? [] : [member.windows.sinceVerify]))),
      stepCandidateRequests: sum((windows) => windows.stepCandidateRequests),
      stepBaselineRequests: sum((windows) => windows.stepBaselineRequests),
      stepCandidateSettled: sum((windows) => windows.stepCandidateSettled),
      // Nobody is heard: then nobody is known to be quiet.
      candidateQuietMs: seen.length === 0 ? 0 : Math.min(...live.flatMap(({ windows, windowsMs }) => (windows === null ? [] : [windows.quietMs > 0 ? windows.quietMs + nowMs - windowsMs : 0]))),
      limits: limitEvidence(this.plan, this.wealth(live), candidate, baseline).map((limit, i) => this.spoken(limit, own.limits[i], i)),
      breaker: {
        tripped: this.breaker.tripped, wealth: this.breaker.wealth, threshold: breakerThreshold, bound: this.breaker.bound,
        bad: this.breaker.bad, ok: this.breaker.ok, clients: ones(live.reduce((set, { breaker }) => set.map((word, i) => word | (breaker?.badShards[i] ?? 0)), [0, 0, 0, 0])),
      },
      badResponses,
    };
    const trip = live.map((member) => member.trip).find((one) => one !== null && this.counts(one));
    return trip == null ? summed : tripped(this.plan, summed, trip);
  }

  /** A decision of the leader. */
  apply(effects: readonly Effect[], marks: Marks): void {
    this.marks = marks;
    for (const effect of effects) {
      switch (effect.kind) {
        case "beginStep":
          this.beginStep();
          break;
        case "resetEvidence":
          this.injected = 0;
          this.trial = this.newTrial();
          break;
        case "beginCandidate":
          this.badBefore = 0;
          for (const member of this.members.values()) member.forgive();
          break;
        case "rearmLimit":
          this.tests.forEach((test, i) => {
            if (test.limit === effect.limit) this.trial.rearm(i);
          });
          break;
        case "resetBreaker":
          this.breaker = armedBreaker;
          break;
        case "setWeight": case "beginVerify":
      }
    }
  }

  /** From blocks that ended before the stratum began: what is applied to it is older than it is (JUDGE 4). */
  private dispersionOf(member: Member, alone: Dispersion, nowMs: number): Dispersion {
    if (nowMs - this.pooledMs >= pooledEveryMs) {
      this.pooledMs = nowMs;
      this.pooled = fleetDispersion([...this.members.values()].flatMap(({ windows }) => (windows === null ? [] : [windows.dispersion])));
    }
    return member.windows === null ? alone : this.pooled(member.windows.dispersion, alone);
  }

  /** How many sidecars were heard lately. */
  size(nowMs: number): number {
    let count = 0;
    for (const member of this.members.values()) if (nowMs - member.heardMs <= silentMs) count++;
    return count;
  }

  /** @param own the leader's own evidence on the same limit */
  private spoken(limit: LimitEvidence, own: LimitEvidence | undefined, i: number): LimitEvidence {
    // Copies and a service's numbers are judged by each sidecar on what it has seen itself: one that finds a breach trips.
    if (own !== undefined && (limit.metric === "mirror" || limit.metric === "custom")) return own;
    if (own !== undefined && limit.metric === "conversion") {
      const { candidateValue, baselineValue, limitValue, candidateN, baselineN } = own;
      return { ...limit, candidateValue, baselineValue, limitValue, candidateN, baselineN };
    }
    // Which region it is that suffers, the sum does not say: there, each sidecar speaks for its own.
    return this.plan.limits[i]!.scope === "inRegion" && limit.verdict === "breached" ? { ...limit, verdict: "inconclusive" } : limit;
  }

  private counts(trip: Trip): boolean {
    return trip.era === eraOf(this.marks) && (trip.kind !== "breaker" || trip.breaker === breakerOf(this.marks)) && trip.kind !== "command";
  }

  private wealth(live: readonly Member[]): LimitWealth[] {
    return this.tests.map(({ limit, bound, share, test }, i) => ({
      limit, bound, share: fleetShare * share, wealth: this.trial.wealth(i), notWorse: this.trial.notWorse(i),
      phi: live.reduce((largest, member) => Math.max(largest, member.windows === null ? 1 : this.pooled(member.windows.dispersion, independent)[test.phi === "none" ? "errors" : (test.phi ?? "errors")]), 1),
    }));
  }

  private beginStep(): void {
    this.trial.inject(stepInjection(this.injected++, this.plan.steps.length));
    this.trial.restartNotWorse();
  }

  private newTrial(): FleetTrial {
    return new FleetTrial(this.tests.map(({ test }) => test));
  }
}
