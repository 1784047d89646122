import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { defaultLimits } from "../../src/config/rollout-plan.ts";
import { seededRandom } from "../../src/core/random.ts";
import { emptyStratum, type StratumCounts } from "../../src/judge/counts.ts";
import { independent } from "../../src/judge/dispersion.ts";
import { FleetMember, FleetTrial, type MemberStratum } from "../../src/judge/fleet-trial.ts";
import { breachThreshold } from "../../src/judge/wealth.ts";
import { LatencyModels, limitTests } from "../../src/rollout/limit-tests.ts";
import { errorSecond } from "../judge/simulation.ts";

const tests = limitTests(defaultLimits, new LatencyModels(), () => 1).map(({ test: one }) => one);
const members = (count: number): FleetMember[] => Array.from({ length: count }, () => new FleetMember(tests));

/** What is known when a share of the outcomes is. */
function partly(whole: StratumCounts, share: number): StratumCounts {
  const some = (n: number): number => Math.floor(n * share);
  return { ...emptyStratum(), nC: whole.nC, nB: whole.nB, errorsC: some(whole.errorsC), errorsB: some(whole.errorsB), settledC: some(whole.settledC), settledB: some(whole.settledB) };
}

const stratum = (from: number, counts: StratumCounts, final = true): MemberStratum => ({ from, counts, dispersion: independent, final });

interface Message {
  readonly member: number;
  readonly of: MemberStratum;
}

/** Three sidecars over four seconds: of each stratum a half, then the whole. */
function story(seed: number): Message[][] {
  const random = seededRandom(seed);
  return [0, 1, 2, 3].map((second) => [0, 1, 2].flatMap((member): Message[] => {
    const counts = errorSecond(100, 0.2, 0.05, 0.01, random);
    return [{ member, of: stratum(second, partly(counts, 0.5), false) }, { member, of: stratum(second, counts) }];
  }));
}

function run(seconds: readonly (readonly Message[])[]): number[] {
  const trial = new FleetTrial(tests);
  const all = members(3);
  trial.inject(0.4);
  seconds.forEach((messages, second) => {
    for (const { member, of } of messages) trial.offer(all[member]!, of, (second + 1) * 1000 + 100);
    trial.update((second + 1) * 1000 + 900);
  });
  trial.update(60_000);
  return tests.flatMap((_, i) => [trial.wealth(i), trial.notWorse(i)]);
}

const close = (a: readonly number[], b: readonly number[]): void => a.forEach((value, i) => expect(value).toBeCloseTo(b[i]!, 6));

describe("evidence over a fleet", () => {
  test("is the same however often a message arrives, and whether the early half of what it says ever did", () => {
    fc.assert(fc.property(fc.nat(1_000), fc.nat(1_000), (seed, shuffle) => {
      const told = story(seed);
      const random = seededRandom(shuffle);
      const doubled = told.map((messages) => messages.flatMap((message) => (random() < 0.3 ? [message, message] : message.of.final || random() < 0.5 ? [message] : [])));
      close(run(doubled), run(told));
    }), { numRuns: 50 });
  });

  test("counts each stratum once, though messages of one second change places", () => {
    fc.assert(fc.property(fc.nat(1_000), fc.nat(1_000), (seed, shuffle) => {
      const random = seededRandom(shuffle);
      const told = story(seed);
      close(run(told.map((messages) => messages.map((message) => ({ message, at: random() })).toSorted((a, b) => a.at - b.at).map(({ message }) => message))), run(told));
    }), { numRuns: 50 });
  });

  test("of a sidecar that falls silent half-way is what it said, at most", () => {
    fc.assert(fc.property(fc.nat(1_000), (seed) => {
      const told = story(seed);
      const cut = told.map((messages) => messages.filter(({ member, of }) => member !== 1 || (of.from < 2 && of.final) || (of.from === 2 && !of.final)));
      const trialOf = (messages: readonly (readonly Message[])[]): number => run(messages)[0]!;
      expect(Number.isFinite(trialOf(cut))).toBe(true);
    }), { numRuns: 30 });
  });

  test("that is looked at early never exceeds what is committed at full knowledge", () => {
    fc.assert(fc.property(fc.nat(1_000), (seed) => {
      const trial = new FleetTrial(tests);
      const [one] = members(1);
      trial.inject(0.4);
      const counts = errorSecond(100, 0.2, 0.2, 0.01, seededRandom(seed));
      let before = 0;
      for (const share of [0.2, 0.5, 0.8]) {
        trial.offer(one!, stratum(0, partly(counts, share), false), 1_100);
        trial.update(1_200);
        // Bets on what is known, with the rest counted for the candidate.
        before = Math.max(before, trial.wealth(0));
      }
      trial.offer(one!, stratum(0, counts), 1_300);
      trial.update(20_000);
      // `wealth` also stands for what is certain: the injection, before anything was taken in.
      expect(before).toBeLessThanOrEqual(Math.max(0.4, trial.wealth(0)) * (1 + 1e-9));
    }), { numRuns: 100 });
  });

  test("accuses nobody where sidecars with other weights have other error rates", () => {
    const breaches = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].filter((seed) => {
      const random = seededRandom(seed);
      const trial = new FleetTrial(tests);
      const [small, large] = members(2);
      trial.inject(0.4);
      for (let second = 0; second < 300; second++) {
        trial.offer(small!, stratum(second, errorSecond(500, 0.01, 0.001, 0.001, random)), second * 1000 + 1_050);
        trial.offer(large!, stratum(second, errorSecond(500, 0.5, 0.02, 0.02, random)), second * 1000 + 1_060);
        trial.update(second * 1000 + 1_100);
        if (0.4 * trial.wealth(0) >= breachThreshold(0.01)) return true;
      }
      return false;
    });
    expect(breaches).toEqual([]);
  });
});
