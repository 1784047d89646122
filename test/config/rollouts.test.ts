import { describe, expect, test } from "vitest";
import { compileDynamic } from "../../src/config/compile-dynamic.ts";
import { checkDynamic } from "../../src/config/dynamic-checks.ts";
import type { RolloutPlan } from "../../src/config/rollout-plan.ts";
import { LatencyModels, limitTests } from "../../src/rollout/limit-tests.ts";
import { linesOf, problemsOf, routeWith } from "./problems-of.ts";

const rollout = (parts: object): { rollout: object } => ({ rollout: { candidate: "v2", steps: [1, 100], ...parts } });
const keyed = { cohort: { key: ["header:x-user"] } };

/** The plan of a good document. */
function planOf(parts: object, route: object = {}): RolloutPlan {
  const checked = checkDynamic(JSON.parse(routeWith({ ...route, rollout: { candidate: "v2", ...parts } })), []);
  if (!checked.ok) throw new Error(JSON.stringify(checked.findings));
  return compileDynamic(checked.value).routes[0]!.rollouts[0]!;
}

describe("every mistake in a rollout is refused with its place and its remedy", () => {
  test.each<[what: string, parts: Record<string, unknown>, path: string, says: string]>([
    ["a strategy that does not exist", rollout({ strategy: "canarry" }), "strategy", "Did you mean 'canary'?"],
    ["mirrorFirst without a mirror", rollout({ strategy: "mirrorFirst" }), "strategy", "mirror: {variant: v2}"],
    ["a limit on copies without a mirror", rollout({ limits: [{ metric: "mirror" }] }), "limits[0].metric", "mirror: {variant: v2}"],
    ["a step that waits for copies without a mirror", rollout({ steps: [{ weight: 1, mirrored: true }, 100] }), "steps[0].mirrored", "mirror: {variant: v2}"],
    ["a step that waits for copies without a limit on them", { ...rollout({ steps: [{ weight: 1, mirrored: true }, 100] }), mirror: { variant: "v2" } }, "steps[0].mirrored", "{metric: mirror}"],
    ["mirrorFirst with limits, and none on copies", { ...rollout({ strategy: "mirrorFirst", limits: [{ metric: "errorRate" }] }), mirror: { variant: "v2" } }, "limits", "{metric: mirror}"],
    ["a mirror limit that allows everything", { ...rollout({ limits: [{ metric: "mirror", differing: "100%" }] }), mirror: { variant: "v2" } }, "limits[0].differing", "at most 50%"],
    ["a blue-green of several steps", rollout({ strategy: "blueGreen" }), "steps", "switches once"],
    ["an ab split that ends by itself", { ...rollout({ strategy: "ab" }), ...keyed }, "steps[1]", "approval: true"],
    ["an ab split of random requests", rollout({ strategy: "ab", steps: [50, { weight: 100, approval: true }] }), "strategy", "cohort key"],
    ["evidence on the last step", rollout({ steps: [1, { weight: 100, evidence: true }] }), "steps[1].evidence", "no baseline to compare with"],
    ["an early end that nothing can show", rollout({ steps: [{ weight: 1, early: true }, 100], limits: [{ metric: "latency", quantile: "p99" }] }), "steps[0].early", "prove: true"],
    ["probes that are not declared", rollout({ steps: [{ weight: 1, probes: 3 }, 100] }), "steps[0].probes", "Declare rollout.probes"],
    ["a probe that could change something", rollout({ probes: { path: "/x", method: "POST" } }), "probes.method", "GET"],
    ["a limit without any of the budget", rollout({ limits: [{ metric: "errorRate", budgetShare: 0 }] }), "limits[0].budgetShare", "0.01 to 100"],
    ["a regional limit that pauses", rollout({ limits: [{ metric: "errorRate", scope: "inRegion", action: "pause" }] }), "limits[0].scope", "action: rollback"],
    ["a patience shorter than a dwell", rollout({ steps: [{ weight: 1, dwell: "10m" }, 100], inconclusive: { after: "5m", action: "pause" } }), "inconclusive.after", "dwell of step 1"],
    ["a patience without an action", rollout({ inconclusive: { after: "5m" } }), "inconclusive.action", "is missing"],
    ["a day that does not exist", rollout({ freeze: [{ name: "x", days: ["friday"], from: "16:00", to: "08:00", timezone: "UTC" }] }), "freeze[0].days[0]", "Write mon"],
    ["a time of day that does not exist", rollout({ freeze: [{ name: "x", from: "25:00", to: "08:00", timezone: "UTC" }] }), "freeze[0].from", "16:00"],
    ["a date that does not exist", rollout({ freeze: [{ name: "x", from: "2026-02-30", to: "2026-03-02", timezone: "UTC" }] }), "freeze[0].from", "calendar"],
    ["a time and a date", rollout({ freeze: [{ name: "x", from: "16:00", to: "2026-03-02", timezone: "UTC" }] }), "freeze[0].to", "two times of day, or two dates"],
    ["dates in the wrong order", rollout({ freeze: [{ name: "x", from: "2026-03-02", to: "2026-03-02", timezone: "UTC" }] }), "freeze[0].to", "not after"],
    ["days beside dates", rollout({ freeze: [{ name: "x", days: ["mon"], from: "2026-03-02", to: "2026-03-03", timezone: "UTC" }] }), "freeze[0].days", "do not recur"],
    ["a time zone that does not exist", rollout({ freeze: [{ name: "x", from: "16:00", to: "08:00", timezone: "Europe/Bonn" }] }), "freeze[0].timezone", "Europe/Berlin"],
    ["no time zone", rollout({ freeze: [{ name: "x", from: "16:00", to: "08:00" }] }), "freeze[0].timezone", "is missing"],
    ["a cooldown that ends below its beginning", rollout({ cooldown: { first: "1h", max: "1m" } }), "cooldown.max", "at least as much"],
    ["a region that no sidecar can be in", rollout({ regions: { eu_: 5 } }), "regions.eu_", "Write letters"],
    ["a goal of random requests", rollout({ limits: [{ metric: "conversion", name: "buy", goal: { path: "/buy" } }] }), "limits[0]", "cohort key"],
    ["a goal that names nothing", { ...keyed, ...rollout({ limits: [{ metric: "conversion", name: "buy", goal: { method: "POST" } }] }) }, "limits[0].goal", "neither a path nor a header"],
    ["a goal of two kinds", { ...keyed, ...rollout({ limits: [{ metric: "conversion", name: "buy", goal: { path: "/buy", header: "x-goal" } }] }) }, "limits[0].goal", "a path and a header"],
    ["a status of a header", { ...keyed, ...rollout({ limits: [{ metric: "conversion", name: "buy", goal: { header: "x-goal", status: 200 } }] }) }, "limits[0].goal.status", "no meaning beside header"],
    ["a status that does not exist", { ...keyed, ...rollout({ limits: [{ metric: "conversion", name: "buy", goal: { path: "/buy", status: "7xx" } }] }) }, "limits[0].goal.status", "as 2xx"],
    ["two goals of one name", { ...keyed, ...rollout({ limits: ["/buy", "/pay"].map((path) => ({ metric: "conversion", name: "buy", goal: { path } })) }) }, "limits[1]", "another name"],
    ["more goals than are counted", { ...keyed, ...rollout({ limits: [1, 2, 3, 4, 5].map((n) => ({ metric: "conversion", name: `goal-${n}`, goal: { path: "/buy" } })) }) }, "limits[4]", "4 are counted"],
    ["a goal without a name", { ...keyed, ...rollout({ limits: [{ metric: "conversion", goal: { path: "/buy" } }] }) }, "limits[0].name", "is missing"],
    ["two numbers", rollout({ limits: ["x-a", "x-b"].map((header) => ({ metric: "custom", name: header, header, worse: "lower" })) }), "limits[1]", "one is counted for each route"],
    ["a number that is not known to be bad", rollout({ limits: [{ metric: "custom", name: "results", header: "x-results" }] }), "limits[0].worse", "is missing"],
    ["a number in no header", rollout({ limits: [{ metric: "custom", name: "results", header: "x results", worse: "lower" }] }), "limits[0].header", "RFC 9110"],
    ["a group of one", rollout({ group: "checkout" }), "group", "no other rollout is in"],
  ])("%s", (_, parts, path, says) => {
    const problems = problemsOf(routeWith(parts));
    expect(problems.map((problem) => problem.path)).toContain(`routes[0].rollout.${path}`);
    const problem = problems.find((one) => one.path === `routes[0].rollout.${path}`)!;
    expect(`${problem.message}. ${problem.remedy}`).toContain(says);
  });

  test("a group whose members have different numbers of steps", () => {
    const route = (name: string, steps: readonly number[]) => ({
      name, match: { path: `/${name}` }, rollout: { candidate: "v2", group: "checkout", steps },
      variants: [{ name: "v1", endpoints: ["http://127.0.0.1:3001"] }, { name: "v2", endpoints: ["http://127.0.0.1:3002"] }],
    });
    expect(linesOf(JSON.stringify({ routes: [route("cart", [1, 100]), route("shop", [1, 10, 100])] })).join()).toMatch(/routes\[1\]\.rollout\.group: is 'checkout', whose other rollouts have 2 steps, and this one 3/);
    expect(linesOf(JSON.stringify({ routes: [route("cart", [1, 100]), route("shop", [5, 100])] }))).toEqual([]);
  });
});

