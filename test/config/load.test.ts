import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { restartNeeded } from "../../src/config/compile-bootstrap.ts";
import type { Configuration } from "../../src/config/definition.ts";
import { loadConfiguration, loadDynamic } from "../../src/config/load.ts";
import { formatProblem } from "../../src/config/problem.ts";
import { defaultLimits } from "../../src/config/rollout-plan.ts";
import { defaultProxyLimits } from "../../src/config/settings.ts";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ebbgate-load-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const dynamic = { routes: [{ name: "shop", variants: [{ name: "v1", endpoints: ["http://127.0.0.1:3001"] }] }] };
const bootstrap = { listeners: [{ address: "127.0.0.1:8080" }], dynamic };

async function write(name: string, document: unknown): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, typeof document === "string" ? document : JSON.stringify(document));
  return path;
}

async function load(document: unknown, environment: Record<string, string> = {}): Promise<Configuration> {
  const loaded = await loadConfiguration(await write("ebbgate.yaml", document), environment);
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join("\n"));
  return loaded.value;
}

async function problems(document: unknown): Promise<string[]> {
  const loaded = await loadConfiguration(await write("ebbgate.yaml", document), {});
  return loaded.ok ? [] : loaded.problems.map((problem) => formatProblem({ ...problem, file: problem.file.slice(directory.length + 1) }));
}

describe("a good configuration", () => {
  test("the least of it has every default filled in", async () => {
    const { bootstrap: settings, dynamic: compiled, files } = await load(bootstrap);
    expect(settings).toMatchObject({
      proxy: { listeners: [{ name: "http", host: "127.0.0.1", port: 8080, trustedPeers: [] }], limits: defaultProxyLimits, accessLog: { enabled: false, sample: 1 } },
      admin: { host: "127.0.0.1", port: 9901 },
      threads: 1,
      store: { type: "file", directory: join(directory, ".ebbgate") },
      identity: { region: null, zone: null },
      logLevel: "info",
    });
    expect(settings.proxy.viaName).toMatch(/^ebbgate-[0-9a-f]{12}$/);
    expect(compiled.routes).toMatchObject([
      {
        name: "shop",
        match: { hosts: [], path: { kind: "prefix", value: "/" }, methods: [], headers: [] },
        cohort: { mode: "random", sources: [], salt: "shop", sticky: null },
        fallback: true,
        rollouts: [],
        timeouts: { connectMs: 2_000, firstByteMs: 30_000, idleMs: 60_000, totalMs: 0, pendingMs: 1_000, tunnelIdleMs: 3_600_000 },
      },
    ]);
    expect(files).toEqual([join(directory, "ebbgate.yaml")]);
  });

  test("a rollout's plan has every default filled in, and names its units", async () => {
    const variants = [
      { name: "v2", endpoints: ["http://127.0.0.1:3002"] },
      { name: "v1", baseline: true, endpoints: ["http://127.0.0.1:3001"] },
    ];
    const { dynamic: compiled } = await load({ ...bootstrap, dynamic: { routes: [{ name: "shop", variants, rollout: { candidate: "v2", steps: [5, { weight: 100, dwell: "30s" }] } }] } });
    const [route] = compiled.routes;
    expect(route!.variants.map(({ name, weight }) => [name, weight])).toEqual([
      ["v1", null],
      ["v2", null],
    ]);
    expect(route!.rollouts[0]).toEqual({
      name: "shop",
      route: "shop",
      baseline: "v1",
      candidate: "v2",
      revision: route!.variants[1]!.revision,
      steps: [
        { weight: 5, dwellMs: 60_000, minRequests: 100, approval: false, evidence: true, early: false, probes: 0, mirrored: false, externalGates: [] },
        { weight: 100, dwellMs: 30_000, minRequests: 100, approval: false, evidence: false, early: false, probes: 0, mirrored: false, externalGates: [] },
      ],
      limits: defaultLimits,
      bakeMs: 600_000,
      exposureBudget: null,
      paused: false,
      breaker: { action: "probe" },
      alpha: 0.01,
      strategy: "canary",
      inconclusive: null,
      freeze: [],
      cooldown: { firstMs: 60_000, maxMs: 3_600_000 },
      regions: [],
      group: null,
      playbook: [],
      sampleRatio: true,
      probes: null,
    });
  });

  test("a limit written with only its metric and quantile is the default limit", async () => {
    const variants = ["v1", "v2"].map((name) => ({ name, endpoints: ["http://127.0.0.1:3001"] }));
    const limits = [{ metric: "errorRate" }, ...["location", "p95", "p99", "2xp99"].map((quantile) => ({ metric: "latency", quantile }))];
    const { dynamic: compiled } = await load({ ...bootstrap, dynamic: { routes: [{ name: "shop", variants, rollout: { candidate: "v2", steps: [100], limits } }] } });
    expect(compiled.routes[0]!.rollouts[0]!.limits).toEqual(defaultLimits);
  });

  test("the hash is the same for the same meaning, and another one for another", async () => {
    const first = await load(bootstrap);
    const yaml = "# a comment\ndynamic:\n  routes:\n  - variants: [{endpoints: [http://127.0.0.1:3001], name: v1, baseline: true}]\n    name: shop\nlisteners: [{address: '127.0.0.1:8080'}]\n";
    expect((await load(yaml)).dynamic).toEqual(first.dynamic);
    expect((await load(yaml.replace("3001", "3002"))).dynamic.hash).not.toBe(first.dynamic.hash);
  });

  test("a candidate without a revision gets one that changes with its endpoints", async () => {
    const revision = (loaded: Configuration): string => loaded.dynamic.routes[0]!.variants[0]!.revision;
    const yaml = JSON.stringify(bootstrap);
    expect(revision(await load(yaml))).toBe(revision(await load(yaml)));
    expect(revision(await load(yaml.replace("3001", "3002")))).not.toBe(revision(await load(yaml)));
  });

  test("the dynamic document may be a file of its own, found beside the bootstrap document", async () => {
    await write("routes.json", dynamic);
    const loaded = await load({ ...bootstrap, dynamic: "routes.json" });
    expect(loaded.dynamic.hash).toBe((await load(bootstrap)).dynamic.hash);
    expect((await load({ ...bootstrap, dynamic: "./routes.json" })).files).toEqual([join(directory, "ebbgate.yaml"), join(directory, "routes.json")]);
    const alone = await loadDynamic(join(directory, "routes.json"), {});
    expect(alone).toEqual({ ok: true, value: loaded.dynamic });
  });
});

