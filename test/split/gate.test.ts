import { describe, expect, it, test } from "vitest";
import type { GateCondition, TextTest } from "../../src/core/gates.ts";
import { bucketOf } from "../../src/split/bucket.ts";
import { claimSeparator } from "../../src/split/claims.ts";
import { decideGates, GateOutcome, type CompiledGate } from "../../src/split/gate.ts";
import { GateQuestion, type GateRequest } from "../../src/split/gate-question.ts";
import { variantAt } from "../../src/split/table.ts";
import { compiled, gate, header, keys, requestOf, rule, tableOf } from "./gates.ts";

const users = 50_000;
// It takes a moment, and longer where others work too.
const patient = { timeout: 60_000 };
const noon = Date.UTC(2026, 10, 27, 12);

interface Decided {
  readonly variant: number;
  readonly reason: string;
}

function decide(gates: CompiledGate | null, request: GateRequest, parts: { key?: string; owner?: number; nowMs?: number; claims?: Record<string, unknown> } = {}): Decided {
  const outcome = new GateOutcome();
  const { claims } = parts;
  decideGates(gates, new GateQuestion().ask(request, parts.key, parts.nowMs ?? noon, claims === undefined ? null : () => claims), parts.owner ?? 0, "weighted", outcome);
  return { variant: outcome.variant, reason: outcome.reason };
}

const matches = (condition: GateCondition, request: GateRequest, parts: Parameters<typeof decide>[2] & { region?: string } = {}): boolean =>
  decide(compiled([gate([rule("target", [condition])])], parts.region ?? null), request, parts).reason === "targeted";

describe("rules are asked in the written order, and the first that matches counts", () => {
  const staff = rule("allow", [header("x-staff")]);
  const bots = rule("deny", [header("x-bot")]);
  const both = requestOf({ lines: [["x-staff", "1"], ["x-bot", "1"]] });
  test.each([
    ["allow before deny", [staff, bots], { variant: 1, reason: "allowed" }],
    ["deny before allow", [bots, staff], { variant: 0, reason: "denied" }],
    ["a target like an allow", [rule("target", [header("x-staff")]), bots], { variant: 1, reason: "targeted" }],
  ])("%s", (_what, rules, expected) => {
    expect(decide(compiled([gate(rules)]), both, { owner: 1 })).toEqual(expected);
  });

  it("leaves everybody else to the weight", () => {
    const gates = compiled([gate([staff, bots])]);
    expect([0, 1].map((owner) => decide(gates, requestOf(), { owner }))).toEqual([{ variant: 0, reason: "weighted" }, { variant: 1, reason: "weighted" }]);
  });

  it("denies in every bucket alike, so that what is left of each can be compared", () => {
    const gates = compiled([gate([bots])]);
    expect([0, 1].map((owner) => decide(gates, both, { owner }))).toEqual([{ variant: 0, reason: "denied" }, { variant: 0, reason: "denied" }]);
  });

  it("does not match where all of unless holds", () => {
    const gates = compiled([gate([rule("deny", [], { unless: [header("x-a"), header("x-b")] })])]);
    const reasons = [[], ["x-a"], ["x-a", "x-b"]].map((names) => decide(gates, requestOf({ lines: names.map((name) => [name, "1"]) })).reason);
    expect(reasons).toEqual(["denied", "denied", "weighted"]);
  });
});

describe("gates of one route", () => {
  const second = gate([rule("target", [header("x-two")])], { name: "second", variant: 2 });
  const deny = gate([rule("deny", [header("x-no")])]);

  it("are asked in order, and the first that gives decides", () => {
    const first = gate([rule("target", [header("x-two")])]);
    expect(decide(compiled([first, second]), requestOf({ lines: [["x-two", "1"]] }))).toEqual({ variant: 1, reason: "targeted" });
  });

  it("that deny close their own variant only", () => {
    const gates = compiled([deny, second]);
    const denied = requestOf({ lines: [["x-no", "1"]] });
    expect([0, 1, 2].map((owner) => decide(gates, denied, { owner }).variant)).toEqual([0, 0, 2]);
    expect(decide(gates, requestOf({ lines: [["x-no", "1"], ["x-two", "1"]] }))).toEqual({ variant: 2, reason: "targeted" });
  });
});

