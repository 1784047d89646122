/** Commands that read a store, asked of a sidecar's admin API instead: as from an operator's own machine. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ebbgate, type Ended } from "../support/command.ts";
import { FleetProcesses } from "../support/fleet-processes.ts";
import { hasRedis, RedisServer, until } from "../support/redis.ts";

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
    writeFileSync(join(directory, "routes.json"), JSON.stringify({ routes: [{ name: "shop", variants, rollout: { candidate: "v2", steps: [{ weight: 1, dwell: "1h" }, 100] } }] }));
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

  test("audit list is the log of the fleet, filtered and in order; what reads the log's own bytes says that it does", async () => {
    await until(async () => (await cli("status", "--names")).out === "shop\n");
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
});
