import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileDynamic } from "../../src/config/compile-dynamic.ts";
import { checkDynamic } from "../../src/config/dynamic-checks.ts";
import type { RolloutPlan } from "../../src/config/rollout-plan.ts";

const variantNames = ["green", "blue", "bold", "red", "pink", "grey", "gold", "teal"];
const documentWith = (count: number, rollout: object, route: object = {}, held = 0) => ({
  routes: [{
    name: "shop", cohort: { key: ["header:x-user"] },
    variants: [
      { name: "plain", endpoints: ["http://127.0.0.1:3001"] }, ...variantNames.slice(0, count).map((name, i) => ({ name, revision: `${name}-1`, endpoints: [`http://127.0.0.1:${3002 + i}`] })),
      ...(held > 0 ? [{ name: "other", weight: held, endpoints: ["http://127.0.0.1:3100"] }] : []),
    ],
    rollout: { candidates: variantNames.slice(0, count), strategy: "ab", ...rollout }, ...route,
  }],
});

function plansOf(document: object): readonly RolloutPlan[] {
  const checked = checkDynamic(document, []);
  if (!checked.ok) throw new Error(JSON.stringify(checked.findings));
  return compileDynamic(checked.value).routes[0]!.rollouts;
}

test("candidates get a plan each, with names of their own, an even split and a part of alpha", () => {
  const plans = plansOf(documentWith(3, { alpha: "3%" }));
  expect(plans.map(({ name, route, candidate, revision, baseline }) => [name, route, candidate, revision, baseline])).toEqual(
    ["green", "blue", "bold"].map((name) => [`shop:${name}`, "shop", name, `${name}-1`, "plain"]));
  for (const plan of plans) {
    expect(plan.steps.map(({ weight, approval, evidence }) => [weight, approval, evidence])).toEqual([[25, false, false], [100, true, false]]);
    expect([plan.alpha, plan.experiment]).toEqual([0.03 / 3, { candidates: 3, room: 100 }]);
  }
});

test("one candidate is what it always was", () => {
  const [plan, ...more] = plansOf(documentWith(2, { candidates: undefined, candidate: "green", strategy: "canary" }));
  expect([plan!.name, plan!.alpha, plan!.experiment, more]).toEqual(["shop", 0.01, undefined, []]);
});

test("whatever a good document says, candidates in any step but the last leave users to the baseline, and their alphas sum to what is promised", () => {
  fc.assert(fc.property(
    fc.integer({ min: 2, max: 8 }), fc.integer({ min: 0, max: 60 }), fc.array(fc.integer({ min: 1, max: 49_000 }), { minLength: 0, maxLength: 4 }), fc.integer({ min: 1, max: 50 }),
    (count, held, thousandths, alpha) => {
      const weights = [...new Set(thousandths)].toSorted((a, b) => a - b).map((each) => each / 1000);
      const steps = weights.length === 0 ? {} : { steps: [...weights, { weight: 100 - held, approval: true }] };
      const checked = checkDynamic(documentWith(count, { ...steps, alpha: `${alpha}%` }, {}, held), []);
      const fits = Math.round((weights.at(-1) ?? 0) * 1000) * count < (100 - held) * 1000;
      expect(checked.ok).toBe(fits);
      if (!checked.ok) return;
      const plans = compileDynamic(checked.value).routes[0]!.rollouts;
      for (const plan of plans) {
        expect(plan.steps.at(-1)!.weight).toBe(100 - held);
        for (const step of plan.steps.slice(0, -1)) expect(step.weight * count + held).toBeLessThan(100);
      }
      expect(plans.reduce((sum, plan) => sum + plan.alpha, 0)).toBeCloseTo(alpha / 100, 12);
    },
  ));
});

describe("every mistake with several candidates is refused with its place and its remedy", () => {
  const two = documentWith(2, {});
  test.each<[what: string, rollout: object, path: string, says: string]>([
    ["both keys", { candidate: "green" }, "candidates", "are named beside candidate"],
    ["neither key", { candidates: undefined }, "candidate", "or several as candidates"],
    ["one name", { candidates: ["green"] }, "candidates", "at least 2"],
    ["nine names", { candidates: [...variantNames, "lime"] }, "candidates", "more than 8 entries"],
    ["a name twice", { candidates: ["green", "green"] }, "candidates[1]", "is named before"],
    ["the baseline", { candidates: ["green", "plain"] }, "candidates[1]", "is the baseline"],
    ["nobody", { candidates: ["green", "bleu"] }, "candidates[1]", "Did you mean 'blue'?"],
    ["a canary", { strategy: "canary" }, "strategy", "Write strategy: ab"],
    ["steps that leave the baseline nobody", { steps: [10, 50, { weight: 100, approval: true }] }, "steps[1]", "Write 33.333 for an even split"],
    ["a step object that does", { steps: [{ weight: 60 }, { weight: 100, approval: true }] }, "steps[0].weight", "leaves the baseline no users"],
    ["only the last step", { steps: [{ weight: 100, approval: true }] }, "steps", "Add a step before it"],
    ["a last step that asks nobody", { steps: [10, 100] }, "steps[1]", "approval: true"],
    ["a group", { group: "checkout" }, "group", "go back one by one"],
    ["a limit on copies", { limits: [{ metric: "mirror" }] }, "limits[0].metric", "copies to one variant"],
    ["a step that waits for copies", { steps: [{ weight: 10, mirrored: true }, { weight: 100, approval: true }] }, "steps[0].mirrored", "copies to one variant"],
  ])("%s", (_, rollout, path, says) => {
    const [route] = two.routes;
    const checked = checkDynamic({ routes: [{ ...route, rollout: { ...route!.rollout, ...rollout } }] }, []);
    if (checked.ok) throw new Error("it was taken");
    const found = checked.findings.filter((finding) => finding.path.join(".").replaceAll(/\.(\d+)/g, "[$1]") === `routes[0].rollout.${path}`);
    expect(found.map(({ message, remedy }) => `${message}. ${remedy}`).join("\n")).toContain(says);
  });

  test("a candidate's own weight, and a route that assigns at random", () => {
    const document = documentWith(2, {}, { cohort: "random" });
    Object.assign(document.routes[0]!.variants[1]!, { weight: 5 });
    const checked = checkDynamic(document, []);
    expect(checked.ok ? [] : checked.findings.map(({ path }) => path.join("."))).toEqual(expect.arrayContaining(["routes.0.variants.1.weight", "routes.0.rollout.strategy"]));
  });
});
