/** Commands that read a store, asked of a sidecar's admin API instead: as from an operator's own machine. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { ebbgate, type Ended } from "../support/command.ts";
import { FleetProcesses } from "../support/fleet-processes.ts";
import { hasRedis, RedisServer, until } from "../support/redis.ts";

// A busy machine starts a process in seconds.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

describe.skipIf(!hasRedis)("a fleet's document, log and reports over the admin API", () => {
  let redis: RedisServer;
  let fleet: FleetProcesses;
  let directory: string;
  let admin: string;
  beforeAll(async () => {
    redis = await RedisServer.start();
    fleet = await FleetProcesses.start({ size: 1, port: () => redis.port, rollout: null, shared: true });
    const [member] = fleet.members;
    directory = member!.place.directory;
    admin = member!.process!.admin;
    const variants = [{ name: "v1", endpoints: ["http://127.0.0.1:1"] }, { name: "v2", revision: "2.0.0", endpoints: ["http://127.0.0.1:1"] }];
    const said = { owner: "team", description: "d", ticket: "T-1", created: "2026-11-01", sunset: "2027-11-01", criteria: "c" };
    const gates = [{ name: "beta", route: "shop", variant: "v2", ...said, rules: [{ name: "insiders", effect: "allow", when: { headers: [{ name: "x-insider", value: "yes" }] } }] }];
    writeFileSync(join(directory, "routes.json"), JSON.stringify({ routes: [{ name: "shop", variants, rollout: { candidate: "v2", steps: [{ weight: 1, dwell: "1h" }, 100] } }], gates }));
    writeFileSync(join(directory, "bad.json"), JSON.stringify({ routes: [{ name: "shop", variant: [] }] }));
  });
  afterAll(async () => {
    await fleet.clear();
    await redis.stop();
  });
  const cli = (...args: string[]): Promise<Ended> => ebbgate([...args, "--admin", admin], { cwd: directory, env: { EBBGATE_USER: "ann" } });

  test("apply publishes, tells who has taken it, and refuses what is not good before anybody sees it", async () => {
    expect(await cli("apply", "-f", "routes.json", "--dry-run")).toEqual({ code: 0, out: "routes.json: good, and would be revision 1 or later\n", err: "" });
    expect(await cli("apply", "-f", "routes.json", "--reason", "first")).toEqual({ code: 0, out: "routes.json: published as revision 1\ntaken by 1 sidecar: s0\n", err: "" });
    const bad = await cli("apply", "-f", "bad.json");
    expect(bad).toMatchObject({ code: 1, out: "" });
    expect(bad.err).toContain("Did you mean 'variants'?");
    expect(bad.err).toContain("ebbgate apply: bad.json is refused; nothing was written\n");
    expect(await ebbgate(["apply", "-f", "routes.json", "--store", "redis://h", "--admin", admin], { cwd: directory })).toMatchObject({ code: 2, err: "ebbgate apply: --admin belongs to the admin API, and --store goes past it: give one of them\n" });
    // The environment says so too, where no store is named.
    expect(JSON.parse((await ebbgate(["apply", "-f", "routes.json", "--json"], { cwd: directory, env: { EBBGATE_ADMIN: admin } })).out)).toMatchObject({ revision: 2, published: true, answers: [{ instance: "s0", event: "taken" }] });
  });

  test("gates: listed, reviewed, explained, killed and revived as on the store itself", async () => {
    const onStore = (...args: string[]): Promise<Ended> => ebbgate(["gates", ...args, "-c", "ebbgate.json"], { cwd: directory });
    await until(async () => (await fleet.members[0]!.status()).rollouts[0]?.phase === "progressing");
    expect((await cli("gates")).out).toMatch(/^GATE +OPENS[^]*\nbeta +shop\/v2/);
    expect((await cli("gates", "report")).out).toContain("## beta");
    const asked = ["explain", "beta", "--header", "x-insider: yes"];
    const told = await cli("gates", ...asked);
    expect(told.out).toContain("reason   allowed: rule 'insiders' of gate 'beta' gives v2");
    expect(told).toEqual(await onStore(...asked));
    expect(await cli("gates", "kill", "bata", "--reason", "x")).toEqual({ code: 1, out: "", err: "ebbgate gates: there is no gate 'bata'; did you mean beta?\n" });
    expect(await cli("gates", "kill", "beta", "--reason", "it hurts")).toEqual({ code: 0, out: "gate beta is killed: nobody is given v2 on route shop; every sidecar of this store follows at once\n", err: "" });
    expect((await onStore("kill", "beta", "--reason", "twice")).out).toBe("gate beta is killed already: nothing was written\n");
    expect(JSON.parse((await cli("gates", "revive", "beta", "--reason", "mended", "--json")).out)).toEqual({ gate: "beta", action: "revive", outcome: "done", by: "sidecar" });
    expect(await cli("gates", "--at", "2027-01-01")).toMatchObject({ code: 2, err: "ebbgate gates: --at needs the store: a sidecar tells how its gates are now\n" });
  });

  test("audit list is the log of the fleet, filtered and in order; what reads the log's own bytes says that it does", async () => {
    expect((await cli("rollback", "shop", "--reason", "for the log")).code).toBe(0);
    const all = (await cli("audit", "list")).out.trimEnd().split("\n");
    expect(all[0]).toMatch(/^ +1 {2}\S+Z {2}configuration: revision 1 applied by ann@\S+: first$/);
    expect(all.some((line) => /commandRollback: shop: v2: rolled back at 0% by ann@\S+ \(for the log\)/.test(line)), all.join("\n")).toBe(true);
    const seqs = all.map((line) => Number.parseInt(line, 10));
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
    expect((await cli("audit", "list", "-n", "1", "--json")).out.trimEnd().split("\n")).toHaveLength(1);
    expect((await cli("audit", "list", "--reason", "started", "--reason", "commandRollback", "--json")).out.trimEnd().split("\n").map((line) => (JSON.parse(line) as { record: { reason: string } }).record.reason)).toEqual(["started", "commandRollback"]);
    expect(await cli("audit", "verify")).toEqual({ code: 2, out: "", err: "ebbgate audit: verify reads the log itself, byte by byte: name its store, not --admin\n" });
    // The store itself says the same.
    const own = await ebbgate(["audit", "list", "-c", "ebbgate.json", "--reason", "commandRollback"], { cwd: directory });
    expect(all).toContain(own.out.trimEnd());
  });

  test("report: the same document as from the log itself", async () => {
    const [over, own] = [await cli("report", "shop"), await ebbgate(["report", "shop", "-c", "ebbgate.json"], { cwd: directory })];
    expect(over).toMatchObject({ code: 0, err: "" });
    expect(over.out).toContain("# shop: v2 (2.0.0) ");
    expect(over.out.split("\n").filter((line) => !line.includes("Written"))).toEqual(own.out.split("\n").filter((line) => !line.includes("Written")));
    expect((await cli("report", "shop", "-o", "shop.html")).code).toBe(0);
    expect(readFileSync(join(directory, "shop.html"), "utf8")).toMatch(/^<!doctype html>/);
    expect(await cli("report", "nothing")).toMatchObject({ code: 1, out: "", err: expect.stringContaining('The audit log knows no rollout "nothing"') as string });
  });
});
