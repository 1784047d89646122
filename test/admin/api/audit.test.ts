/** The audit log through the API. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AuditRecord } from "../../../src/store/store.ts";
import { ask, parsed, start } from "../client.ts";
import { world } from "../world.ts";

interface Page {
  readonly items: readonly { readonly seq: number; readonly time: string; readonly sentence: string | null; readonly record: Record<string, unknown> }[];
  readonly next: string | null;
}

const dayMs = 86_400_000;
const timeOf = (seq: number): string => new Date(Date.UTC(2026, 0, 1) + seq * dayMs).toISOString();
const recordOf = (seq: number): AuditRecord => ({ seq, time: timeOf(seq), record: { route: seq % 3 === 0 ? "a" : "b", reason: seq % 5 === 0 ? "x" : "y" }, previousHash: "", hash: "" });

/** A log whose records before `first` were archived. */
const logOf = (first: number, end: number): { audit: (seq: number, limit: number) => Promise<AuditRecord[]>; auditEnd: () => Promise<number> } => ({
  audit: (seq, limit) => Promise.resolve(Array.from({ length: Math.max(0, Math.min(limit, end - Math.max(seq, first) + 1)) }, (_, i) => recordOf(Math.max(seq, first) + i))),
  auditEnd: () => Promise.resolve(end),
});

describe("the audit log", () => {
  it("is given newest first in pages that, put together, have each record that fits once, whatever was archived", async () => {
    const w = world();
    let log = logOf(1, 0);
    const at = await start({ ...w, ports: { ...w.ports, audit: { audit: (...args) => log.audit(...args), auditEnd: () => log.auditEnd() } } });
    await fc.assert(
      fc.asyncProperty(fc.nat(700), fc.nat(300), fc.integer({ min: 30, max: 200 }), fc.constantFrom("", "&route=a", "&reason=x", "&route=a&reason=x", `&since=${timeOf(100)}`, `&until=${timeOf(200)}`, `&since=${timeOf(50)}&until=${timeOf(60)}`), async (end, archived, limit, filter) => {
        const first = Math.min(archived, end) + 1;
        log = logOf(first, end);
        const seqs: number[] = [];
        let next: string | null = "";
        while (next !== null) {
          const page: Page = parsed<Page>(await ask(at, `/api/v1/audit?limit=${limit}${filter}${next === "" ? "" : `&cursor=${next}`}`));
          expect(page.items.length).toBeLessThanOrEqual(limit);
          seqs.push(...page.items.map(({ seq }) => seq));
          next = page.next;
        }
        const wanted = Array.from({ length: Math.max(0, end - first + 1) }, (_, i) => end - i).filter(
          (seq) =>
            (!filter.includes("route=a") || seq % 3 === 0) && (!filter.includes("reason=x") || seq % 5 === 0) && (!filter.includes(`since=${timeOf(100)}`) || seq >= 100) && (!filter.includes(`since=${timeOf(50)}`) || seq >= 50) &&
            (!filter.includes(`until=${timeOf(200)}`) || seq < 200) && (!filter.includes(`until=${timeOf(60)}`) || seq < 60),
        );
        expect(seqs).toEqual(wanted);
      }),
      { numRuns: 40 },
    );
  });

  it("looks at a bounded number of records for one request, and says where to go on", async () => {
    const w = world();
    let read = 0;
    const log = logOf(1, 100_000);
    const at = await start({ ...w, ports: { ...w.ports, audit: { auditEnd: log.auditEnd, audit: (seq, limit) => ((read += limit), log.audit(seq, limit)) } } });
    const page = parsed<Page>(await ask(at, "/api/v1/audit?route=nobody"));
    expect([page.items, page.next, read <= 2_000]).toEqual([[], "98001", true]);
  });

  it("leaves out what a decision was computed from unless it is asked for, and shows no secret", async () => {
    const w = world();
    await w.store.append({ route: "shop", reason: "x", inputs: { big: 1 }, effects: [], after: null, token: "hunter2" });
    const at = await start(w);
    const [short] = parsed<Page>(await ask(at, "/api/v1/audit")).items;
    expect(short).toMatchObject({ seq: 1, record: { route: "shop", token: "[redacted]" } });
    expect(short!.record).not.toHaveProperty("inputs");
    expect(parsed<Page>(await ask(at, "/api/v1/audit?evidence=true")).items[0]!.record).toMatchObject({ inputs: { big: 1 }, effects: [], after: null });
  });

  it.each(["limit=0", "limit=201", "cursor=x", "since=yesterday", "until=2026-13-01T00:00:00Z", "evidence=1", "page=2"])("refuses ?%s", async (query) => {
    expect((await ask(await start(), `/api/v1/audit?${query}`)).status).toBe(400);
  });
});
