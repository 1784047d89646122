import type { RedisSettings } from "../../src/config/definition.ts";

export const redisSettings = (port: number): RedisSettings => ({
  type: "redis", namespace: "default", servers: { kind: "single", address: { host: "127.0.0.1", port } }, username: null, password: null, database: 0, tls: null,
  commandTimeoutMs: 5_000, replicas: 0, cacheDirectory: "/nonexistent", audit: { recordsMax: 10_000, directory: "/nonexistent" },
});