describe("a refused configuration", () => {
  test("errors of both documents come in one go, each with its own file", async () => {
    await write("routes.yaml", "routes:\n  - nam: shop\n");
    expect(await problems("listeners: []\nthread: 2\ndynamic: routes.yaml\n")).toEqual([
      "ebbgate.yaml:1:12: listeners: needs at least 1 entry (got []). Add one, or remove the key.",
      "ebbgate.yaml:2:1: thread: is not a known key. Did you mean 'threads'? Otherwise remove it.",
      "routes.yaml:2:5: routes[0].name: is missing. Write letters, digits, '.', '_' and '-', beginning and ending with a letter or digit.",
      "routes.yaml:2:5: routes[0].variants: is missing. Write a list, as [a, b] or one '- ' line for each.",
      "routes.yaml:2:5: routes[0].nam: is not a known key. Did you mean 'name'? Otherwise remove it.",
    ]);
  });

  test("a dynamic file that is not there says so", async () => {
    expect(await problems({ ...bootstrap, dynamic: "nowhere.yaml" })).toEqual(["nowhere.yaml: does not exist. Check the path."]);
  });

  test("a bootstrap document without dynamic says what to write", async () => {
    expect(await problems({ listeners: bootstrap.listeners })).toEqual(["ebbgate.yaml:1:1: dynamic: is missing. Write the path of the dynamic document, or the document itself."]);
  });

  test("an admin address off loopback needs an explicit word", async () => {
    expect((await problems({ ...bootstrap, admin: { address: "0.0.0.0:9901" } }))[0]).toContain("allowRemoteWithoutTls: true");
    expect(await problems({ ...bootstrap, admin: { address: "0.0.0.0:9901", allowRemoteWithoutTls: true } })).toEqual([]);
  });

  test("an admin address off loopback needs TLS, and with it somebody to be told from others", async () => {
    const tls = { certificate: "cert.pem", key: "key.pem" };
    const of = (admin: object): Promise<string[]> => problems({ ...bootstrap, admin: { address: "0.0.0.0:9901", ...admin } });
    expect((await of({ tls }))[0]).toContain("nobody could be told from anybody");
    expect(await of({ tls, tokens: "tokens" })).toEqual([]);
    expect((await of({ tokens: "tokens" }))[0]).toContain("there is no admin.tls");
    const role = { name: "alice", role: "operator" };
    expect(await of({ tls: { ...tls, clientCa: "ca.pem", clientRoles: [{ ...role, subject: "CN=alice,O=Shop" }] } })).toEqual([]);
    expect((await of({ tls: { ...tls, clientRoles: [{ ...role, subject: "CN=alice" }] } }))[0]).toContain("stands without clientCa");
    expect((await of({ tokens: "t", tls: { ...tls, clientCa: "ca.pem", clientRoles: [role] } }))[0]).toContain("Write fingerprint or subject");
    expect((await of({ tokens: "t", tls: { ...tls, clientCa: "ca.pem", clientRoles: [{ ...role, fingerprint: "AB:CD" }] } }))[0]).toContain("is not a SHA-256 fingerprint");
    expect((await of({ tokens: "t", tls: { ...tls, clientCa: "ca.pem", clientRoles: [{ ...role, role: "amdin", subject: "CN=a" }] } }))[0]).toContain("Did you mean 'admin'");
    expect((await of({ tokens: "t", tls: { ...tls, clientCa: "ca.pem", clientRoles: [{ ...role, name: "a b", subject: "CN=a" }] } }))[0]).toContain("as alice or ci@shop.example");
  });

  test("addresses that take one another's port are refused", async () => {
    const listeners = [{ name: "a", address: "127.0.0.1:8080" }, { name: "b", address: "0.0.0.0:8080" }, { name: "c", address: "127.0.0.1:0" }, { name: "d", address: "127.0.0.1:0" }];
    expect(await problems({ ...bootstrap, listeners, admin: { address: "127.0.0.1:8080" } })).toEqual([
      expect.stringContaining("listeners[1].address: is taken by listener 'a'"),
      expect.stringContaining("admin.address: is taken by listener 'a'"),
    ]);
  });

  test.each([
    ["a listener", "http://localhost:8080", "is listener 'http' of this sidecar"],
    ["the admin API", "http://127.0.0.1:9901", "is the admin API of this sidecar"],
  ])("an endpoint that is %s of this very sidecar is refused", async (_, endpoint, says) => {
    const routes = [{ name: "shop", variants: [{ name: "v1", endpoints: [endpoint] }] }];
    expect((await problems({ ...bootstrap, dynamic: { routes } }))[0]).toContain(says);
  });
});

test("a change of the bootstrap document names what needs a restart, and dynamic never does", async () => {
  const before = (await load(bootstrap)).bootstrap;
  const changed = { ...bootstrap, listeners: [{ address: "127.0.0.1:8081" }], threads: 2, log: { level: "warn", access: { enabled: true } }, limits: { headersMax: 64 } };
  expect(restartNeeded(before, (await load(changed)).bootstrap).toSorted()).toEqual(["limits", "listeners", "log.access", "log.level", "threads"]);
  expect(restartNeeded(before, (await load({ ...bootstrap, dynamic: { routes: [{ ...dynamic.routes[0], name: "other" }] } })).bootstrap)).toEqual([]);
});
