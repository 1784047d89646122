/**
 * What a sidecar does with a shared document, done a few times before there is one: the schema compiles itself at its third or fourth use, and V8 compiles what runs for the
 * first time, or often. Unrehearsed, the first changes after a start take several times as long as those that follow (decisions 059 and 103).
 */
import type { OwnAddresses } from "./config/bootstrap-checks.ts";
import { parseShared } from "./config/shared.ts";
import type { Snapshot } from "./config/snapshot.ts";
import { Slab } from "./observe/slab.ts";
import { Snapshots } from "./snapshots.ts";
import { MemoryStore } from "./store/memory-store.ts";

/** What nearly every document has: both notations of YAML, quoted and plain text, two variants, a rollout. */
const yaml = `revision: 1
routes:
  - name: rehearsal
    match: { path: /rehearsal }
    cohort: { key: [header:x-user, "cookie:sid"] }
    variants:
      - { name: v1, baseline: true, endpoints: ["http://127.0.0.1:1"] }
      - name: v2
        revision: 2.0.0
        endpoints:
          - http://127.0.0.1:2
    rollout:
      candidate: v2
      steps: [1, { weight: 10, dwell: 5m }, 100]
`;
const json = JSON.stringify({
  revision: 1,
  routes: [{ name: "rehearsal", cohort: { key: ["header:x-user"] }, timeouts: { firstByte: "1500ms" }, variants: [{ name: "v1", endpoints: ["http://127.0.0.1:1"] }, { name: "v2", endpoints: ["http://127.0.0.1:2"], weight: 10 }] }],
});

/** @param own addresses of this sidecar @returns what proxy threads may rehearse with; null where something failed: nothing depends on it */
export async function rehearse(own: OwnAddresses, passes: number): Promise<Snapshot | null> {
  let failed = false;
  let snapshot: Snapshot | null = null;
  const store = new MemoryStore();
  const snapshots = new Snapshots(new Slab(1), store, () => performance.now(), () => (failed = true));
  for (let pass = 0; pass < passes; pass++) {
    for (const text of [yaml, json]) {
      const parsed = parseShared(text, "rehearsal", own);
      if (!parsed.ok) return null;
      await snapshots.follow(parsed.value.dynamic);
      snapshot = snapshots.next([{ route: "rehearsal", variant: "v2", weight: 10 }]);
      structuredClone(snapshot);
    }
  }
  await snapshots.flush();
  await store.close();
  return failed ? null : snapshot;
}
