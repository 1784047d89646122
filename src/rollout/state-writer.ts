/**
 * Writes one rollout's state and decisions to the store, behind the decision: users never wait for a disk. The newest
 * state wins; decisions are kept in order. A failed write is tried again, and the decision stands meanwhile.
 */
import type { RolloutStore, RolloutWriter } from "./ports.ts";
import type { DecisionRecord, RolloutState } from "./types.ts";

const retryMs = 1_000;
/** Decisions that wait for the store; over it, the oldest are given up (they are in the log and in the status). */
const waitingDecisionsMax = 1_000;

export class StateWriter implements RolloutWriter {
  private readonly store: RolloutStore;
  private readonly key: string;
  private readonly failed: (error: unknown) => void;
  private revision: number;
  private state: RolloutState | null = null;
  private readonly decisions: DecisionRecord[] = [];
  private writing: Promise<void> | null = null;
  private notBeforeMs = 0;
  private lastFailed = false;

  /** @param revision of the stored state; 0: there is none */
  constructor(store: RolloutStore, key: string, revision: number, failed: (error: unknown) => void) {
    this.store = store;
    this.key = key;
    this.revision = revision;
    this.failed = failed;
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
    this.decisions.push(decision);
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
        this.failed(error);
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
      this.failed(error);
      return false;
    }
  }

  private async write(): Promise<void> {
    while (this.state !== null || this.decisions.length > 0) {
      const { state } = this;
      if (state !== null) {
        const revision = await this.store.put(this.key, state, this.revision);
        // Somebody else wrote: this process decides for this store, so its state is the newer one.
        if (revision === undefined) this.revision = (await this.store.get(this.key))?.revision ?? 0;
        else this.revision = revision;
        if (revision !== undefined && this.state === state) this.state = null;
      }
      while (this.decisions.length > 0) {
        const first = this.decisions[0]!;
        await this.store.append(first);
        if (this.decisions[0] === first) this.decisions.shift();
      }
    }
  }
}