test("a conversion limit has its goal and its margin filled in", () => {
  const of = (goal: object) => planOf({ limits: [{ metric: "conversion", name: "buy", goal }] }, keyed).limits[0];
  expect(of({ path: "/buy" })).toEqual({
    metric: "conversion", name: "buy", action: "rollback", relative: 1.05, scope: "everywhere", prove: false,
    goal: { kind: "request", method: null, path: { kind: "prefix", value: "/buy" }, statusFrom: 200, statusTo: 299 },
  });
  expect(of({ path: { exact: "/buy" }, method: "POST", status: 201 })).toMatchObject({ goal: { kind: "request", method: "POST", path: { kind: "exact", value: "/buy" }, statusFrom: 201, statusTo: 201 } });
  expect(of({ header: "X-Goal", value: "paid" })).toMatchObject({ goal: { kind: "header", name: "x-goal", value: "paid" } });
  expect(of({ header: "X-Goal" })).toMatchObject({ goal: { value: null } });
});

test("a custom limit has its margin filled in", () => {
  expect(planOf({ limits: [{ metric: "custom", name: "results", header: "X-Results", worse: "lower" }] }).limits).toEqual([
    { metric: "custom", name: "results", action: "rollback", header: "x-results", worse: "lower", margin: 0.1, scope: "everywhere", prove: false },
  ]);
});

