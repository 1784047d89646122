import fc from "fast-check";
import { expect, it } from "vitest";
import type { GateRule } from "../../src/core/gates.ts";
import { initial, reweigh } from "../../src/split/allocation.ts";
import { bucketOf } from "../../src/split/bucket.ts";
import { decideGates, GateOutcome } from "../../src/split/gate.ts";
import { GateQuestion } from "../../src/split/gate-question.ts";
import { compileTable, variantAt } from "../../src/split/table.ts";
import { compiled, gate, header, keys, requestOf, rule } from "./gates.ts";

const users = Array.from({ length: 60 }, (_, i) => `user-${i}`);
const names = ["x-a", "x-b", "x-c"];

const gateRule = (index: number): fc.Arbitrary<GateRule> =>
  fc.record({ effect: fc.constantFrom("deny" as const, "allow" as const, "target" as const), name: fc.constantFrom(...names), few: fc.subarray(users, { maxLength: 5 }), share: fc.constantFrom(100_000, 30_000) })
    .map(({ effect, name, few, share }) => rule(effect, [few.length > 0 ? keys(...few) : header(name)], { name: `rule-${index}`, share }));
const gates = fc.tuple(...[1, 2].map((variant) => fc.array(gateRule(1), { maxLength: 1 }).chain((one) => gateRule(2).map((two) => gate([...one, two], { name: `gate-${variant}`, variant })))));
/** Weights that rise, of two candidates, with a way down to 0 at the end. */
const path = fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 50 })), { minLength: 1, maxLength: 5 }).map((steps) => {
  const [a, b] = [0, 1].map((i) => steps.map((step) => step[i as 0 | 1]).toSorted((x, y) => x - y));
  return a!.map((weight, i) => [0, weight, b![i]!]);
});

it("rules and weights together keep the split's promises", { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(gates, path, fc.array(fc.constantFrom(...names), { maxLength: 2 }), (of, weights, sent) => {
      const asked = compiled(of);
      const outcome = new GateOutcome();
      const question = new GateQuestion();
      const request = requestOf({ lines: sent.map((name) => [name, "1"]) });
      let ranges = initial();
      const before = new Map<string, number>();
      const given = (key: string): number => {
        const owner = variantAt(compileTable(ranges), bucketOf("shop", key));
        decideGates(asked, question.ask(request, key, 0, null), owner, "weighted", outcome);
        // Nobody is given another variant than a rule, or the allocation, says.
        if (outcome.reason === "weighted") expect(outcome.variant).toBe(owner);
        if (outcome.reason === "denied") expect([0, owner]).toContain(outcome.variant);
        return outcome.variant;
      };
      for (const wanted of weights) {
        ranges = reweigh(ranges, wanted);
        for (const key of users) {
          const variant = given(key);
          // Raising never moves a user back, nor between two candidates.
          if ((before.get(key) ?? 0) !== 0) expect(variant).toBe(before.get(key));
          before.set(key, variant);
        }
      }
      ranges = reweigh(ranges, [0, 0, 0]);
      for (const key of users) {
        const variant = given(key);
        // At 0% only a rule gives a candidate.
        expect(variant !== 0).toBe(outcome.reason === "allowed" || outcome.reason === "targeted");
      }
    }),
    { numRuns: 500 },
  );
});
