import fc from "fast-check";
import { expect, test } from "vitest";
import type { SecondCounts } from "../../src/judge/counts.ts";
import { errorLlr, errorRatios } from "../../src/judge/errors.ts";
import { StrataBook, type Seconds } from "../../src/judge/strata.ts";
import { Trial, type TrialTest } from "../../src/judge/trial.ts";

interface Outcome {
  readonly bad: boolean;
  /** Milliseconds after the second's end. */
  readonly delayMs: number;
}

/** Traffic whose every outcome is known in advance, seen at a moment. */
class Traffic implements Seconds {
  nowMs = 0;
  private readonly c: readonly (readonly Outcome[])[];
  private readonly b: readonly (readonly Outcome[])[];

  constructor(c: readonly (readonly Outcome[])[], b: readonly (readonly Outcome[])[]) {
    this.c = c;
    this.b = b;
  }

  candidate(second: number): SecondCounts | undefined {
    return this.row(this.c[second], second);
  }

  baseline(second: number): SecondCounts | undefined {
    return this.row(this.b[second], second);
  }

  private row(outcomes: readonly Outcome[] | undefined, second: number): SecondCounts | undefined {
    if (outcomes === undefined || outcomes.length === 0) return undefined;
    const known = outcomes.filter((o) => (second + 1) * 1000 + o.delayMs <= this.nowMs);
    return { n: outcomes.length, errors: known.filter((o) => o.bad).length, settled: known.length, generation: 0, location: [], tails: [] };
  }
}

const errors: TrialTest = { alternatives: errorRatios.length, llr: (s, out) => errorLlr(s, 1.1, 0.0005, out), notWorse: null };
const outcome = (delayMax: number) => fc.record({ bad: fc.boolean(), delayMs: fc.integer({ min: 0, max: delayMax }) });
const seconds = (delayMax: number) => fc.array(fc.array(outcome(delayMax), { maxLength: 40 }), { minLength: 1, maxLength: 14 });

test("strata close by the number of dispatched requests alone, never by outcomes", () => {
  fc.assert(
    fc.property(seconds(3_000), seconds(3_000), (c, b) => {
      const borders = (traffic: Traffic): string => {
        const book = new StrataBook(0, 0);
        const seen: string[] = [];
        for (traffic.nowMs = 0; traffic.nowMs < 25_000; traffic.nowMs += 500) {
          for (const { from, to } of book.update(traffic.nowMs, traffic).committed) seen.push(`${from}-${to}`);
        }
        return seen.join(" ");
      };
      const flipped = c.map((outcomes) => outcomes.map((o) => ({ bad: !o.bad, delayMs: 3_000 - o.delayMs })));
      expect(borders(new Traffic(c, b))).toBe(borders(new Traffic(flipped, b)));
    }),
    { numRuns: 40 },
  );
});

test("what is judged while requests are in flight is never more than what the final counts say", () => {
  fc.assert(
    fc.property(seconds(4_500), seconds(4_500), fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 10, maxLength: 60 }), (c, b, pauses) => {
      const traffic = new Traffic(c, b);
      const early = new Trial([errors], new StrataBook(0, 0), 1);
      early.inject(0.4);
      for (const pause of pauses) {
        traffic.nowMs += pause;
        early.update(traffic.nowMs, traffic);
        // The same strata with every outcome known, and no later ones.
        const closedBefore = traffic.nowMs;
        const final = new Trial([errors], new StrataBook(0, 0), 1);
        final.inject(0.4);
        let highest = final.wealth(0);
        for (let second = 0; (second + 1) * 1000 + 50 <= closedBefore; second++) {
          const known = new Traffic(c, b);
          known.nowMs = Number.MAX_SAFE_INTEGER;
          final.update((second + 1) * 1000 + 50, known);
          highest = Math.max(highest, final.wealth(0));
        }
        expect(early.wealth(0)).toBeLessThanOrEqual(highest * (1 + 1e-9));
      }
    }),
    { numRuns: 60 },
  );
});

test("an outcome that arrives after its stratum was taken in is booked with the stratum's share", () => {
  const n = 100;
  const good: Outcome = { bad: false, delayMs: 0 };
  const traffic = new Traffic([Array.from({ length: n }, (_, i) => (i === 0 ? { bad: true, delayMs: 20_000 } : good))], [Array.from({ length: n }, () => good)]);
  const trial = new Trial([errors], new StrataBook(0, 0), 1);
  trial.inject(0.4);
  traffic.nowMs = 7_000;
  trial.update(7_000, traffic);
  const before = trial.wealth(0);
  traffic.nowMs = 22_000;
  trial.update(22_000, traffic);
  expect(before).toBeLessThan(0.4);
  expect(trial.wealth(0)).toBeGreaterThan(1.5 * before);
});

test("a control thread that was away for minutes judges what the slab still has, and goes on", () => {
  const traffic: Seconds = {
    candidate: (second) => ({ n: 50, errors: second >= 600 ? 25 : 0, settled: 50, generation: 0, location: [], tails: [] }),
    baseline: () => ({ n: 50, errors: 0, settled: 50, generation: 0, location: [], tails: [] }),
  };
  const trial = new Trial([errors], new StrataBook(0, 0), 1);
  trial.inject(0.4);
  trial.update(600_000, traffic);
  trial.update(610_100, traffic);
  expect(trial.wealth(0)).toBeGreaterThan(1e4);
});