describe("a strategy fills in what is left out", () => {
  const third = { name: "v3", endpoints: ["http://127.0.0.1:3003"], weight: 60 };
  const two = [{ name: "v1", endpoints: ["http://127.0.0.1:3001"] }, { name: "v2", endpoints: ["http://127.0.0.1:3002"] }];

  test("canary goes from 1 to all, with evidence wherever a baseline is left to compare with", () => {
    expect(planOf({}).steps.map(({ weight, evidence, approval }) => [weight, evidence, approval])).toEqual([[1, true, false], [10, true, false], [50, true, false], [100, false, false]]);
    expect(planOf({}, { variants: [...two, third] }).steps.map(({ weight }) => weight)).toEqual([1, 10, 40]);
  });

  test("blueGreen switches once, after an approval, and watches for an hour", () => {
    expect(planOf({ strategy: "blueGreen" })).toMatchObject({ strategy: "blueGreen", bakeMs: 3_600_000, steps: [{ weight: 100, approval: true, evidence: false }] });
    expect(planOf({ strategy: "blueGreen", bake: "5m" }).bakeMs).toBe(300_000);
  });

  test("mirrorFirst is a canary whose first step waits for the copies, with a limit on them", () => {
    const of = planOf({ strategy: "mirrorFirst" }, { mirror: { variant: "v2" } });
    expect(of.steps.map(({ weight, mirrored }) => [weight, mirrored])).toEqual([[1, true], [10, false], [50, false], [100, false]]);
    expect(of.limits.at(-1)).toEqual({ metric: "mirror", action: "rollback", differing: 0.01, scope: "everywhere", prove: false });
    expect(of.limits.slice(0, -1)).toEqual(planOf({}).limits);
  });

  test("ab holds an even split until somebody decides", () => {
    expect(planOf({ strategy: "ab" }, keyed).steps).toMatchObject([{ weight: 50, dwellMs: 7 * 86_400_000, evidence: false }, { weight: 100, approval: true }]);
    expect(planOf({ strategy: "ab" }, { ...keyed, variants: [...two, third] }).steps.map(({ weight }) => weight)).toEqual([20, 40]);
  });
});

