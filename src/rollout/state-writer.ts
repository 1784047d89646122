/**
 * Writes one rollout's state and decisions to the store, behind the decision: users never wait for a disk. The newest
 * state wins; decisions are kept in order, and are written with the state that they led to, both or none. A failed write
 * is tried again as it was, under the same ids: one whose answer was lost counts once. The decision stands meanwhile.
 */
import { randomBytes } from "node:crypto";
import type { RolloutStore, RolloutWriter } from "./ports.ts";
import type { DecisionRecord, RolloutState } from "./types.ts";

const retryMs = 1_000;
/** Decisions that wait for the store; over it, the oldest are given up (they are in the log and in the status). */
const waitingDecisionsMax = 1_000;
/** Decisions in one write with their state; where more have gathered during an outage, the oldest go before it. */
const togetherMax = 16;

export interface StateWriterListener {
  failed(error: unknown): void;
  /** A state is in the store: a weight that it raised may be given. @param late the write had failed before */
  written(late: boolean): void;
}

interface Recorded {
  readonly id: string;
  readonly record: DecisionRecord;
}

interface Attempt {
  readonly id: string;
  readonly state: RolloutState;
  readonly audit: readonly Recorded[];
}

export class StateWriter implements RolloutWriter {
  private readonly store: RolloutStore;
  private readonly key: string;
  private readonly told: StateWriterListener;
  private revision: number;
  private state: RolloutState | null = null;
  private readonly decisions: Recorded[] = [];
  /** A write whose outcome is not known: it is asked for again, and nothing else before. */
  private attempt: Attempt | null = null;
  private readonly writer = randomBytes(6).toString("hex");
  private ids = 0;
  private writing: Promise<void> | null = null;
  private notBeforeMs = 0;
  private lastFailed = false;
  /** Of the state that was written last, in percent; 0: none was. */
  writtenWeight: number;

  /** @param stored what is in the store; revision 0: nothing */
  constructor(store: RolloutStore, key: string, stored: { readonly revision: number; readonly weight: number }, told: StateWriterListener) {
    this.store = store;
    this.key = key;
    this.revision = stored.revision;
    this.writtenWeight = stored.revision === 0 ? 0 : stored.weight;
    this.told = told;
  }

  get idle(): boolean {
    return this.state === null && this.decisions.length === 0 && this.writing === null;
  }

  /** The last write failed, and none has succeeded since. */
  get failing(): boolean {
    return this.lastFailed;
  }

  put(state: RolloutState): void {
    this.state = state;
  }

  append(decision: DecisionRecord): void {
    if (this.decisions.length >= waitingDecisionsMax) this.decisions.shift();
    this.decisions.push({ id: this.nextId(), record: decision });
  }

  /** Starts writing what waits, unless it is under way or has just failed. */
  pump(nowMs: number): void {
    if (this.writing !== null || nowMs < this.notBeforeMs || (this.state === null && this.decisions.length === 0)) return;
    this.writing = this.write().then(
      () => {
        this.writing = null;
        this.lastFailed = false;
      },
      (error: unknown) => {
        this.writing = null;
        this.lastFailed = true;
        this.notBeforeMs = nowMs + retryMs;
        this.told.failed(error);
      },
    );
  }

  /** Writes all that waits. @returns false where the store refused */
  async flush(): Promise<boolean> {
    await this.writing;
    try {
      await this.write();
      return true;
    } catch (error) {
      this.told.failed(error);
      return false;
    }
  }

  private async write(): Promise<void> {
    while (this.state !== null || this.decisions.length > 0) {
      if (this.attempt === null && (this.state === null || this.decisions.length > togetherMax)) await this.writeOldest();
      else await this.writeState();
    }
  }

  private async writeOldest(): Promise<void> {
    const first = this.decisions[0]!;
    await this.store.append(first.record, { id: first.id });
    if (this.decisions[0] === first) this.decisions.shift();
  }

  private async writeState(): Promise<void> {
    const attempt = (this.attempt ??= { id: this.nextId(), state: this.state!, audit: [...this.decisions] });
    const revision = await this.store.put(this.key, attempt.state, this.revision, { id: attempt.id, audit: attempt.audit });
    this.attempt = null;
    if (revision === undefined) {
      // Somebody else wrote: this process decides for this store, so its state is the newer one.
      this.revision = (await this.store.get(this.key))?.revision ?? 0;
      return;
    }
    this.revision = revision;
    this.writtenWeight = attempt.state.weight;
    if (this.state === attempt.state) this.state = null;
    while (this.decisions.length > 0 && attempt.audit.includes(this.decisions[0]!)) this.decisions.shift();
    this.told.written(this.lastFailed);
  }

  private nextId(): string {
    return `${this.writer}.${++this.ids}`;
  }
}
