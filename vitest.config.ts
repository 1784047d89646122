import { defineConfig } from "vitest/config";
import { compileCache } from "./test/support/compile-cache.ts";
import { LongestFirst } from "./test/support/longest-first.ts";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/obtain-redis.ts", "test/support/build.ts"],
    env: { NODE_COMPILE_CACHE: compileCache },
    // Tests start real processes, threads and sockets, and wait for them: three files at once keep two cores busy.
    pool: "forks",
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
