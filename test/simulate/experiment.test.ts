import { expect, test } from "vitest";
import type { Row } from "../../src/cli/simulate/row.ts";
import { ownJudge, runOnce } from "../../src/cli/simulate/run.ts";
import { summarise } from "../../src/cli/simulate/summary.ts";
import { rowNamed } from "../../src/cli/simulate/work.ts";

const summaryOf = (name: string, seconds: number, runs: number, alpha = 0.01) => {
  const row: Row = { ...rowNamed(name), seconds, historySeconds: 60 };
  return summarise(row, Array.from({ length: runs }, (_, i) => runOnce(row, ownJudge(row), alpha, 7, i)));
};

test.each([4, 8])("%i equal candidates beside one baseline are not told from it, not one of them", (candidates) => {
  expect(summaryOf(`experiment-${candidates}`, 150, 12)).toMatchObject({ falseVerdicts: 0, falseTrips: 0 });
});

test.each([4, 8])("the one bad candidate of %i is found, and no other", (candidates) => {
  expect(summaryOf(`experiment-one-bad-${candidates}`, 600, 12)).toMatchObject({ found: 12, falseVerdicts: 0 });
});

test("every candidate has its part of alpha: a verdict comes no sooner than with all of it", () => {
  const strict = summaryOf("experiment-one-bad-4", 600, 8);
  const loose = summaryOf("experiment-one-bad-4", 600, 8, 0.04);
  expect(strict.requests.median!).toBeGreaterThanOrEqual(loose.requests.median!);
});
