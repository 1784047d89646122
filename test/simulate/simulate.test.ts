import { describe, expect, test } from "vitest";
import { run } from "../../src/cli/simulate.ts";
import { ownJudge, runOnce } from "../../src/cli/simulate/run.ts";
import type { Row } from "../../src/cli/simulate/row.ts";
import { summarise, wilsonUpper } from "../../src/cli/simulate/summary.ts";
import { rowNamed } from "../../src/cli/simulate/work.ts";
import { streamOf } from "../../src/cli/simulate/random.ts";
import { newBoth } from "../../src/cli/simulate/second.ts";
import { StrataJudge } from "../../src/cli/simulate/strata-judge.ts";
import { Traffic } from "../../src/cli/simulate/traffic.ts";
import { WholeJudge } from "../../src/cli/simulate/whole-judge.ts";
import { plots } from "../../src/cli/simulate/plots.ts";
import type { Report } from "../../src/cli/simulate/report.ts";
import { capture } from "../cli/capture.ts";

const alpha = 0.01;
const summaryOf = (row: Row, runs: number) => summarise(row, Array.from({ length: runs }, (_, i) => runOnce(row, ownJudge(row), alpha, 7, i)));

async function simulate(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = capture();
  const code = await run(argv, io);
  return { code, out: io.out(), err: io.err() };
}

describe("two equal versions", () => {
  test.each(["stationary", "bursts", "clusters", "sticky", "hiccups", "latency", "goals", "numbers"])("are not told apart in the world '%s'", (name) => {
    const row = { ...rowNamed(name), seconds: 150, historySeconds: 60 };
    expect(summaryOf(row, 40).falseVerdicts).toBe(0);
  });

  test("are not told apart where errors and slow answers come together, and late", () => {
    const row = { ...rowNamed("together"), seconds: 120, historySeconds: 60 };
    expect(summaryOf(row, 6).falseVerdicts).toBe(0);
  });
});

describe("a worse version", () => {
  test("is found by the whole way through slab and recorder, and by the fast way, after about as many requests", () => {
    const whole: Row = { ...rowNamed("errors-5"), historySeconds: 60, seconds: 300 };
    const fast: Row = { ...whole, way: "strata", looksPerSecond: 1 };
    const [a, b] = [summaryOf(whole, 30), summaryOf(fast, 30)];
    expect(a.found + b.found).toBe(60);
    expect(Math.abs(a.requests.median! / b.requests.median! - 1)).toBeLessThan(0.35);
  });

  test.each([["goals-30", { goals: { perSecond: 10, left: 0.2 } }], ["numbers-30", {}]] as const)("is found by what it counts beside errors, in the row '%s'", (name, worse) => {
    const row = rowNamed(name);
    const short: Row = { ...row, traffic: { ...row.traffic, ...worse }, historySeconds: 60, seconds: 400 };
    expect(summaryOf(short, 4).found).toBe(4);
  });

  test("has the same unevenness of its clients measured on the whole way and on the fast one", () => {
    const row: Row = { ...rowNamed("sticky-1-2"), historySeconds: 200, seconds: 1 };
    const rho = (way: "whole" | "strata"): number => {
      const traffic = new Traffic(row.traffic, streamOf("uneven"));
      const options = {
        alpha, historySeconds: row.historySeconds, steps: [0], looksPerSecond: 1, timed: false, shardShares: traffic.shardShares(32), goalShare: null, numbers: false,
        endpointsBaseline: 8, endpointsCandidate: 8, random: streamOf("uneven/judge"),
      };
      const judge = way === "whole" ? new WholeJudge(options) : new StrataJudge(options);
      const both = newBoth();
      for (let second = -row.historySeconds; second < row.seconds; second++) {
        traffic.fill(second, both);
        judge.second(second, both);
      }
      return judge.rho;
    };
    expect(Math.abs(rho("whole") / rho("strata") - 1)).toBeLessThan(0.1);
  });

  test("that fails everything is found by the breaker, within a second", () => {
    const summary = summaryOf({ ...rowNamed("candidate-outage"), historySeconds: 20, seconds: 20 }, 20);
    expect(summary.byBreaker).toBe(20);
    expect(summary.seconds.p95).toBeLessThanOrEqual(1);
  });

  test("is found sooner by a fleet than by one of its sidecars", () => {
    const short = (name: string): Row => ({ ...rowNamed(name), historySeconds: 30, seconds: 600 });
    const [fleet, alone] = [summaryOf(short("fleet"), 4), summaryOf(short("one-sidecar"), 4)];
    expect(fleet.seconds.median! * 3).toBeLessThan(alone.seconds.median!);
  });
});

describe("ebbgate simulate", () => {
  test("gives equal figures for equal seeds, on any number of threads", async () => {
    const figures = async (seed: string, threads: string): Promise<unknown> => {
      const { out, code } = await simulate("--row", "one-sidecar", "--row", "stationary", "--runs", "2", "--seed", seed, "--threads", threads, "--json");
      expect(code).toBe(0);
      return (JSON.parse(out) as Report).rows;
    };
    const first = await figures("11", "1");
    expect(await figures("11", "2")).toEqual(first);
    expect(await figures("12", "2")).not.toEqual(first);
  });

  test("says how to repeat what it found", async () => {
    const { out } = await simulate("--row", "stationary", "--runs", "1", "--seed", "5");
    expect(out).toContain("ebbgate simulate --row stationary --runs 1 --seed 5");
    expect(out).toContain("seed 5");
  });

  test.each([["--runs", "0"], ["--seed", "-1"], ["--alpha", "0.9"], ["--row", "nothing"]])("refuses %s %s", async (...argv) => {
    const { code, err, out } = await simulate(...argv);
    expect(code).toBe(2);
    expect(err).toContain(argv[0]);
    expect(out).toBe("");
  });
});

test("the bound on a share that was never seen shrinks as three over the number of runs", () => {
  expect(wilsonUpper(0, 2_000)).toBeCloseTo(0.00135, 4);
  expect(wilsonUpper(20, 2_000)).toBeGreaterThan(0.01);
});

test("the plots are well-formed, and name every row once", () => {
  const rows = ["stationary", "errors-1"].map((name) => {
    const row = { ...rowNamed(name), seconds: 30, historySeconds: 10 };
    return { row: row.name, title: row.title, kind: row.kind, judge: "ebbgate", reference: row.kind === "regression" ? row.reference : null, ...summaryOf(row, 1) };
  });
  const drawn = plots({ seed: 1, alpha, command: "", node: "", elapsedSeconds: 1, rows });
  expect(drawn.map(([name]) => name)).toEqual(["false-rollbacks.svg", "detection.svg"]);
  for (const [i, [, svg]] of drawn.entries()) {
    expect(svg.startsWith("<svg ")).toBe(true);
    expect(svg.split(`>${rows[i]!.title.replace(">", "&gt;")}<`).length).toBe(2);
    expect(svg.match(/<(text|title)[ >]/g)!.length).toBe(svg.match(/<\/(text|title)>/g)!.length);
    expect(svg).not.toContain("NaN");
  }
});
