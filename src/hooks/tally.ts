/** What became of calls since the start, for metrics and status. */
export interface TargetTally {
  taken: number;
  /** Attempts that were not taken. */
  failed: number;
  /** Calls that were given up. */
  gaveUp: number;
  /** Of the last attempt that was not taken; null: there was none since one was. */
  lastFailure: string | null;
}

export class Tally {
  private readonly rows = new Map<string, TargetTally>();

  constructor(targets: readonly string[]) {
    for (const target of targets) this.rows.set(target, { taken: 0, failed: 0, gaveUp: 0, lastFailure: null });
  }

  attempted(target: string, taken: boolean, detail: string): void {
    const row = this.rows.get(target);
    if (row === undefined) return;
    if (taken) row.taken++;
    else row.failed++;
    row.lastFailure = taken ? null : detail;
  }

  gaveUp(target: string): void {
    const row = this.rows.get(target);
    if (row !== undefined) row.gaveUp++;
  }

  of(target: string): Readonly<TargetTally> {
    return this.rows.get(target)!;
  }
}
