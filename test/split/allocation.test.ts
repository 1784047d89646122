import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bucketCount, type BucketRange } from "../../src/core/buckets.ts";
import { checkAllocation } from "../../src/split/allocation-check.ts";
import { initial, rangesMax, remap, reweigh, variantOf, weightsOf } from "../../src/split/allocation.ts";
import { compileTable, variantAt } from "../../src/split/table.ts";

const candidates = 4;
const variantCount = candidates + 1;

/** Weights of four candidates with a sum of at most 100, drawn so that 0, 100 and a full route are common. */
const weights = fc
  .tuple(fc.array(fc.oneof(fc.constant(0), fc.nat({ max: bucketCount })), { minLength: candidates, maxLength: candidates }), fc.constantFrom(1, 1, 4, 0.5))
  .map(([wanted, crowd]) => {
    let left = bucketCount;
    return [0, ...wanted.map((buckets) => {
      const given = Math.min(left, Math.round(buckets / crowd));
      left -= given;
      return given / 1000;
    })];
  });

const histories = fc.array(weights, { minLength: 1, maxLength: 12 });

function play(history: readonly (readonly number[])[]): BucketRange[] {
  return history.reduce((ranges, step) => reweigh(ranges, step), initial());
}

/** The stretches of buckets whose owner differs. */
function moves(before: readonly BucketRange[], after: readonly BucketRange[]): { from: number; to: number; was: number; is: number }[] {
  const cuts = [...new Set([...before, ...after].map(({ from }) => from)), bucketCount].toSorted((a, b) => a - b);
  return cuts
    .slice(0, -1)
    .map((from, i) => ({ from, to: cuts[i + 1]!, was: variantOf(before, from), is: variantOf(after, from) }))
    .filter(({ was, is }) => was !== is);
}

/** Who moved from whom to whom, each kind once, as `1>0`. */
const kinds = (before: readonly BucketRange[], after: readonly BucketRange[]): string[] => [...new Set(moves(before, after).map(({ was, is }) => `${was}>${is}`))].toSorted();

const orderAt = (ranges: readonly BucketRange[], bucket: number): number => ranges.find(({ from, to }) => bucket >= from && bucket < to)!.order;

const buckets = (ranges: readonly BucketRange[], variant: number): number =>
  ranges.reduce((sum, range) => sum + (range.variant === variant ? range.to - range.from : 0), 0);

describe("whatever weights follow each other", () => {
  test("every bucket has exactly one owner, and every candidate its exact weight", () => {
    fc.assert(
      fc.property(histories, (history) => {
        let ranges = initial();
        for (const step of history) {
          ranges = reweigh(ranges, step);
          checkAllocation(ranges, variantCount);
          expect(weightsOf(ranges, variantCount).slice(1)).toEqual(step.slice(1));
          expect(weightsOf(ranges, variantCount).reduce((sum, weight) => sum + Math.round(weight * 1000), 0)).toBe(bucketCount);
        }
      }),
    );
  });

  test("0 percent is nobody and 100 percent is everybody", () => {
    fc.assert(
      fc.property(histories, fc.integer({ min: 1, max: candidates }), (history, candidate) => {
        const nobody = reweigh(play(history), Array.from({ length: variantCount }, () => 0));
        expect(nobody).toEqual(initial());
        const everybody = reweigh(play(history), Array.from({ length: variantCount }, (_, variant) => (variant === candidate ? 100 : 0)));
        expect(buckets(everybody, candidate)).toBe(bucketCount);
      }),
    );
  });

  test("a change asked for twice changes nothing the second time", () => {
    fc.assert(
      fc.property(histories, (history) => {
        const ranges = play(history);
        expect(reweigh(ranges, history.at(-1)!)).toEqual(ranges);
        expect(reweigh(ranges, weightsOf(ranges, variantCount))).toEqual(ranges);
      }),
    );
  });

  test("an allocation goes on from its JSON as if it had never been stored", () => {
    fc.assert(
      fc.property(histories, weights, (history, next) => {
        const ranges = play(history);
        const stored = JSON.parse(JSON.stringify(ranges)) as BucketRange[];
        expect(reweigh(stored, next)).toEqual(reweigh(ranges, next));
      }),
    );
  });

  test("the input is left as it was: a snapshot in use never changes", () => {
    fc.assert(
      fc.property(histories, weights, (history, next) => {
        const ranges = play(history);
        const before = structuredClone(ranges);
        reweigh(Object.freeze(ranges.map((range) => Object.freeze(range))), next);
        expect(ranges).toEqual(before);
      }),
    );
  });
});

