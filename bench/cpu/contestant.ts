import type { Running } from "../processes.ts";
import type { Upstreams } from "./upstreams.ts";

/** Ten in a hundred users go to the candidate, by the hash of this header. */
export const splitPercent = 10;
export const cohortHeader = "x-user";

/** What a contestant is started with. */
export interface Setup {
  readonly upstreams: Upstreams;
  readonly port: number;
  /** For a contestant that wants a second one. */
  readonly adminPort: number;
  /** For configuration files; goes when the benchmark goes. */
  readonly directory: string;
  /** The core that the proxy has to itself, or null where there is only one. */
  readonly core: number | null;
}

/** A proxy that takes part: one worker or thread, keep-alive on both sides, access log off, the same split. */
export interface Contestant {
  readonly name: string;
  /** How the split is made, for the report: by cohort header, or per request. */
  readonly split: "cohort" | "random";
  /** @returns its version, or null where it is not installed */
  version(): string | null;
  start(setup: Setup): Running;
  /** Resolves when the split is in force, where that comes later than the first accepted connection. */
  ready?(setup: Setup): Promise<void>;
}
