/**
 * Takes in audit records one after the other, and keeps what a report may need: of a long log the run of note (`isOfNote`) that came last, the last one, and the one
 * under way, so that neither a command nor a running sidecar holds all of the log. Pure but for what it remembers.
 */
import type { AuditRecord } from "../store/store.ts";
import { isOfNote, type Report, reportOf } from "./report.ts";
import { isChange } from "../store/shared-document.ts";
import { concerns, isDecision, startsRun } from "./run.ts";

/** Changes of the configuration that are kept; the oldest go. */
const changesMax = 1_000;

export class Gathering {
  private readonly name: string;
  private readonly revision: string | undefined;
  private changes: AuditRecord[] = [];
  /** Of runs that have ended. */
  private back: readonly AuditRecord[] = [];
  private last: readonly AuditRecord[] = [];
  private run: AuditRecord[] = [];
  private newest: AuditRecord | null = null;

  /** @param revision only runs of this candidate revision */
  constructor(name: string, revision?: string) {
    this.name = name;
    this.revision = revision;
  }

  /** In the log's order. */
  take(audit: AuditRecord): void {
    const { record } = audit;
    if (!concerns(record, this.name)) return;
    if (isChange(record)) {
      this.changes.push(audit);
      if (this.changes.length > changesMax) this.changes.shift();
      return;
    }
    if (isDecision(record, this.name)) {
      const before = this.newest?.record;
      if (before !== undefined && isDecision(before, this.name) && startsRun(record, before)) this.end();
      this.newest = audit;
    }
    // An outcome that comes after its run has ended belongs to it all the same: `reportOf` looks for what it is of.
    this.run.push(audit);
  }

  /** @returns null where there is none */
  report(): Report | null {
    const kept = [...new Set([...this.changes, ...this.back, ...this.last, ...this.run])].toSorted((a, b) => a.seq - b.seq);
    return reportOf(kept, this.name, this.revision);
  }

  private end(): void {
    const { run } = this;
    this.run = [];
    if (this.revision !== undefined && !run.some(({ record }) => isDecision(record, this.name) && record.revision === this.revision)) return;
    if (run.some(({ record }) => isDecision(record, this.name) && isOfNote({ record }))) this.back = run;
    else this.last = run;
  }
}
