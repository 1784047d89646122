import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/support/obtain-redis.ts",
    // Hundreds of processes of ours start: what the first one compiled, the others load. Keyed by content, and never stale.
    env: { NODE_COMPILE_CACHE: join(tmpdir(), "ebbgate-test-compile-cache") },
    // Tests start real processes, threads and sockets, and wait for them: three files at once keep two cores busy.
    pool: "forks",
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
