import { expect, test } from "vitest";
import { parseCpuOptions } from "../../bench/cpu/options.ts";
import { median, summarise, type Round } from "../../bench/cpu/report.ts";

const round = (cpuMicrosPerRequest: number): Round => ({ cpuMicrosPerRequest, requestsPerSecond: 10_000, p50Ms: 1, p99Ms: 2 });

test("the median of an even number of rounds lies between the middle two", () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([9, 1, 2])).toBe(2);
});

test("a ratio is Ebbgate's CPU over the peer's, from medians", () => {
  const { ratio, cpuMicrosPerRequest } = summarise(
    new Map([
      ["ebbgate", [round(18), round(90), round(20)]],
      ["nginx", [round(16), round(16), round(16)]],
    ]),
  );
  expect(ratio).toEqual({ nginx: 1.25 });
  expect(cpuMicrosPerRequest).toEqual({ ebbgate: 20, nginx: 16 });
});

test("without Ebbgate there is nothing to compare with", () => {
  expect(summarise(new Map([["nginx", [round(16)]]])).ratio).toEqual({});
});

test.each([
  ["--seconds", "0", /--seconds is '0'; give a whole number from 1 to 600/],
  ["--rounds", "many", /--rounds is 'many'/],
  ["--load", "hey", /--load is 'hey'; give wrk or autocannon/],
])("%s %s is refused with what it takes", (option, value, message) => {
  expect(() => parseCpuOptions([option, value])).toThrow(message);
});