describe("a closed gate sends nobody to the candidate", () => {
  const gates = compiled([gate([rule("allow", [header("x-staff")]), rule("deny", [header("x-bot")])], { closed: "killed" })]);
  test.each([
    ["its own buckets", 1, [], { variant: 0, reason: "killed" }],
    ["the allow list", 1, ["x-staff"], { variant: 0, reason: "killed" }],
    ["the baseline's buckets", 0, ["x-staff"], { variant: 0, reason: "weighted" }],
  ])("%s", (_what, owner, names, expected) => {
    expect(decide(gates, requestOf({ lines: names.map((name) => [name, "1"]) }), { owner })).toEqual(expected);
  });
});

describe("what a condition asks", () => {
  const text = (test_: TextTest): GateCondition => header("x-plan", test_);
  test.each<[string, TextTest, string | null, boolean]>([
    ["present", { kind: "present" }, "", true],
    ["absent", { kind: "present" }, null, false],
    ["the exact value", { kind: "in", values: ["pro"] }, "pro", true],
    ["another value", { kind: "in", values: ["pro"] }, "professional", false],
    ["another case", { kind: "in", values: ["pro"] }, "Pro", false],
    ["one of several", { kind: "in", values: ["team", "pro"] }, "pro", true],
    ["text beyond ASCII, as its UTF-8 bytes", { kind: "in", values: ["Zoë"] }, "Zoë", true],
    ["a prefix", { kind: "prefix", value: "pro" }, "professional", true],
    ["no prefix", { kind: "prefix", value: "pro" }, "semipro", false],
    ["a suffix", { kind: "suffix", value: "pro" }, "semipro", true],
    ["a part", { kind: "contains", value: "ip" }, "semipro", true],
    ["nothing of an absent header, whatever the test", { kind: "contains", value: "a" }, null, false],
  ])("of a header: %s", (_what, wanted, value, expected) => {
    expect(matches(text(wanted), requestOf({ lines: value === null ? [] : [["x-plan", value]] }))).toBe(expected);
  });

  test.each<[string, GateCondition, string, boolean]>([
    ["a parameter", { kind: "attribute", source: "query", name: "beta", test: { kind: "in", values: ["1"] } }, "/?a=2&beta=1", true],
    ["an escaped one", { kind: "attribute", source: "query", name: "bé ta", test: { kind: "in", values: ["é 1"] } }, "/?b%C3%A9+ta=%C3%A9+1", true],
    ["a name that another ends with", { kind: "attribute", source: "query", name: "beta", test: { kind: "present" } }, "/?alphabeta=1", false],
    ["the first of two", { kind: "attribute", source: "query", name: "b", test: { kind: "in", values: ["2"] } }, "/?b=1&b=2", false],
    ["one without a value", { kind: "attribute", source: "query", name: "b", test: { kind: "in", values: [""] } }, "/?b", true],
    ["bytes that are no text", { kind: "attribute", source: "query", name: "b", test: { kind: "present" } }, "/?b=%ff", true],
    ["a prefix of the path", { kind: "paths", values: [{ kind: "prefix", value: "/shop" }] }, "/shop/cart?x", true],
    ["not within a segment", { kind: "paths", values: [{ kind: "prefix", value: "/shop" }] }, "/shopping", false],
    ["the root for every path", { kind: "paths", values: [{ kind: "prefix", value: "/" }] }, "/shop", true],
    ["the exact path", { kind: "paths", values: [{ kind: "exact", value: "/shop" }] }, "/shop/", false],
  ])("of the target: %s", (_what, condition, target, expected) => {
    expect(matches(condition, requestOf({ target }))).toBe(expected);
  });

  it("of cookies, methods, regions and cohort keys", () => {
    const cookie: GateCondition = { kind: "attribute", source: "cookie", name: "beta", test: { kind: "in", values: ["on"] } };
    expect(matches(cookie, requestOf({ lines: [["cookie", "a=b; beta=on"]] }))).toBe(true);
    expect(matches(cookie, requestOf({ lines: [["cookie", "alphabeta=on"]] }))).toBe(false);
    expect(matches({ kind: "methods", values: ["GET"] }, requestOf({ method: "POST" }))).toBe(false);
    const region: GateCondition = { kind: "regions", values: ["eu-west"] };
    expect([matches(region, requestOf(), { region: "eu-west" }), matches(region, requestOf(), { region: "us" }), matches(region, requestOf())]).toEqual([true, false, false]);
    expect([matches(keys("u1"), requestOf(), { key: "u1" }), matches(keys("u1"), requestOf(), { key: "u2" }), matches(keys("u1"), requestOf())]).toEqual([true, false, false]);
  });

  it("of claims: texts, numbers, flags and lists, and nothing of a request without a verified token", () => {
    const groups = (value: string): GateCondition => ({ kind: "attribute", source: "claim", name: "groups", test: { kind: "in", values: [value] } });
    const of = (value: unknown, wanted: string): boolean => matches(groups(wanted), requestOf(), { claims: { groups: value } });
    expect([of("staff", "staff"), of(["a", "staff"], "staff"), of(7, "7"), of(true, "true"), of(["a", "b"], "a\u0000b")]).toEqual([true, true, true, true, false]);
    expect([of({}, "[object Object]"), of(null, "null"), of(`a${claimSeparator}staff`, "staff"), matches(groups("staff"), requestOf())]).toEqual([false, false, false, false]);
    expect(matches({ kind: "attribute", source: "claim", name: "toString", test: { kind: "present" } }, requestOf(), { claims: {} })).toBe(false);
  });

  it("of the time, in the window's own zone, from the first second of a minute to the last", () => {
    const condition: GateCondition = { kind: "times", windows: [{ kind: "weekly", days: [5], fromMinute: 13 * 60, toMinute: 14 * 60, timezone: "Europe/Berlin" }] };
    const gates = compiled([gate([rule("target", [condition])])]);
    const open = (ms: number): boolean => decide(gates, requestOf(), { nowMs: noon + ms }).reason === "targeted";
    expect([open(-1), open(0), open(3_599_999), open(3_600_000), open(-1)]).toEqual([false, true, true, false, false]);
  });
});

