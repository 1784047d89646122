/** The end of the audit log, read once for all who follow it. */
import type { AuditRecord, Store } from "../store/store.ts";

type Log = Pick<Store, "audit" | "auditEnd">;

const pageRecords = 16;

export class AuditTail {
  /** The newest seq; 0: nothing is recorded yet, or nothing was read. */
  end = 0;
  /** Where the log ended when this process began. */
  start = 0;
  private readonly store: Log;
  private newest: readonly AuditRecord[] = [];
  private readonly reading = new Map<number, Promise<readonly AuditRecord[]>>();

  constructor(store: Log) {
    this.store = store;
  }

  async begin(): Promise<void> {
    await this.refresh();
    this.start = this.end;
  }

  async refresh(): Promise<void> {
    const end = await this.store.auditEnd();
    // A log that is shorter than it was is another one.
    if (end < this.end) this.newest = [];
    this.end = end;
  }

  /** Records after a seq, oldest first, at most `pageRecords`; none where there are none. Archived ones are not there any more. @throws StoreError */
  async after(seq: number): Promise<readonly AuditRecord[]> {
    if (seq >= this.end) return [];
    const known = this.newest.findIndex((record) => record.seq === seq + 1);
    if (known >= 0) return this.newest.slice(known);
    let reading = this.reading.get(seq);
    if (reading === undefined) {
      reading = this.store.audit(seq + 1, pageRecords).finally(() => this.reading.delete(seq));
      this.reading.set(seq, reading);
    }
    const page = await reading;
    if ((page.at(-1)?.seq ?? 0) >= this.end) this.newest = page;
    return page;
  }
}
