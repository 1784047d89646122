/**
 * One rollout's tie to the fleet: what was committed, what this sidecar lowered by itself, what it reports, and, while it leads, what all
 * sidecars report. It decides nothing: `decide` does, on the leader. What it may give is worked out here: never more than what is committed.
 */
import type { RolloutPlan } from "../config/rollout-plan.ts";
import type { FleetTie } from "../rollout/ports.ts";
import type { RolloutJudge } from "../rollout/judging.ts";
import type { ExplainedDecision } from "../rollout/status.ts";
import { exposed } from "../rollout/turn.ts";
import type { Command, Effect, Evidence, RolloutState } from "../rollout/types.ts";
import { Collector } from "./collect.ts";
import { CommitWriter, type Committing } from "./commit-writer.ts";
import { effectsSince, eraOf, marked, noMarks, type Marks } from "./marks.ts";
import { compareCommits, merge, noView, settled, type CommittedRollout, type Lowered, type View } from "./merge.ts";
import type { Report, RolloutReport, Trip } from "./report.ts";
import { parseStored, type StoredRollout } from "./stored-rollout.ts";
import { FleetSum } from "./sum.ts";
import { tripOf } from "./trip.ts";

/** What a tie needs of the node that it belongs to. */
export interface TieWorld extends Omit<Committing, "marks" | "committed" | "storeRevision" | "onCommitted" | "onConflict"> {
  readonly instance: string;
  readonly region: string | null;
  readonly ownShare: () => number;
  /** Whether this process made the commit. */
  isOwn(commit: string): boolean;
  /** A commit of this sidecar stands: weights may rise, and the others will follow. */
  committed(revision: number): void;
  /** What another sidecar committed was taken over. */
  adopted(revision: number): void;
  /** See `FleetTie.acknowledgedAtMs`, of the rollout's commit. */
  acknowledgedAtMs(revision: number, monotonicMs: number): number | null;
  /** This sidecar takes its users away by itself. */
  lowered(lowered: Lowered): void;
  /** What should outlive the process has changed. */
  changed(): void;
  forward(command: Command): string;
}

export class RolloutTie implements FleetTie {
  readonly writer: CommitWriter;
  view: View = noView;
  private readonly world: TieWorld;
  private readonly collector: Collector;
  private plan: RolloutPlan | null = null;
  private state: RolloutState | null = null;
  private marks: Marks = noMarks;
  private storeRevision = 0;
  private sum: FleetSum | null = null;
  private trip: Trip | null = null;
  /** The committed state with its times on this machine's clock. */
  private shifted: RolloutState | null = null;
  private pending: { readonly from: Marks; readonly decision: ExplainedDecision | null } | null = null;
  private last: { readonly judge: RolloutJudge; readonly own: Evidence } | null = null;

  constructor(world: TieWorld) {
    this.world = world;
    this.collector = new Collector(world.route);
    this.writer = new CommitWriter({
      ...world, allocations: world.allocations, store: world.store,
      epoch: () => world.epoch(), newId: () => world.newId(), failed: (error) => world.failed(error), onFenced: () => world.onFenced(),
      marks: () => this.marks, committed: () => this.view.committed, storeRevision: () => this.storeRevision,
      onCommitted: (rollout, revision) => this.onCommitted(rollout, revision),
      onConflict: (value, revision) => this.onConflict(value, revision),
    });
  }

  get leading(): boolean {
    return this.world.epoch() !== null;
  }

  get ownShare(): number {
    return this.world.ownShare();
  }

  /** What this sidecar lowered by itself; null: nothing that still counts. */
  get lowered(): Lowered | null {
    const era = eraOf(this.view.committed?.marks ?? noMarks);
    return this.view.lowered.find((one) => one.era === era) ?? null;
  }

  get fleet(): FleetSum | null {
    return this.sum;
  }

  /** The stored document, as it is read: at the start, and whenever it may have changed. @returns what is wrong with it, or null */
  received(value: unknown, storeRevision: number): string | null {
    this.storeRevision = storeRevision;
    const parsed = parseStored(value);
    if (typeof parsed === "string") return parsed;
    const { committed } = this.view;
    // Its own commit, of which the answer is still on its way, is not news.
    if (this.leading && this.world.isOwn(parsed.commit)) return null;
    if (committed !== null && compareCommits(parsed, committed) <= 0) return null;
    const from = this.pending?.from ?? this.marks;
    this.view = settled(merge(this.view, { committed: withoutDecision(parsed), lowered: [] }));
    if (this.trip !== null && this.lowered === null) this.trip = null;
    this.marks = parsed.marks;
    this.pending = { from, decision: parsed.decision };
    this.world.changed();
    return null;
  }

  /** What the last process knew, where the store cannot be asked. */
  resume(view: View): void {
    this.view = settled(merge(this.view, view));
    this.marks = this.view.committed?.marks ?? noMarks;
  }

  begin(plan: RolloutPlan, state: RolloutState): void {
    this.plan = plan;
    this.state = state;
    this.pending = null;
    if (this.view.committed !== null) this.marks = this.view.committed.marks;
    this.sum = null;
  }

  observe(judge: RolloutJudge, own: Evidence, state: RolloutState, monotonicMs: number): void {
    this.state = state;
    this.last = { judge, own };
    this.collector.collect(judge, this.marks);
    if (this.leading) {
      // After the state was taken over: the sum begins with it.
      if (this.pending === null) this.sum ??= this.newSum();
      this.sum?.tick(monotonicMs);
    } else {
      this.sum = null;
    }
    if (this.trip === null && this.plan !== null && this.lowered === null) this.lowerBy(tripOf(this.plan, state, own, this.marks, this.world.region));
  }

