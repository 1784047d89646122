/**
 * One log line for each decision: its sentence, all that it was made on, and the number of its record in the audit log. A
 * decision is recorded a moment after it is made, here or on the sidecar that leads, so the line waits for that; not for long.
 */
import type { Clock } from "./core/clock.ts";
import type { Log } from "./core/log.ts";
import { severityOf } from "./rollout/severity.ts";
import type { ExplainedDecision } from "./rollout/status.ts";
import type { Store } from "./store/store.ts";

/** Over it, a line is written without the number: the decision counts all the same. */
const waitMs = 2_000;
const pageRecords = 100;
/** How far behind the log's end a decision's record may be. */
const lookBackRecords = 200;

interface Waiting {
  readonly decision: ExplainedDecision;
  readonly sinceMs: number;
}

export interface DecisionLogOptions {
  readonly log: Log;
  readonly store: Pick<Store, "audit" | "auditEnd" | "reachable">;
  readonly clock: Clock;
}

export class DecisionLog {
  private readonly options: DecisionLogOptions;
  private waiting: Waiting[] = [];
  /** The last audit record that was a line's. Those behind it are looked at again: a decision may be told after it is recorded. */
  private found = 0;
  private looking: Promise<void> | null = null;

  constructor(options: DecisionLogOptions) {
    this.options = options;
  }

  /** For `RolloutControl.onDecision`. */
  readonly told = (decision: ExplainedDecision): void => {
    this.waiting.push({ decision, sinceMs: this.options.clock.monotonicMs() });
  };

  /** A few times a second: asks the store for nothing while no line waits. */
  tick(): void {
    if (this.waiting.length === 0 || this.looking !== null) return;
    this.looking = this.look(waitMs).finally(() => (this.looking = null));
  }

  /** Writes what waits: before the process ends. */
  async flush(): Promise<void> {
    await this.looking;
    await this.look(0);
  }

  /** @param forMs after which a line waits no longer */
  private async look(forMs: number): Promise<void> {
    const { store, clock } = this.options;
    // What cannot be written cannot be found; the failed write is told elsewhere.
    if (store.reachable) await this.find().catch(() => undefined);
    const nowMs = clock.monotonicMs();
    const late = this.waiting.filter(({ sinceMs }) => !store.reachable || nowMs - sinceMs >= forMs);
    this.waiting = this.waiting.filter((one) => !late.includes(one));
    for (const { decision } of late) this.write(decision, null);
  }

  private async find(): Promise<void> {
    const { store } = this.options;
    const end = await store.auditEnd();
    for (let from = Math.max(this.found, end - lookBackRecords); from < end && this.waiting.length > 0; ) {
      const records = await store.audit(from + 1, pageRecords);
      for (const { seq, record } of records) this.match(seq, record);
      from = records.at(-1)?.seq ?? end;
    }
  }

  private match(seq: number, record: object): void {
    const found = this.waiting.find(({ decision }) => isRecordOf(decision, record));
    if (found === undefined) return;
    this.found = seq;
    this.waiting = this.waiting.filter((one) => one !== found);
    this.write(found.decision, seq);
  }

  private write(decision: ExplainedDecision, auditSeq: number | null): void {
    const { sentence, ...record } = decision;
    const severity = severityOf(decision.reason);
    this.options.log[severity === "page" ? "error" : severity]({ decision: record, severity, auditSeq }, sentence);
  }
}

function isRecordOf(decision: ExplainedDecision, record: object): boolean {
  const { route, candidate, reason, atMs } = record as Partial<ExplainedDecision>;
  return route === decision.route && candidate === decision.candidate && reason === decision.reason && atMs === decision.atMs;
}
