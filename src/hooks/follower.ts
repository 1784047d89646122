/**
 * Follows the audit log for one purpose: one record after the other, each at least once, whatever happens to the process. The log is the outbox: what
 * was decided is in it before anything is called, and the place that was come to is kept beside it.
 */
import { jitteredMs } from "../core/backoff.ts";
import type { AuditRecord, Fence } from "../store/store.ts";
import type { AuditTail } from "./audit-tail.ts";
import { Cursor } from "./cursor.ts";
import type { HookPorts } from "./ports.ts";

/** Records that are of no interest cost a write only so often. */
const unwrittenMax = 128;
const troubleFirstMs = 500;
const troubleMaxMs = 30_000;

export interface Following {
  /** Where its place is kept. */
  readonly key: string;
  wants(record: AuditRecord): boolean;
  /** Resolves when nothing is left to do about it. @throws where that is not known: then it is asked again @param signal this process is not to go on */
  take(record: AuditRecord, signal: AbortSignal): Promise<void>;
}

export interface FollowerPorts extends Pick<HookPorts, "store" | "clock" | "random" | "log"> {
  readonly tail: AuditTail;
  /** Where one begins that has no place yet. */
  start(): number;
}

export class Follower {
  private readonly ports: FollowerPorts;
  private readonly following: Following;
  private cursor: Cursor | null = null;
  private running: { readonly fence: Fence | undefined; readonly abort: AbortController; readonly done: Promise<void> } | null = null;
  private troubles = 0;
  private notBeforeMs = 0;

  constructor(ports: FollowerPorts, following: Following) {
    this.ports = ports;
    this.following = following;
  }

  /** Records that were not looked at yet; null: the place is not known. */
  get behind(): number | null {
    return this.cursor === null ? null : Math.max(0, this.ports.tail.end - this.cursor.seq);
  }

  /** The last record that is done with; null: the place is not known. */
  get seq(): number | null {
    return this.cursor?.seq ?? null;
  }

  get idle(): boolean {
    return this.running === null && this.cursor !== null && this.cursor.seq >= this.ports.tail.end;
  }

  /** From now on nothing is missed, whatever happens to this process. @throws StoreError */
  async prepare(fence: Fence | undefined): Promise<void> {
    this.cursor ??= await Cursor.load(this.ports.store, this.following.key, fence, this.ports.start());
  }

  /** Often. @param fence as `HookPorts.fence` says */
  pump(fence: Fence | undefined | null): void {
    const { running } = this;
    if (running !== null) {
      if (fence === null || fence?.epoch !== running.fence?.epoch) running.abort.abort();
      return;
    }
    if (fence === null) {
      this.cursor = null;
      return;
    }
    const nowMs = this.ports.clock.monotonicMs();
    if (nowMs < this.notBeforeMs || (this.cursor !== null && this.cursor.seq === this.ports.tail.end)) return;
    const abort = new AbortController();
    const done = this.run(fence, abort.signal)
      .then(() => (this.troubles = 0))
      .catch((error: unknown) => {
        // What is stored is read again before anything is sent: somebody else may have gone on meanwhile.
        this.cursor = null;
        this.notBeforeMs = nowMs + jitteredMs(++this.troubles, this.ports.random, troubleFirstMs, troubleMaxMs);
        if (!abort.signal.aborted) this.ports.log.error({ err: error, place: this.following.key }, "The audit log could not be followed; it is tried again.");
      })
      .then(() => void (this.running = null));
    this.running = { fence, abort, done };
  }

  /** Gives up what is under way; it is done again the next time. */
  async stop(): Promise<void> {
    this.running?.abort.abort();
    await this.running?.done;
  }

  private async run(fence: Fence | undefined, signal: AbortSignal): Promise<void> {
    const { tail, log } = this.ports;
    await this.prepare(fence);
    const cursor = this.cursor!;
    await tail.refresh();
    if (cursor.seq > tail.end) cursor.rewind(tail.end);
    for (;;) {
      const page = await tail.after(cursor.seq);
      if (page.length === 0) return;
      const missed = page[0]!.seq - cursor.seq - 1;
      if (missed > 0 && cursor.seq > 0) log.error({ place: this.following.key, missed }, "Audit records were archived before they could be looked at: nobody is told of them.");
      for (const record of page) {
        const wanted = !cursor.isOld(record) && this.following.wants(record);
        if (wanted) await this.following.take(record, signal);
        cursor.pass(record);
        if (wanted || cursor.unwritten >= unwrittenMax) await cursor.write();
        signal.throwIfAborted();
      }
    }
  }
}
