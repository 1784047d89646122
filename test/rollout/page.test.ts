import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { inconclusiveActions, limitActions, strategies } from "../../src/config/rollout-plan.ts";
import { rolloutPhases, rolloutReasons, waitReasons } from "../../src/core/reasons.ts";
import { severityOf } from "../../src/rollout/severity.ts";
import { commandVerbs } from "../../src/rollout/types.ts";

const page = readFileSync("docs/rollouts.md", "utf8");

test.each<[string, readonly string[]]>([
  ["phase", rolloutPhases], ["wait", waitReasons], ["reason", rolloutReasons], ["command", commandVerbs], ["limit action", limitActions], ["strategy", strategies],
])("docs/rollouts.md explains every %s", (_, words) => {
  expect(words.filter((word) => !page.includes(`\`${word}\``))).toEqual([]);
});

test("docs/rollouts.md explains what may happen to an inconclusive step", () => {
  expect(inconclusiveActions.filter((action) => !page.includes(action))).toEqual([]);
});

test("what pages is what the page says", () => {
  const table = page.slice(page.indexOf("## Reasons"), page.indexOf("## Records"));
  const told = table.split("\n").filter((line) => line.includes("**pages**")).join();
  const paging = rolloutReasons.filter((reason) => severityOf(reason) === "page");
  expect(paging.length).toBeGreaterThan(0);
  expect(paging.filter((reason) => !told.includes(`\`${reason}\``))).toEqual([]);
});