test("a limit has the part of the budget that is written for it, and no other part than before where none is", () => {
  const { limits } = planOf({ limits: [{ metric: "errorRate", budgetShare: 2 }, { metric: "latency" }] });
  expect(limits.map(({ budgetShare }) => budgetShare)).toEqual([2, undefined]);
  expect(limits[1]).not.toHaveProperty("budgetShare");
  expect(limitTests(limits, new LatencyModels(), () => 1).reduce((shares, { limit, share }) => shares.with(limit, shares[limit]! + share), [0, 0])).toEqual([expect.closeTo(2 / 2.2, 12), expect.closeTo(0.2 / 2.2, 12)]);
});

test("errors and the bulk of the latency have to prove something unless said otherwise, and never less than their margin", () => {
  const limits = [{ metric: "errorRate", margin: "5%" }, { metric: "latency" }, { metric: "latency", quantile: "p99" }, { metric: "latency", quantile: "p95", prove: true }];
  expect(planOf({ limits }).limits.map(({ prove }) => prove)).toEqual([true, true, false, true]);
  expect(planOf({ limits }).limits[0]).toMatchObject({ margin: 0.05, advanceMargin: 0.05 });
  expect(planOf({ steps: [1, 100], limits: [{ metric: "latency", quantile: "p99" }] }).steps[0]!.evidence).toBe(false);
});

test("freeze windows, regions, cooldown, probes and patience reach the plan in its units", () => {
  const plan = planOf({
    freeze: [
      { name: "nights", from: "20:00", to: "07:30", timezone: "Europe/Berlin" },
      { name: "fridays", days: ["fri"], from: "16:00", to: "24:00", timezone: "UTC" },
      { name: "winter", from: "2026-12-20", to: "2027-01-02T12:00", timezone: "UTC" },
    ],
    regions: { "eu-west": 10, us: 0 }, cooldown: { first: "5m" }, probes: { path: "/healthz" }, inconclusive: { after: "2h", action: "advance" },
  });
  expect(plan.freeze).toEqual([
    { kind: "weekly", name: "nights", days: [0, 1, 2, 3, 4, 5, 6], fromMinute: 1_200, toMinute: 450, timezone: "Europe/Berlin" },
    { kind: "weekly", name: "fridays", days: [5], fromMinute: 960, toMinute: 1_440, timezone: "UTC" },
    { kind: "dates", name: "winter", from: "2026-12-20T00:00", to: "2027-01-02T12:00", timezone: "UTC" },
  ]);
  expect(plan).toMatchObject({
    regions: [{ region: "eu-west", weightMax: 10 }, { region: "us", weightMax: 0 }], cooldown: { firstMs: 300_000, maxMs: 3_600_000 },
    probes: { method: "GET", path: "/healthz", intervalMs: 1_000, timeoutMs: 1_000 }, inconclusive: { afterMs: 7_200_000, action: "advance" },
  });
});
