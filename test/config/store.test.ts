import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { StoreSettings } from "../../src/config/definition.ts";
import { loadConfiguration } from "../../src/config/load.ts";
import { formatProblem } from "../../src/config/problem.ts";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ebbgate-store-config-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const routes = [{ name: "shop", variants: [{ name: "v1", endpoints: ["http://127.0.0.1:3001"] }] }];
const environment = { REDIS_PASSWORD: "correct horse" };

async function load(store: object): Promise<StoreSettings | string[]> {
  const path = join(directory, "ebbgate.yaml");
  await writeFile(path, JSON.stringify({ listeners: [{ address: "127.0.0.1:8080" }], store: { type: "redis", ...store }, dynamic: { routes } }));
  const loaded = await loadConfiguration(path, environment);
  return loaded.ok ? loaded.value.bootstrap.store : loaded.problems.map((problem) => formatProblem({ ...problem, file: "" }).replace(/^:\d+:\d+: /, ""));
}

test("the least that a Redis needs is its address", async () => {
  expect(await load({ address: "redis.internal:6379" })).toEqual({
    type: "redis", namespace: "default", servers: { kind: "single", address: { host: "redis.internal", port: 6379 } }, username: null, password: null,
    database: 0, tls: null, commandTimeoutMs: 1_000, replicas: 0, cacheDirectory: join(directory, ".ebbgate"), audit: { recordsMax: 10_000, directory: join(directory, ".ebbgate/audit") },
  });
});

test("Sentinel, Cluster, TLS and a user of an ACL can be written", async () => {
  const password = "${REDIS_PASSWORD}";
  expect(await load({ sentinel: { addresses: ["[::1]:26379"], master: "ebb", username: "s", password }, username: "u", password, tls: { ca: "ca.pem" } })).toMatchObject({
    servers: { kind: "sentinel", sentinels: [{ host: "::1", port: 26379 }], master: "ebb", username: "s", password: "correct horse" },
    username: "u", password: "correct horse", tls: { ca: join(directory, "ca.pem"), certificate: null, key: null, serverName: null }, replicas: 1,
  });
  expect(await load({ cluster: ["10.0.0.1:6379", "10.0.0.2:6379"], namespace: "shop", commandTimeout: "300ms" })).toMatchObject({
    servers: { kind: "cluster", nodes: [{ host: "10.0.0.1" }, { host: "10.0.0.2" }] }, namespace: "shop", commandTimeoutMs: 300,
  });
});

describe("what is wrong is said with what to write instead", () => {
  test.each<[object, string]>([
    [{}, "store: does not say where Redis is. Write address: host:port, or sentinel, or cluster."],
    [{ address: "a:1", cluster: ["b:2"] }, "store.cluster: stands beside address. Keep one of address, sentinel and cluster."],
    [{ address: "redis://u:secret@host:6379" }, 'store.address: is a URL (got "redis://...@host:6379"). Write a host and a port, as redis.internal:6379 or [fd00::7]:6379; user, password, database and tls have keys of their own.'],
    [{ address: "host" }, 'store.address: is not a host with a port (got "host"). Write a host and a port, as redis.internal:6379 or [fd00::7]:6379.'],
    [{ cluster: ["a:1"], database: 2 }, "store.database: is not 0, but a cluster has no other (got 2). Leave it out."],
    [{ address: "a:1", username: "u" }, 'store.username: has no password (got "u"). Add password: ${NAME}.'],
    [{ address: "a:1", tls: { key: "k" } }, "store.tls: has only one of certificate and key. Give both, or neither where the server asks for no certificate."],
    [{ address: "a:1", adress: "b" }, "store.adress: is not a known key. Did you mean 'address'? Otherwise remove it."],
    [{ address: "a:1", namespace: "{x}" }, "store.namespace: is malformed (got \"{x}\"). Write letters, digits, '.', '_' and '-', beginning and ending with a letter or digit."],
  ])("%j", async (store, message) => {
    expect(await load(store)).toContain(message);
  });

  test("a password never stands in a message, even where it is malformed", async () => {
    const said = JSON.stringify([await load({ address: "a:1", password: "hunter2\n" }), await load({ address: "a:1", password: 12345678 }), await load({ sentinel: { addresses: ["a:1"], master: "m", password: "swordfish\n" } })]);
    expect(said).toContain("password");
    expect(said).not.toMatch(/hunter2|12345678|swordfish/);
  });
});
