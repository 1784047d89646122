import fc from "fast-check";
import { expect, it } from "vitest";
import type { GateRule } from "../../src/core/gates.ts";
import { murmur3 } from "../../src/core/murmur3.ts";
import { initial, reweigh } from "../../src/split/allocation.ts";
import { bucketOf } from "../../src/split/bucket.ts";
import { defaultProxyLimits } from "../../src/config/settings.ts";
import { parseRequestHead, RequestHead } from "../../src/http1/request-head.ts";
import { RuleBook } from "../../src/split/gate-book.ts";
import { compileGates, decideGates, GateOutcome } from "../../src/split/gate.ts";
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

// ---- what is passed over at a glance

const parts = ["a", "A", "ab", "x-a", "X-b", "user", "%61", "a+b", "Zo%C3%AB", ""];
const attribute = fc.record({
  kind: fc.constant("attribute" as const), source: fc.constantFrom("header" as const, "cookie" as const, "query" as const), name: fc.constantFrom("a", "ab", "x-a", "x-b", "user", "A", "Zoë", "a b"),
  test: fc.constantFrom({ kind: "present" } as const, { kind: "present" } as const, ...["1", "q", "", "a=b", "Zoë"].map((value) => ({ kind: "in", values: [value] }) as const), { kind: "in", values: ["1", "q"] } as const, { kind: "prefix", value: "a" } as const),
}).map((one) => (one.source === "header" ? { ...one, name: one.name.toLowerCase() } : one));
const condition = fc.oneof(
  { weight: 4, arbitrary: attribute },
  fc.constantFrom({ kind: "keys", values: ["u1", "u2"] } as const, { kind: "methods", values: ["PUT", "POST"] } as const, { kind: "methods", values: ["GET"] } as const, { kind: "regions", values: ["here"] } as const, { kind: "regions", values: ["there"] } as const),
);
const anyRule = fc.record({ effect: fc.constantFrom("deny" as const, "allow" as const, "target" as const), when: fc.array(condition, { maxLength: 3 }), unless: fc.array(condition, { maxLength: 2 }), share: fc.constantFrom(100_000, 50_000) });
const anyRequest = fc.record({
  method: fc.constantFrom("GET", "PUT", "HEAD"), query: fc.array(fc.tuple(fc.constantFrom(...parts), fc.constantFrom("", "=", "=1")).map((pair) => pair.join("")), { maxLength: 3 }),
  headers: fc.array(fc.constantFrom("a", "X-A", "x-b", "User", "authorization"), { maxLength: 3 }), cookies: fc.array(fc.array(fc.constantFrom("a=1", " ab=", "x-a", "user=\"q\"", "A=1", "=", "x-b=a=b", "ab=1 ", "a= 1", "a=", "x-a=\"\"", "user= ", "x-b=\"", "ab=Zo\u00c3\u00ab"), { maxLength: 3 }), { maxLength: 2 }),
  key: fc.constantFrom(undefined, "u1", "u9"),
});

it("what is passed over at a glance would not have matched", { timeout: 120_000 }, () => {
  const seen = { given: 0, not: 0 };
  fc.assert(
    fc.property(fc.array(anyRule, { minLength: 1, maxLength: 6 }), fc.array(anyRequest, { minLength: 20, maxLength: 20 }), (rules, requests) => {
      const book = new RuleBook("here");
      const asked = compileGates([gate(rules.map((one, i) => ({ ...one, name: `rule-${i}` })))], book, { hash: murmur3 });
      const question = new GateQuestion();
      for (const { method, query, headers, cookies, key } of requests) {
        const head = new RequestHead(defaultProxyLimits.headersMax);
        const lines = [...headers.map((name) => `${name}: 1`), ...cookies.map((pairs) => `cookie: ${pairs.join(";")}`)];
        expect(parseRequestHead(head, [`${method} /${query.length > 0 ? `?${query.join("&")}` : ""} HTTP/1.1`, "Host: a", "content-length: 0", ...lines, "", ""].join("\r\n"), defaultProxyLimits)).toBeNull();
        const [whole, glanced] = [new GateOutcome(), new GateOutcome()];
        decideGates(asked, question.ask(head, key, 0, null), 0, "weighted", whole);
        decideGates(asked, question.ask(head, key, 0, null).glance(head, book, key === undefined ? -1 : murmur3(key)), 0, "weighted", glanced);
        expect(glanced).toEqual(whole);
        seen[whole.rule < 0 ? "not" : "given"]++;
      }
    }),
    { numRuns: 1_500 },
  );
  expect(Math.min(seen.given, seen.not)).toBeGreaterThan(1_000);
});