  evidence(own: Evidence, monotonicMs: number): Evidence {
    return this.sum?.evidence(own, monotonicMs) ?? own;
  }

  decided(effects: readonly Effect[]): void {
    this.marks = marked(this.marks, effects);
    this.sum?.apply(effects, this.marks);
  }

  adopt(): { readonly state: RolloutState; readonly effects: readonly Effect[]; readonly decision: ExplainedDecision | null } | null {
    const { pending, view: { committed } } = this;
    if (pending === null || committed === null) return null;
    this.pending = null;
    const state = this.shifted ?? committed.state;
    this.shifted = null;
    this.state = state;
    this.world.adopted(committed.revision);
    return { state, effects: effectsSince(pending.from, committed.marks, committed.state), decision: pending.decision };
  }

  weights(state: RolloutState): { readonly own: number; readonly shared: number } {
    // A decision lowers at once, and raises when it is committed: until then it might be another leader's to make.
    const own = Math.min(state.weight, this.view.committed?.state.weight ?? 0, this.lowered?.weight ?? 100);
    return { own, shared: state.weight };
  }

  acknowledgedAtMs(monotonicMs: number): number | null {
    const { committed } = this.view;
    return committed === null || !this.writer.idle ? null : this.world.acknowledgedAtMs(committed.revision, monotonicMs);
  }

  forward(command: Command): string {
    if (command.verb === "rollback") this.lowerBy({ era: eraOf(this.marks), breaker: 0, kind: "command", limit: -1, evidence: null, region: null, by: command.by, why: command.why });
    return this.world.forward(command);
  }

  /** What this sidecar has to say; null before its first tick. */
  report(monotonicMs: number): RolloutReport | null {
    if (this.last === null) return null;
    const { judge, own } = this.last;
    return this.collector.report(judge, own, this.marks, this.trip, monotonicMs);
  }

  /** As the leader. */
  heard(report: Report, of: RolloutReport, monotonicMs: number): void {
    this.sum?.take(report, of, monotonicMs);
  }

  /** This sidecar leads from now on, by its own clock. @param skewMs how far that is ahead of the last leader's */
  promoted(skewMs: number, nowMs: number): void {
    const { committed } = this.view;
    if (committed === null) return;
    this.pending = { from: this.pending?.from ?? this.marks, decision: this.pending?.decision ?? null };
    this.state = null;
    this.shifted = shifted(committed.state, skewMs, nowMs);
  }

  /** This sidecar leads no more: what it decided and could not commit stands only where it lowers. */
  deposed(): void {
    this.sum = null;
    const dropped = this.writer.drop();
    const { committed } = this.view;
    if (dropped === null || committed === null) return;
    if (dropped.weight < committed.state.weight) this.lower({ era: eraOf(committed.marks), weight: dropped.weight, reason: "uncommitted", by: this.world.instance });
    // Back to what was committed, with what the judge forgot meanwhile forgotten.
    this.pending = { from: this.marks, decision: null };
    this.marks = committed.marks;
  }

  /** The store may have lost what was committed: then it is committed again. @param storeRevision 0: there is nothing */
  restore(storeRevision: number): void {
    this.storeRevision = storeRevision;
    if (this.view.committed !== null) this.writer.put(this.view.committed.state);
  }

  private lowerBy(trip: Trip | null): void {
    const { committed } = this.view;
    if (trip === null || committed === null) return;
    this.trip = trip;
    this.lower({ era: eraOf(committed.marks), weight: 0, reason: trip.kind, by: this.world.instance });
  }

  private lower(lowered: Lowered): void {
    this.view = merge(this.view, { committed: null, lowered: [lowered] });
    this.world.lowered(lowered);
    this.world.changed();
  }

  private onCommitted(rollout: StoredRollout, storeRevision: number): void {
    this.storeRevision = storeRevision;
    this.view = settled(merge(this.view, { committed: withoutDecision(rollout), lowered: [] }));
    if (this.lowered === null) this.trip = null;
    this.world.changed();
    this.world.committed(rollout.revision);
  }

  private onConflict(value: unknown, storeRevision: number): void {
    if (value === undefined) {
      this.storeRevision = storeRevision;
      return;
    }
    const wrong = this.received(value, storeRevision);
    if (wrong !== null) this.world.failed(new Error(`the stored rollout of route ${this.world.route} ${wrong}; it is written over`));
  }

  private newSum(): FleetSum | null {
    return this.plan === null || this.state === null ? null : new FleetSum(this.plan, this.state, this.marks, exposed(this.state));
  }
}

/** A state's times from another clock, none of them in the future: a clock that differs must neither end a dwell nor make it endless. */
function shifted(state: RolloutState, skewMs: number, nowMs: number): RolloutState {
  const past = (atMs: number): number => Math.min(nowMs, atMs + skewMs);
  const { bakeSinceMs, cooldownUntilMs, drill } = state;
  return {
    ...state, sinceMs: past(state.sinceMs), stepSinceMs: past(state.stepSinceMs), bakeSinceMs: bakeSinceMs === null ? null : past(bakeSinceMs),
    cooldownUntilMs: cooldownUntilMs === null ? null : cooldownUntilMs + skewMs, ...(drill === undefined ? {} : { drill: { ...drill, atMs: past(drill.atMs) } }),
  };
}

const withoutDecision = ({ state, marks, epoch, revision, commit }: StoredRollout): CommittedRollout => ({ state, marks, epoch, revision, commit });