describe("a share of a segment", () => {
  const shared = (share: number) => compiled([gate([rule("target", [header("x-beta")], { share, name: "beta" })])]);
  const request = requestOf({ lines: [["x-beta", "1"]] });
  const targeted = (share: number): Set<string> => {
    const gates = shared(share);
    return new Set(Array.from({ length: users }, (_, i) => `user-${i}`).filter((key) => decide(gates, request, { key }).reason === "targeted"));
  };

  it("is that share of the cohorts, keeps them as it grows, and is told by the published hash", patient, () => {
    const [ten, twenty] = [targeted(10_000), targeted(20_000)];
    // Five standard deviations; the keys are fixed, so this passes always or never.
    expect(Math.abs(ten.size - users * 0.1)).toBeLessThan(5 * Math.sqrt(users * 0.09));
    expect([...ten].filter((key) => !twenty.has(key))).toEqual([]);
    expect([...ten].every((key) => bucketOf("new-checkout/beta", key) < 10_000)).toBe(true);
  });

  it("is nobody without a cohort key", () => {
    expect(decide(shared(99_999), request).reason).toBe("weighted");
  });

  it("says nothing about who is in which bucket: what is left for the weight is split as the weights say", patient, () => {
    const gates = shared(50_000);
    const table = tableOf([0, 20]);
    const left = [0, 0];
    for (let i = 0; i < users; i++) {
      const owner = variantAt(table, bucketOf("shop", `user-${i}`));
      const { variant, reason } = decide(gates, request, { key: `user-${i}`, owner });
      if (reason === "weighted") left[variant]!++;
    }
    const n = left[0]! + left[1]!;
    expect(Math.abs(n - users / 2)).toBeLessThan(5 * Math.sqrt(users / 4));
    expect(Math.abs(left[1]! - n * 0.2)).toBeLessThan(5 * Math.sqrt(n * 0.16));
  });
});