describe("one candidate's change", () => {
  const change = fc.record({ history: histories, candidate: fc.integer({ min: 1, max: candidates }), share: fc.double({ min: 0, max: 1, noNaN: true }) });

  /** The weights of `ranges` with one candidate's moved within the room that the others leave. */
  function changed(ranges: readonly BucketRange[], candidate: number, share: number): number[] {
    const now = weightsOf(ranges, variantCount);
    const room = buckets(ranges, 0) + buckets(ranges, candidate);
    return now.map((weight, variant) => (variant === candidate ? Math.round(room * share) / 1000 : weight));
  }

  test("growing never moves a user back, and no user of another candidate", () => {
    fc.assert(
      fc.property(change, ({ history, candidate, share }) => {
        const ranges = play(history);
        const after = reweigh(ranges, changed(ranges, candidate, share));
        fc.pre(buckets(after, candidate) >= buckets(ranges, candidate));
        for (const kind of kinds(ranges, after)) expect(kind).toBe(`0>${candidate}`);
      }),
    );
  });

  test("shrinking gives back to the baseline alone, and no user of another candidate", () => {
    fc.assert(
      fc.property(change, ({ history, candidate, share }) => {
        const ranges = play(history);
        const after = reweigh(ranges, changed(ranges, candidate, share));
        fc.pre(buckets(after, candidate) <= buckets(ranges, candidate));
        for (const kind of kinds(ranges, after)) expect(kind).toBe(`${candidate}>0`);
      }),
    );
  });

  test("who joined last leaves first: growing and shrinking back restores every single user", () => {
    fc.assert(
      fc.property(change, ({ history, candidate, share }) => {
        const ranges = play(history);
        const grown = reweigh(ranges, changed(ranges, candidate, share));
        fc.pre(buckets(grown, candidate) >= buckets(ranges, candidate));
        expect(reweigh(grown, weightsOf(ranges, variantCount))).toEqual(ranges);
      }),
    );
  });

  test("last in, first out holds bucket by bucket, whatever the others did in between", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.nat({ max: 40 })), { minLength: 1, maxLength: 40 }), (steps) => {
        // The model: a stack of buckets for each candidate. Small weights, so that it stays readable and quick.
        const stacks = new Map<number, number[]>([[1, []], [2, []], [3, []]]);
        const wanted = [0, 0, 0, 0];
        let ranges = initial();
        for (const [candidate, count] of steps) {
          wanted[candidate] = count / 1000;
          const before = ranges;
          ranges = reweigh(ranges, wanted);
          const stack = stacks.get(candidate)!;
          const moved = moves(before, ranges)
            .toSorted((a, b) => orderAt(ranges, a.from) - orderAt(ranges, b.from))
            .flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i));
          // What left is what the stack gives up, and nothing leaves while it grows.
          const left = count < stack.length ? moved : [];
          expect(new Set(left)).toEqual(new Set(stack.splice(count)));
          if (left.length === 0) stack.push(...moved);
          expect(stack.length).toBe(count);
        }
      }),
    );
  });
});

test("a ramp 1, 10, 50, 100 keeps everybody who joined, in two ranges", () => {
  let ranges = initial();
  for (const weight of [1, 10, 50, 100]) {
    const before = ranges;
    ranges = reweigh(ranges, [0, weight]);
    expect(kinds(before, ranges)).toEqual(["0>1"]);
    expect(ranges.length).toBeLessThanOrEqual(2);
  }
  expect(ranges).toEqual([{ from: 0, to: bucketCount, variant: 1, order: 1 }]);
});

test("a user who is given back is not handed to a candidate that grows at the same time, while the baseline has room", () => {
  const before = reweigh(initial(), [0, 30, 10]);
  const after = reweigh(before, [0, 5, 40]);
  expect(kinds(before, after)).toEqual(["0>2", "1>0"]);
  // Without room there is no other way: a whole swap.
  expect(weightsOf(reweigh(reweigh(initial(), [0, 100, 0]), [0, 0, 100]), 3)).toEqual([0, 0, 100]);
});

test("candidates that climb in turns keep their buckets in few ranges", () => {
  let ranges = initial();
  const wanted = [0, 0, 0, 0, 0];
  for (let step = 0; step < 1_000; step++) {
    wanted[1 + (step % candidates)] = Math.floor(step / candidates + 1) / 10;
    ranges = reweigh(ranges, wanted);
  }
  expect(weightsOf(ranges, variantCount)).toEqual([0, 25, 25, 25, 25]);
  expect(ranges.length).toBeLessThan(40);
});

test("growth beyond the bound of ranges is refused with the remedy, a rollback never", () => {
  // Candidate 1 holds every other bucket of the lower part: 1,025 ranges, and a new one amid the rest makes it two more.
  const slices = Array.from({ length: rangesMax }, (_, i) => ({ from: i, to: i + 1, variant: i % 2, order: i % 2 === 1 ? i : 0 }));
  const ranges = [...slices, { from: rangesMax, to: bucketCount, variant: 0, order: 0 }];
  const now = weightsOf(ranges, 3);
  expect(() => reweigh(ranges, [0, now[1]!, 5])).toThrow(/1027 ranges, above 1024\. Take a candidate to 0 percent/);
  expect(weightsOf(reweigh(ranges, [0, now[1]! - 0.001, 5]), 3)).toEqual([94.489, 0.511, 5]);
  expect(reweigh(ranges, [0, 0, 0])).toEqual(initial());
});

