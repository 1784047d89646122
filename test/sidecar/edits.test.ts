import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseShared } from "../../src/config/shared.ts";
import { Authors } from "../../src/edits.ts";
import { Outlook } from "../../src/rollout/outlook.ts";
import { initialState } from "../../src/rollout/decide.ts";
import type { HistoryEntry } from "../../src/store/shared-document.ts";
import { evidence } from "../support/decisions.ts";
import { plan } from "../rollout/world.ts";

const route = (name: string, dwell: number, paused: boolean): object => ({
  name, match: { path: `/${name}` }, variants: [{ name: "v1", endpoints: ["http://127.0.0.1:1"] }, { name: "v2", endpoints: ["http://127.0.0.1:2"], revision: "2" }],
  rollout: { candidate: "v2", paused, steps: [{ weight: 100, dwell: `${dwell}s`, approval: true }] },
});
/** A document of two routes. */
const text = (shop: number, cart: number, paused = false): string => JSON.stringify({ routes: [route("shop", shop, paused), route("cart", cart, false)] });
const entry = (who: string, written: string, action: HistoryEntry["action"] = "applied"): HistoryEntry => ({ who, text: written, digest: written, action, revision: 1, reason: null, time: "2026-01-01T00:00:00Z" });
const dynamicOf = (written: string) => {
  const parsed = parseShared(written, "test", null);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.value.dynamic;
};
const editors = (history: readonly HistoryEntry[], now = history[0]!.text): Record<string, (string | null)[]> =>
  Object.fromEntries([...new Authors("test").editsOf({ text: now, digest: now }, dynamicOf(now), history)].map(([name, edits]) => [name, edits.map(({ by }) => by)]));

describe("who has made a route what it is", () => {
  it("is whoever wrote the document in which it became so, not whoever wrote one after it", () => {
    expect(editors([entry("carol", text(2, 9)), entry("bob", text(2, 1)), entry("alice", text(1, 1))])).toEqual({ shop: ["bob", "alice"], cart: ["carol", "alice"] });
  });

  it("is nobody known of what was written by hand, and still them of what was put back after a loss", () => {
    expect(editors([entry("alice", text(1, 1))], text(2, 1))).toEqual({ shop: [null, "alice"], cart: ["alice"] });
    expect(editors([entry("by hand, seen by s1", text(2, 1), "written"), entry("alice", text(1, 1))])).toEqual({ shop: [null, "alice"], cart: ["alice"] });
    expect(editors([entry("s1", text(2, 1), "restored"), entry("bob", text(2, 1)), entry("alice", text(1, 1))])).toEqual({ shop: ["bob", "alice"], cart: ["alice"] });
  });

  it("is not changed by a pause", () => {
    expect(editors([entry("bob", text(1, 1, true)), entry("alice", text(1, 1))]).shop).toEqual(["alice"]);
  });

  it("over any history: everybody whose document changed the route since the edition that was decided on is one of its authors", () => {
    const documents = fc.array(fc.record({ who: fc.constantFrom("alice", "bob", "carol", "dave"), shop: fc.integer({ min: 1, max: 3 }), cart: fc.integer({ min: 1, max: 3 }) }), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(documents, fc.nat(), (written, at) => {
        // Oldest first; what was decided on last is one of them.
        const seen = at % written.length;
        const history = written.map(({ who, shop, cart }) => entry(who, text(shop, cart))).toReversed();
        const authors = new Authors("test");
        const edits = authors.editsOf(history[0]!, dynamicOf(history[0]!.text), history).get("shop")!;
        const before = written.slice(0, seen + 1).map(({ who, shop, cart }) => entry(who, text(shop, cart))).toReversed();
        const known = authors.editsOf(before[0]!, dynamicOf(before[0]!.text), before).get("shop")![0]!.edition;
        const outlook = new Outlook({}, "shop", () => []);
        const { document } = outlook.around(evidence(), plan(), { ...initialState(plan(), 0), edition: known }, false, edits).around!;
        // The last document that is as the known one; what came after it changed the route, each time that it differs from its predecessor.
        const last = written.findLastIndex(({ shop }) => shop === written[seen]!.shop);
        const changed = written.slice(last + 1).filter(({ shop }, i) => shop !== written[last + i]!.shop).map(({ who }) => who);
        expect(document!.by).toEqual(changed);
      }),
      { numRuns: 40 },
    );
  });
});
