/** Gates of real sidecars: killed by one command, explained as routed, and gone without a trace. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ebbgate, Fleet } from "../support/fleet.ts";
import { hasRedis, RedisServer, until } from "../support/redis.ts";
import { type SidecarProcess, Workplace } from "../support/sidecar.ts";

/** Real processes start and stop in each test, on a machine that others use as well. */
vi.setConfig({ testTimeout: 90_000 });

let fleet: Fleet;
let v1 = "";
let v2 = "";
beforeEach(async () => {
  fleet = new Fleet();
  [v1, v2] = [await fleet.service("v1"), await fleet.service("v2")];
});
afterEach(() => fleet.clear());

const gate = { name: "new-checkout", route: "shop", variant: "v2", owner: "o", description: "d", ticket: "t", created: "2026-11-01", sunset: "2027-02-01", criteria: "c" };
const documentOf = (rules: readonly object[], weight = 100): object => ({
  routes: [{ name: "shop", cohort: { key: ["header:x-user"] }, variants: [{ name: "v1", endpoints: [v1] }, { name: "v2", endpoints: [v2], weight }] }],
  gates: [{ ...gate, rules }],
});
const ask = async (sidecar: SidecarProcess, headers: Record<string, string> = {}): Promise<string> => (await fetch(sidecar.proxy, { headers: { "x-user": "u1", ...headers } })).text();
const serves = (sidecar: SidecarProcess, variant: string): Promise<void> => until(async () => (await ask(sidecar)) === variant);

describe("of a sidecar by itself", () => {
  let place: Workplace;
  beforeEach(() => (place = new Workplace()));
  afterEach(() => place.clear());
  const write = (dynamic: object): void => place.writeText(JSON.stringify({ listeners: [{ address: "127.0.0.1:0" }], admin: { address: "127.0.0.1:0" }, store: { type: "file", directory: "data" }, dynamic }));
  const run = (...argv: string[]) => ebbgate(place.directory, "gates", ...argv, "--config", "ebbgate.json");
  const documents = (): string[] => readdirSync(join(place.directory, "data", "documents")).filter((name) => name.endsWith(".json")).map((name) => decodeURIComponent(name.slice(0, -5)));

  it("one command closes a gate and opens it again, beside the running sidecar, over a restart, and in the audit log", async () => {
    write(documentOf([]));
    let sidecar = await place.start();
    expect(await ask(sidecar)).toBe("v2");
    expect(await run("kill", "new-checkout", "--reason", "orders are lost")).toMatchObject({ code: 0, stdout: "gate new-checkout is killed: nobody is given v2 on route shop; the sidecar has taken it\n" });
    await serves(sidecar, "v1");
    expect(await run("kill", "new-checkout", "--reason", "again")).toMatchObject({ code: 0, stdout: expect.stringContaining("killed already") as string });
    const metrics = await (await fetch(`${sidecar.admin}/metrics`)).text();
    expect(metrics).toMatch(/^ebbgate_gate_open\{route="shop",variant="v2"\} 0$/m);

    await sidecar.stop();
    sidecar = await place.start();
    expect(await ask(sidecar)).toBe("v1");
    expect(await run("revive", "new-checkout", "--reason", "fixed")).toMatchObject({ code: 0 });
    await serves(sidecar, "v2");
    await sidecar.stop();
    const { stdout } = await ebbgate(place.directory, "audit", "list", "--config", "ebbgate.json");
    expect(stdout).toMatch(/killed by \S+: orders are lost\n/);
    expect(stdout).toMatch(/revived by \S+: fixed\n/);
    expect(await ebbgate(place.directory, "audit", "verify", "--config", "ebbgate.json")).toMatchObject({ code: 0 });
  });

  it("a kill where no sidecar runs counts from its start", async () => {
    write(documentOf([]));
    expect(await run("kill", "new-checkout", "--reason", "orders are lost")).toMatchObject({ code: 0, stdout: expect.stringContaining("no sidecar is running here") as string });
    const sidecar = await place.start();
    expect(await ask(sidecar)).toBe("v1");
    await sidecar.stop();
  });

  it("is explained as it is routed", async () => {
    write(documentOf([{ name: "staff", effect: "allow", when: { headers: [{ name: "x-staff" }] } }, { name: "bots", effect: "deny", when: { cookies: [{ name: "bot", value: "1" }] } }], 40));
    const sidecar = await place.start();
    const cases = [[], ["--header", "x-staff: 1"], ["--cookie", "bot=1"]];
    for (const user of ["u1", "u2", "u3", "u4", "u5", "u6"]) {
      for (const options of cases) {
        const headers: Record<string, string> = options[0] === "--header" ? { "x-staff": "1" } : options[0] === "--cookie" ? { cookie: "bot=1" } : {};
        const told = await run("explain", "new-checkout", "--json", "--header", `x-user: ${user}`, ...options);
        expect(JSON.parse(told.stdout)).toMatchObject({ variant: await ask(sidecar, { "x-user": user, ...headers }) });
      }
    }
    const { stdout } = await run("explain", "new-checkout", "--header", "x-staff: 1");
    expect(stdout).toContain("reason   allowed: rule 'staff' of gate 'new-checkout' gives v2\n");
    await sidecar.stop();
  });

  it("that is retired leaves nothing behind", async () => {
    const without = { ...documentOf([]), gates: [] };
    write(without);
    let sidecar = await place.start();
    await sidecar.stop();
    const before = documents();
    write(documentOf([]));
    sidecar = await place.start();
    await ask(sidecar);
    await run("kill", "new-checkout", "--reason", "r");
    await until(async () => (await run("--json")).stdout.includes('"state":"hidden","since"'));
    expect(await run()).toMatchObject({ code: 0, stdout: expect.stringMatching(/^new-checkout +shop\/v2 +hidden \(killed by hand\)/m) as string });
    write(without);
    await sidecar.line(({ msg }) => msg === "The configuration is live.");
    await sidecar.stop();
    expect(await alive(place)).toEqual(before);
  });

  it("wrong use is told, with the documented code and a remedy", async () => {
    write(documentOf([]));
    expect(await run("kill", "nwe-checkout", "--reason", "r")).toMatchObject({ code: 1, stderr: "ebbgate gates: there is no gate 'nwe-checkout'; did you mean new-checkout?\n" });
    expect(await run("kill", "new-checkout")).toMatchObject({ code: 2, stderr: expect.stringContaining("needs --reason") as string });
    expect(await run("kil")).toMatchObject({ code: 2, stderr: expect.stringContaining("did you mean kill?") as string });
    expect(await run("explain")).toMatchObject({ code: 2, stderr: expect.stringContaining("needs the name of a gate") as string });
    expect(await run("explain", "new-checkout", "--header", "x-user")).toMatchObject({ code: 2, stderr: expect.stringContaining("--header is NAME:VALUE") as string });
    expect(await run("explain", "new-checkout", "--at", "tomorrow")).toMatchObject({ code: 2, stderr: expect.stringContaining("--at is a date") as string });
    expect(await run("explain", "new-checkout", "--path", "no-slash")).toMatchObject({ code: 2, stderr: expect.stringContaining("the proxy would refuse this request") as string });
  });
});

