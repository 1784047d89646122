import { parseArgs } from "node:util";

export interface CpuOptions {
  readonly json: boolean;
  /** Per contestant and round. */
  readonly seconds: number;
  readonly rounds: number;
  /** Names of contestants; empty: all. */
  readonly only: readonly string[];
  readonly load: "wrk" | "autocannon" | null;
}

/** @throws {Error} naming the option, its value and what it takes */
export function parseCpuOptions(argv: readonly string[]): CpuOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      json: { type: "boolean", default: false },
      seconds: { type: "string", default: "4" },
      rounds: { type: "string", default: "3" },
      only: { type: "string", default: "" },
      load: { type: "string" },
    },
  });
  const { load } = values;
  if (load !== undefined && load !== "wrk" && load !== "autocannon") throw new Error(`--load is '${load}'; give wrk or autocannon`);
  return {
    json: values.json,
    seconds: wholeNumber("seconds", values.seconds, 600),
    rounds: wholeNumber("rounds", values.rounds, 100),
    only: values.only.split(",").filter((name) => name !== ""),
    load: load ?? null,
  };
}

/** @throws {Error} when the text is no whole number from 1 to max */
export function wholeNumber(option: string, text: string, max: number): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) < 1 || Number(text) > max) {
    throw new Error(`--${option} is '${text}'; give a whole number from 1 to ${max}`);
  }
  return Number(text);
}