describe("another list of variants", () => {
  test("moves nobody whose variant is still there, wherever in the list it is now", () => {
    const names = ["stable", "a", "b", "c", "d"];
    fc.assert(
      fc.property(histories, fc.shuffledSubarray(["stable", "a", "b", "c", "d", "new"], { minLength: 1 }), weights, (history, newNames, next) => {
        const ranges = play(history);
        const mapped = remap(ranges, names, newNames);
        checkAllocation(mapped, newNames.length);
        for (const bucket of [...ranges, ...mapped].flatMap(({ from, to }) => [from, to - 1])) {
          const name = names[variantOf(ranges, bucket)]!;
          expect(newNames[variantOf(mapped, bucket)]).toBe(newNames.includes(name) ? name : newNames[0]);
        }
        // And what comes out can be worked with.
        reweigh(mapped, newNames.map((_, variant) => next[variant] ?? 0));
      }),
    );
  });

  test("a candidate's order of joining survives", () => {
    const ranges = reweigh(reweigh(reweigh(initial(), [0, 10, 0]), [0, 10, 80]), [0, 20, 80]);
    const mapped = remap(ranges, ["stable", "a", "b"], ["stable", "b", "a"]);
    const shrunk = reweigh(ranges, [0, 10, 80]);
    expect(remap(shrunk, ["stable", "a", "b"], ["stable", "b", "a"])).toEqual(reweigh(mapped, [0, 80, 10]));
  });

  test("the promoted candidate becomes the baseline without moving anybody", () => {
    const done = reweigh(initial(), [0, 100]);
    expect(remap(done, ["v1", "v2"], ["v2", "v3"])).toEqual(initial());
  });
});

test("every bucket is looked up as the ranges say", () => {
  fc.assert(
    fc.property(histories, fc.array(fc.nat({ max: bucketCount - 1 }), { minLength: 50, maxLength: 50 }), (history, drawn) => {
      const ranges = play(history);
      const table = compileTable(ranges);
      const edges = ranges.flatMap(({ from, to }) => [from, to - 1]);
      for (const bucket of [...edges, ...drawn]) expect(variantAt(table, bucket)).toBe(variantOf(ranges, bucket));
    }),
  );
});

describe("bad input is refused, naming field, value and remedy", () => {
  test.each([
    [[0, 50, 50.001], "weights: the candidates' sum, 100.001 percent, is above 100. Lower one of them."],
    [[0, 0.0005, 0], "weights[1]: 0.0005 is finer than the grain. Use a multiple of 0.001 percent, as 0.001."],
    [[0, -1, 0], "weights[1]: -1 is out of range. Use a percentage from 0 to 100."],
    [[0, 0, 101], "weights[2]: 101 is out of range. Use a percentage from 0 to 100."],
    [[0, Number.NaN, 0], "weights[1]: NaN is out of range. Use a percentage from 0 to 100."],
  ])("weights %j", (wanted, message) => {
    expect(() => reweigh(initial(), wanted)).toThrow(message);
  });

  test("a weight that arithmetic left a hair off the grain is that weight", () => {
    expect(weightsOf(reweigh(initial(), [0, 0.1 + 0.2]), 2)).toEqual([99.7, 0.3]);
  });

  test.each([
    [[], "allocation: ends at bucket 0"],
    [[{ from: 0, to: 99_999, variant: 0, order: 0 }], "allocation: ends at bucket 99999"],
    [[{ from: 1, to: bucketCount, variant: 0, order: 0 }], "allocation[0].from: is 1, but must be 0"],
    [[{ from: 0, to: bucketCount + 1, variant: 0, order: 0 }], "allocation[0].to: is 100001"],
    [[{ from: 0, to: 0, variant: 0, order: 0 }], "allocation[0].to: is 0"],
    [[{ from: 0, to: 10, variant: 1, order: 1 }, { from: 5, to: bucketCount, variant: 0, order: 0 }], "allocation[1].from: is 5, but must be 10"],
    [[{ from: 0, to: bucketCount, variant: 2, order: 1 }], "allocation[0].variant: is 2, but must be a whole number from 0 to 1"],
    [[{ from: 0, to: bucketCount, variant: 1, order: 0.5 }], "allocation[0].order: is 0.5"],
    [[{ from: 0, to: 10, variant: 1, order: 3 }, { from: 10, to: bucketCount, variant: 1, order: 3 }], "allocation[1].order: is 3, but must differ"],
  ])("ranges %j", (ranges, message) => {
    expect(() => reweigh(ranges, [0, 1])).toThrow(message);
  });

  test("names", () => {
    expect(() => remap(initial(), ["a"], [])).toThrow("newNames: is empty");
    expect(() => remap(initial(), ["a"], ["b", "b"])).toThrow('newNames: "b" is given twice');
    expect(() => variantOf(initial(), bucketCount)).toThrow("bucket: 100000 is in no range");
  });
});
