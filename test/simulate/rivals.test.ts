import { describe, expect, test } from "vitest";
import { isHigh } from "../../bench/rivals/kayenta.ts";
import { rivals } from "../../bench/rivals/rivals.ts";
import { runOnce } from "../../src/cli/simulate/run.ts";
import { summarise } from "../../src/cli/simulate/summary.ts";
import { rowNamed } from "../../src/cli/simulate/work.ts";

const summaryOf = (name: string, rival: string, runs: number, seconds: number) => {
  const row = { ...rowNamed(name), seconds, historySeconds: 0 };
  return summarise(row, Array.from({ length: runs }, (_, i) => runOnce(row, rivals[rival]!, 0.01, 3, i)));
};

describe("the rivals do what their authors say", () => {
  test.each(Object.keys(rivals))("%s finds a candidate that fails half of its requests", (rival) => {
    expect(summaryOf("errors-50", rival, 5, 600).found).toBe(5);
  });

  test("Flagger rolls back after five bad minutes, not before", () => {
    expect(summaryOf("errors-50", "Flagger", 3, 600).seconds).toEqual({ median: 300, p95: 300 });
  });

  test("Flagger's fixed threshold blames the candidate for an outage of both", () => {
    expect(summaryOf("outage", "Flagger", 3, 1_100).falseVerdicts).toBe(3);
  });

  test("a z-test that is looked at every second errs far more often than its 1%", () => {
    expect(summaryOf("stationary", "peeked z-test", 60, 2_000).falseShare).toBeGreaterThan(0.05);
  });

  test("Lindon-Malek keeps its promise on independent errors, and not on clusters", () => {
    expect(summaryOf("stationary", "Lindon-Malek", 60, 1_000).falseVerdicts).toBeLessThanOrEqual(2);
    expect(summaryOf("clusters", "Lindon-Malek", 60, 1_000).falseShare).toBeGreaterThan(0.1);
  });

  test("Mann-Whitney calls a series high only where it lies clearly above the other", () => {
    const control = [1, 1.1, 0.9, 1.05, 0.95, 1.02];
    expect(isHigh(control.map((x) => x * 2), control)).toBe(true);
    expect(isHigh(control.map((x) => x * 1.001), control)).toBe(false);
    expect(isHigh(control.map((x) => x / 2), control)).toBe(false);
  });
});
