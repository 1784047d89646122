import { murmur3 } from "../../src/core/murmur3.ts";
import { cohortHeader, splitPercent } from "../cpu/contestant.ts";

/** A peer's arguments: the port that it listens on and the two upstreams. */
export const listenPort = Number(process.argv[2]);
export const baselineUrl = `http://127.0.0.1:${process.argv[3]}`;
export const candidateUrl = `http://127.0.0.1:${process.argv[4]}`;

/** The split that every Node peer makes: as cheap as Ebbgate's own hash. */
export function isCandidate(headers: NodeJS.Dict<string | string[]>): boolean {
  const user = headers[cohortHeader];
  return typeof user === "string" && murmur3(user) < (splitPercent / 100) * 2 ** 32;
}
