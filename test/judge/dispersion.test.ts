import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/core/random.ts";
import { DispersionBook, type BlockCounts } from "../../src/judge/dispersion.ts";
import { median, poisson } from "./simulation.ts";

const shards = { errors: 128, latency: 32, endpoints: 8 };

interface Block extends BlockCounts {
  errors: Float64Array;
  endpointErrors: Float64Array;
}

/** Ten seconds of a service with even traffic and no errors. */
function quiet(random: () => number): Block {
  const classed = new Float64Array(32).fill(150);
  const classSum = classed.map((n) => n * 7.5 + Math.sqrt(n * 21.25) * (random() + random() + random() - 1.5) * 2);
  return {
    errors: new Float64Array(128), classed, classSum, classSquares: 4_800 * (21.25 + 7.5 ** 2), slow: classed.map(() => poisson(1.5, random)),
    endpointErrors: new Float64Array(16), endpointClassed: new Float64Array(16).fill(600, 0, shards.endpoints),
    endpointClassSum: new Float64Array(16).fill(600 * 7.5, 0, shards.endpoints), endpointSlow: new Float64Array(16).fill(6, 0, shards.endpoints),
  };
}

const at = (random: () => number, n: number): number => Math.floor(random() * n);

function after(blocks: number, seed: number, fill: (block: Block, random: () => number) => void): DispersionBook {
  const random = seededRandom(seed);
  const book = new DispersionBook();
  for (let i = 0; i < blocks; i++) {
    const block = quiet(random);
    fill(block, random);
    book.add(block);
  }
  return book;
}

const seeds = Array.from({ length: 40 }, (_, i) => i + 1);

describe("the overdispersion", () => {
  test("is 2 while nothing is known", () => {
    expect(new DispersionBook().at(0.05)).toEqual({ errors: 2, location: 2, tails: 2, rho: 1 });
  });

  test.each([0.01, 0.05, 0.5])("of independent errors comes down to nearly 1 (weight %d)", (weight) => {
    const phis = seeds.map((seed) => after(60, seed, (block, random) => {
      for (let i = poisson(40, random); i > 0; i--) {
        block.errors[at(random, 128)]!++;
        block.endpointErrors[at(random, shards.endpoints)]!++;
      }
    }).at(weight));
    expect(median(phis.map((phi) => phi.errors))).toBeLessThan(1.1);
    expect(median(phis.map((phi) => phi.location))).toBeLessThan(1.2);
    expect(median(phis.map((phi) => phi.tails))).toBeLessThan(1.1);
  });

  test("of errors that come ten at a time from one shard is about ten", () => {
    const phis = seeds.map((seed) => after(60, seed, (block, random) => {
      for (let i = poisson(4, random); i > 0; i--) block.errors[at(random, 128)]! += 10;
    }).at(0.05).errors);
    expect(median(phis)).toBeGreaterThan(6);
    expect(median(phis)).toBeLessThan(14);
  });

  test("sees an endpoint that fails by itself, although its errors are spread over all clients", () => {
    const book = after(60, 3, (block, random) => {
      const endpoint = at(random, shards.endpoints);
      for (let i = 0; i < 30; i++) {
        block.errors[at(random, 128)]!++;
        block.endpointErrors[endpoint]!++;
      }
    });
    expect(book.at(0.05).errors).toBeGreaterThan(10);
  });
});

describe("sticky assignment", () => {
  const uneven = (seed: number, sigma: number): DispersionBook => {
    const random = seededRandom(seed);
    const rates = Array.from({ length: 128 }, () => Math.exp(sigma * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())));
    return after(180, seed, (block, next) => rates.forEach((rate, shard) => (block.errors[shard] = poisson(rate / 2, next))));
  };

  test("of even clients leaves rho within the default limit of 1.1", () => {
    expect(median(seeds.map((seed) => uneven(seed, 0).at(0.05).rho))).toBeLessThan(1.1);
  });

  test("of uneven clients widens rho, and less so at a larger weight", () => {
    for (const seed of seeds.slice(0, 10)) {
      const book = uneven(seed, 1);
      expect(book.at(0.05).rho).toBeGreaterThan(1.15);
      expect(book.at(0.5).rho).toBeLessThan(book.at(0.05).rho);
    }
  });
});

test("no history, however strange, makes phi or rho anything but a finite number of at least 1", () => {
  const cell = fc.oneof(fc.constantFrom(0, 1, 2 ** 31), fc.integer({ min: 0, max: 2 ** 31 }));
  const cells = (n: number) => fc.array(cell, { minLength: n, maxLength: n });
  const block = fc.record({
    errors: cells(128), classed: cells(32), classSum: cells(32), classSquares: cell, slow: cells(32),
    endpointErrors: cells(16), endpointClassed: cells(16), endpointClassSum: cells(16), endpointSlow: cells(16),
  });
  fc.assert(
    fc.property(fc.array(block, { maxLength: 4 }), fc.double({ min: 0, max: 1, noNaN: true }), (blocks, weight) => {
      const book = new DispersionBook();
      for (const each of blocks) book.add(each);
      expect(Object.values(book.at(weight)).every((value: number) => Number.isFinite(value) && value >= 1)).toBe(true);
    }),
    { numRuns: 60 },
  );
});
