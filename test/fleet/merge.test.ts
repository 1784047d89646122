import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareCommits, merge, noView, settled, weightOf, type CommittedRollout, type Lowered, type View } from "../../src/fleet/merge.ts";
import { effectsSince, eraOf, marked, noMarks } from "../../src/fleet/marks.ts";
import { initialState } from "../../src/rollout/decide.ts";
import type { Effect } from "../../src/rollout/types.ts";
import { plan } from "../rollout/world.ts";

const state = initialState(plan(), 0);

/** A commit is what its epoch, revision and name say it is: two of the same name are the same. */
const commits: fc.Arbitrary<CommittedRollout> = fc.record({ epoch: fc.integer({ min: 1, max: 3 }), revision: fc.integer({ min: 1, max: 4 }), name: fc.constantFrom("a", "b") }).map(({ epoch, revision, name }) => {
  const era = (epoch * 7 + revision * 3 + name.length) % 3;
  const weight = [0, 1, 10, 50, 100][(epoch * 5 + revision * 11 + (name === "a" ? 0 : 2)) % 5]!;
  return { epoch, revision, commit: name, state: { ...state, weight }, marks: era === 0 ? noMarks : { resetEvidence: era } };
});
const lowered: fc.Arbitrary<Lowered> = fc.record({ era: fc.constantFrom("0.0", "0.1", "0.2", "1.0"), weight: fc.constantFrom(0, 1, 10), reason: fc.constantFrom("limit", "breaker"), by: fc.constantFrom("one", "two") });
const views: fc.Arbitrary<View> = fc.record({ committed: fc.option(commits), lowered: fc.uniqueArray(lowered, { selector: ({ era }) => era, maxLength: 3 }).map((of) => of.toSorted((a, b) => (a.era < b.era ? -1 : 1))) });
const same = (a: View, b: View): void => expect(a).toEqual(b);

describe("what two sidecars hold becomes one", () => {
  test("whoever meets whom, in any order and however often", () => {
    fc.assert(fc.property(views, views, views, (a, b, c) => {
      same(merge(a, b), merge(b, a));
      same(merge(a, merge(b, c)), merge(merge(a, b), c));
      same(merge(a, a), a);
      same(merge(a, noView), a);
      same(merge(merge(a, b), b), merge(a, b));
    }));
  });

  test("with the higher epoch, and never at more than the newer decision gives or either sidecar has lowered to", () => {
    fc.assert(fc.property(views, views, (a, b) => {
      const both = merge(a, b);
      const newest = [a, b].flatMap((view) => (view.committed === null ? [] : [view.committed])).toSorted(compareCommits).at(-1);
      expect(both.committed).toEqual(newest ?? null);
      expect(weightOf(both)).toBeLessThanOrEqual(newest?.state.weight ?? 0);
      for (const one of [...a.lowered, ...b.lowered]) {
        if (both.committed !== null && one.era === eraOf(both.committed.marks)) expect(weightOf(both)).toBeLessThanOrEqual(one.weight);
      }
    }));
  });

  test("and a lowering ends only where the fleet has followed it, or is about something else", () => {
    fc.assert(fc.property(views, (view) => {
      const after = settled(view);
      expect(weightOf(after)).toBe(weightOf(view));
      expect(settled(after)).toEqual(after);
    }));
  });
});

describe("marks", () => {
  const effects: fc.Arbitrary<Effect> = fc.oneof(
    fc.constantFrom<Effect>({ kind: "resetEvidence" }, { kind: "beginCandidate" }, { kind: "resetBreaker" }, { kind: "beginVerify" }, { kind: "setWeight", weight: 7 }, { kind: "beginStep", step: 2 }),
    fc.integer({ min: 0, max: 4 }).map((limit): Effect => ({ kind: "rearmLimit", limit })),
  );

  test("tell a sidecar that was away each effect that it missed, and no other", () => {
    fc.assert(fc.property(fc.array(effects), fc.array(effects), (before, missed) => {
      const known = marked(noMarks, before);
      const told = effectsSince(known, marked(known, missed), { step: 2, weight: 7 });
      const names = (of: readonly Effect[]): string[] => [...new Set(of.map((effect) => JSON.stringify(effect)))].toSorted();
      expect(names(told)).toEqual(names(missed));
      expect(told.length).toBe(names(missed).length);
    }));
  });
});
