/** The report on a rollout from a store's log as it is now, for a sidecar that goes on serving meanwhile. */
import { setImmediate as breath } from "node:timers/promises";
import type { Store } from "../store/store.ts";
import { Gathering } from "./gather.ts";
import type { Report } from "./report.ts";

/** Of some 6 KB each: a page is read and parsed in a few milliseconds. */
const pageRecords = 32;

/**
 * @param store of it what is at hand: what was archived is not in it @param name the rollout's @param revision only runs of this candidate revision
 * @returns null where the log knows no such rollout @throws StoreError
 */
export async function readReport(store: Pick<Store, "audit" | "auditEnd">, name: string, revision?: string): Promise<Report | null> {
  const gathering = new Gathering(name, revision);
  const end = await store.auditEnd();
  for (let seq = 1; seq <= end; ) {
    const page = await store.audit(seq, pageRecords);
    if (page.length === 0) break;
    for (const record of page) gathering.take(record);
    seq = page.at(-1)!.seq + 1;
    await breath();
  }
  return gathering.report();
}
