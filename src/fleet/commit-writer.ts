/**
 * Writes what the leader decided: state and audit records in one write, fenced by the lease's epoch. A write whose answer was lost is asked
 * again as it was, by its id, until it is known what became of it: so nothing is applied twice, and nothing is lost.
 */
import { routeOf } from "../config/rollout-plan.ts";
import type { RolloutWriter } from "../rollout/ports.ts";
import type { ExplainedDecision } from "../rollout/status.ts";
import type { DecisionRecord, RolloutState } from "../rollout/types.ts";
import { StoreError } from "../store/store.ts";
import { type Marks } from "./marks.ts";
import type { CommittedRollout } from "./merge.ts";
import type { Allocations, FleetStore } from "./ports.ts";
import { parseStored, storedValue, type StoredRollout } from "./stored-rollout.ts";

const retryMs = 200;
const recordsMax = 1_000;

export interface Committing {
  readonly store: FleetStore;
  readonly allocations: Allocations;
  /** The rollout's name. */
  readonly route: string;
  readonly key: string;
  readonly fenceOf: (epoch: number) => { readonly lease: string; readonly epoch: number };
  /** The lease's epoch; null: this sidecar does not lead, and writes nothing. */
  epoch(): number | null;
  /** A name that no other commit has. */
  newId(): string;
  marks(): Marks;
  committed(): CommittedRollout | null;
  /** Of the stored document, as it was last seen. */
  storeRevision(): number;
  /** This sidecar's commit stands. */
  onCommitted(rollout: StoredRollout, storeRevision: number): void;
  /** The document is another than it was thought to be. */
  onConflict(value: unknown, storeRevision: number): void;
  /** Another sidecar leads. */
  onFenced(): void;
  failed(error: unknown): void;
}

interface Attempt {
  readonly rollout: StoredRollout;
  readonly records: readonly DecisionRecord[];
}

export class CommitWriter implements RolloutWriter {
  private readonly world: Committing;
  private state: RolloutState | null = null;
  private marks: Marks = {};
  private decision: ExplainedDecision | null = null;
  private records: DecisionRecord[] = [];
  private attempt: Attempt | null = null;
  private writing: Promise<void> | null = null;
  private notBeforeMs = 0;
  private lastFailed = false;

  constructor(world: Committing) {
    this.world = world;
  }

  get idle(): boolean {
    return this.state === null && this.records.length === 0 && this.attempt === null && this.writing === null;
  }

  get failing(): boolean {
    return this.lastFailed;
  }

  get writtenWeight(): number {
    return this.world.committed()?.state.weight ?? 0;
  }

  put(state: RolloutState): void {
    this.state = state;
    this.marks = this.world.marks();
  }

  append(record: DecisionRecord): void {
    if (this.records.length >= recordsMax) this.records.shift();
    this.records.push(record);
  }

  /** For the sidecars that follow. */
  say(decision: ExplainedDecision): void {
    this.decision = decision;
  }

  /** Another sidecar leads: what it has not committed was not decided. @returns the state that was not, if any */
  drop(): RolloutState | null {
    const dropped = this.state ?? this.attempt?.rollout.state ?? null;
    this.state = null;
    this.records = [];
    this.attempt = null;
    this.decision = null;
    return dropped;
  }

  pump(nowMs: number): void {
    if (this.writing !== null || nowMs < this.notBeforeMs || this.idle) return;
    this.writing = this.write().then(
      () => {
        this.writing = null;
        this.lastFailed = false;
      },
      (error: unknown) => {
        this.writing = null;
        this.lastFailed = true;
        this.notBeforeMs = nowMs + retryMs;
        this.world.failed(error);
      },
    );
  }

  async flush(): Promise<boolean> {
    await this.writing;
    try {
      await this.write();
      return true;
    } catch (error) {
      this.world.failed(error);
      return false;
    }
  }

  private async write(): Promise<void> {
    const { world } = this;
    for (;;) {
      const epoch = world.epoch();
      if (epoch === null) return;
      const attempt = (this.attempt ??= this.next(epoch));
      if (attempt === null) return;
      if (!(await this.tried(attempt, epoch))) return;
    }
  }

  /** Everything that waits, as one commit. */
  private next(epoch: number): Attempt | null {
    const { world } = this;
    const before = world.committed();
    const state = this.state ?? before?.state ?? null;
    if (state === null || (this.state === null && this.records.length === 0)) return null;
    const marks = this.state === null ? (before?.marks ?? {}) : this.marks;
    const { records } = this;
    const rollout = { state, marks, epoch: Math.max(epoch, before?.epoch ?? 0), revision: (before?.revision ?? 0) + 1, commit: world.newId(), decision: this.decision };
    this.state = null;
    this.records = [];
    this.decision = null;
    return { rollout, records };
  }

  /** @returns false: nothing more can be written for now */
  private async tried(attempt: Attempt, epoch: number): Promise<boolean> {
    const { world } = this;
    const { rollout, records } = attempt;
    try {
      // First who gets which bucket, then that they may: a sidecar that sees only the first gives nobody more.
      if (rollout.state.weight > (world.committed()?.state.weight ?? 0)) await world.allocations.prepare(routeOf(world.route), rollout.state.candidate, rollout.state.weight);
      const audit = records.map((record, i) => ({ record, id: `${rollout.commit}.${i}` }));
      const revision = await world.store.put(world.key, storedValue(rollout), world.storeRevision(), { fence: world.fenceOf(epoch), id: rollout.commit, audit });
      if (revision !== undefined) {
        if (this.attempt === attempt) this.attempt = null;
        world.onCommitted(rollout, revision);
        return true;
      }
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== "fenced") throw error;
      world.onFenced();
      return false;
    }
    return this.conflict(attempt);
  }

  /** Ours after all, another leader's, or somebody's who is none: then what was decided goes on top of it. */
  private async conflict(attempt: Attempt): Promise<boolean> {
    const { world } = this;
    const stored = await world.store.get(world.key);
    if (stored?.cached === true) throw new StoreError("unavailable", "what became of a commit cannot be read");
    const parsed = stored === undefined ? "is not there" : parseStored(stored.value);
    if (typeof parsed !== "string" && parsed.commit === attempt.rollout.commit) {
      if (this.attempt === attempt) this.attempt = null;
      world.onCommitted(attempt.rollout, stored!.revision);
      return true;
    }
    world.onConflict(stored?.value, stored?.revision ?? 0);
    return this.attempt === attempt;
  }
}