/** Keys whose documents are there: a removed one leaves its revision in a file. */
async function alive(place: Workplace): Promise<string[]> {
  const { FileStore } = await import("../../src/store/file-store.ts");
  const store = await FileStore.open({ directory: join(place.directory, "data") });
  const keys = await store.keys("");
  await store.close();
  return keys;
}

describe.runIf(hasRedis)("of a fleet", () => {
  let redis: RedisServer;
  beforeEach(async () => (redis = await RedisServer.start()));
  afterEach(() => redis.stop());

  it("one command closes a gate on every sidecar, and it stays closed without Redis, over restarts too", async () => {
    await redis.command("SET", "ebbgate:{shop}:config", JSON.stringify(documentOf([])));
    const places = ["a", "b", "c"].map((name) => fleet.place(name, redis.port));
    const sidecars = await Promise.all(places.map((place) => place.start()));
    for (const sidecar of sidecars) await serves(sidecar, "v2");
    const store = ["--store", `redis://127.0.0.1:${redis.port}`, "--namespace", "shop"];
    expect(await ebbgate(places[0]!.directory, "gates", "kill", "new-checkout", "--reason", "orders are lost", ...store)).toMatchObject({ code: 0, stdout: expect.stringContaining("every sidecar of this store follows at once") as string });
    await Promise.all(sidecars.map((sidecar) => sidecar.line(({ msg }) => msg.startsWith("Gate new-checkout is killed by"))));
    for (const sidecar of sidecars) await serves(sidecar, "v1");
    const { stdout } = await ebbgate(places[0]!.directory, "gates", "list", ...store);
    expect(stdout).toContain("hidden (killed by hand)");

    await redis.stop();
    await sidecars[2]!.stop();
    const again = await places[2]!.start();
    for (const sidecar of [sidecars[0]!, sidecars[1]!, again]) expect(await ask(sidecar)).toBe("v1");
    expect(await ebbgate(places[0]!.directory, "gates", "revive", "new-checkout", "--reason", "r", ...store)).toMatchObject({ code: 3 });
  });

  it("a killed candidate's rollout waits, and goes on with the same users when the gate is revived", async () => {
    const place = fleet.place("a", redis.port);
    const document = documentOf([]) as { routes: [{ variants: [object, { weight?: number }]; rollout?: object }] };
    delete document.routes[0].variants[1].weight;
    document.routes[0].rollout = { candidate: "v2", steps: [{ weight: 50, dwell: "1h" }, 100] };
    await redis.command("SET", "ebbgate:{shop}:config", JSON.stringify(document));
    const sidecar = await place.start();
    const users = Array.from({ length: 20 }, (_, i) => `u${i}`);
    const answers = async (): Promise<string[]> => Promise.all(users.map((user) => ask(sidecar, { "x-user": user })));
    await until(async () => (await answers()).includes("v2"));
    const before = await answers();
    const store = ["--store", `redis://127.0.0.1:${redis.port}`, "--namespace", "shop"];
    await ebbgate(place.directory, "gates", "kill", "new-checkout", "--reason", "r", ...store);
    await until(async () => (await sidecar.status()).rollouts[0]?.phase === "paused");
    expect(await answers()).toEqual(users.map(() => "v1"));
    await ebbgate(place.directory, "gates", "revive", "new-checkout", "--reason", "r", ...store);
    await until(async () => (await sidecar.status()).rollouts[0]?.phase === "progressing");
    expect(await answers()).toEqual(before);
    await sidecar.stop();
  });
});
