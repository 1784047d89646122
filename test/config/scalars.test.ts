import fc from "fast-check";
import { expect, test } from "vitest";
import { nearest } from "../../src/config/nearest.ts";
import { parseAddress, parseEndpoint, parsePath, parsePeer } from "../../src/config/notation.ts";
import { duration, flag, integer, Refusal, share, weight } from "../../src/config/scalars.ts";
import { formatDuration } from "../../src/core/duration.ts";

test("a duration means its milliseconds, in every unit and combined", () => {
  const read = (written: unknown): number => duration().parse(written);
  expect(["250ms", "1.5s", "1m30s", "2h", "1d", 0, "0s"].map(read)).toEqual([250, 1_500, 90_000, 7_200_000, 86_400_000, 0, 0]);
  for (const bad of ["30", 30, "1 s", "-1s", "1S", "s", "", "1s1", null, "1e3s", "Infinityms"]) expect(duration().safeParse(bad).success).toBe(false);
});

test("what formatDuration writes, the document reads as the same time", () => {
  fc.assert(
    fc.property(fc.nat({ max: 86_400_000 }), (ms) => {
      expect(duration().parse(formatDuration(ms))).toBe(ms);
    }),
  );
});

test("a weight is exact in its grain, whatever floating point makes of it", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 100_000 }), (grains) => {
      expect(weight.parse(grains / 1000) * 1000).toBeCloseTo(grains, 6);
      expect(weight.parse(String(grains / 1000) + "%")).toBe(grains / 1000);
    }),
  );
  for (const bad of [-1, 100.001, 0.0001, Number.NaN, "x", true, null, [1]]) expect(weight.safeParse(bad).success).toBe(false);
});

test("a share has its percent sign, and no digits are lost", () => {
  expect(["0.05%", "10%", "100%"].map((written) => share().parse(written))).toEqual([0.0005, 0.1, 1]);
  for (const bad of [0.05, 1, "5", "101%", "-1%"]) expect(share().safeParse(bad).success).toBe(false);
});

test("numbers and booleans may be quoted, as JSON needs it for what comes from the environment", () => {
  expect(integer({ min: 1, max: 9 }).parse("2")).toBe(2);
  expect(flag.parse("true")).toBe(true);
  for (const bad of ["", " 2", "2.5", "0x2", "two"]) expect(integer({ min: 1, max: 9 }).safeParse(bad).success).toBe(false);
  for (const bad of ["yes", 1, "TRUE"]) expect(flag.safeParse(bad).success).toBe(false);
});

test("an endpoint's id is the same for every spelling of its address", () => {
  expect(parseEndpoint("http://Shop.Example:80/")).toEqual({ id: "http://shop.example:80", kind: "tcp", host: "shop.example", port: 80 });
  expect(parseEndpoint("http://shop.example")).toEqual(parseEndpoint("http://shop.example:80"));
  expect(parseEndpoint("http://[::1]:3001")).toEqual({ id: "http://[::1]:3001", kind: "tcp", host: "::1", port: 3001 });
  expect(parseEndpoint("unix:/run/app.sock")).toEqual({ id: "unix:/run/app.sock", kind: "unix", path: "/run/app.sock" });
});

test.each(["", "127.0.0.1", "localhost:1", ":8080", "[::1]", "::1:80", "1.2.3:80", "[127.0.0.1]:80", "127.0.0.1:65536", "[fe80::1%eth0]:80", 8080, null])(
  "%j is not an address to listen on",
  (written) => expect(parseAddress(written)).toBeInstanceOf(Refusal),
);

test.each(["", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0/8", "10.0.0.0/8/8", "a/8", "10.0.0.0/-1", "fe80::%1/64", 10])(
  "%j is not a CIDR block",
  (written) => expect(parsePeer(written)).toBeInstanceOf(Refusal),
);

test("no text makes a notation throw, and an accepted path never holds a second spelling of itself", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."/.%2eEfF5cC\\?#a:@[]-1 \u0000".split("")) }), (written) => {
      for (const parse of [parseAddress, parsePeer, parseEndpoint]) parse(written);
      const path = parsePath(written);
      if (!(path instanceof Refusal)) expect(new URL(path, "http://h").pathname).toBe(path);
    }),
    { numRuns: 2_000 },
  );
});

test("did you mean: a slip of the hand finds its word, another word finds none", () => {
  const keys = ["listeners", "admin", "threads", "firstByte", "dwell"];
  expect(["listener", "adress", "Threads", "firstByteTimeout", "dewll"].map((word) => nearest(word, keys))).toEqual(["listeners", undefined, "threads", "firstByte", "dwell"]);
});
