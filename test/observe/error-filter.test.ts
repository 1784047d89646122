import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/core/random.ts";
import { clientsPerSeriesMax, counted, dedupSeconds, ErrorFilter } from "../../src/observe/error-filter.ts";

const both = counted.first + counted.spread;

describe("a client's errors", () => {
  test("count once in 10 s, and again after that, so that a route with few clients is not mute", () => {
    const filter = new ErrorFilter();
    expect(filter.count(7, -1, 100)).toBe(both);
    for (let second = 100; second < 100 + dedupSeconds; second++) expect(filter.count(7, -1, second)).toBe(0);
    expect(filter.count(7, -1, 100 + dedupSeconds)).toBe(both);
  });

  test("all count where nobody knows the client", () => {
    const filter = new ErrorFilter();
    for (let i = 0; i < 100; i++) expect(filter.count(-1, -1, 5)).toBe(both);
  });

  test("are never left out for another client's", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 0xffff_ffff }), { maxLength: 500 }), (clients) => {
        const filter = new ErrorFilter();
        expect(clients.every((client) => filter.count(client, -1, 9) === both)).toBe(true);
      }),
    );
  });

  test("are hardly ever counted twice among as many clients as a busy second has, in bounded memory", () => {
    const filter = new ErrorFilter();
    const random = seededRandom(1);
    const clients = Array.from({ length: clientsPerSeriesMax / 4 }, () => Math.floor(random() * 0x1_0000_0000));
    for (const client of clients) filter.count(client, -1, 3);
    const twice = clients.filter((client) => filter.count(client, -1, 4) !== 0).length;
    expect(twice).toBeLessThan(clients.length / 50);
  });
});

describe("one endpoint of several", () => {
  const endpoints = 4;
  const known = (filter: ErrorFilter): void => {
    for (let i = 0; i < endpoints; i++) filter.seen(i, 0);
  };
  const spreadOf = (filter: ErrorFilter, endpoint: number): boolean => (filter.count(-1, endpoint, 5) & counted.spread) !== 0;

  test("is not the version: what it fails alone hardly counts", () => {
    const filter = new ErrorFilter();
    known(filter);
    const counts = Array.from({ length: 200 }, () => spreadOf(filter, 2)).filter(Boolean).length;
    expect(counts).toBe(1);
  });

  test("counts in full while the others fail alike", () => {
    const filter = new ErrorFilter();
    known(filter);
    const counts = Array.from({ length: 400 }, (_, i) => spreadOf(filter, i % endpoints)).filter(Boolean).length;
    expect(counts).toBe(400);
  });

  test("counts in full where there is no other", () => {
    const filter = new ErrorFilter();
    filter.seen(0, 0);
    expect(Array.from({ length: 50 }, () => spreadOf(filter, 0)).every(Boolean)).toBe(true);
  });

  test("starts over 10 s after its first error", () => {
    const filter = new ErrorFilter();
    known(filter);
    for (let i = 0; i < 50; i++) filter.count(-1, 1, 5);
    expect(filter.count(-1, 1, 14)).toBe(counted.first);
    expect(filter.count(-1, 1, 15)).toBe(both);
  });
});
