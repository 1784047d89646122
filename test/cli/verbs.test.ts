/** What people ask of rollouts, as real commands of real sidecars: through the admin API, through a store's directory, and through Redis. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { ebbgate, hasTerminal, inTerminal, start, type Ended } from "../support/command.ts";
import { FleetProcesses } from "../support/fleet-processes.ts";
import { hasRedis, RedisServer, until } from "../support/redis.ts";
import { type SidecarProcess, Workplace } from "../support/sidecar.ts";
import { rollout } from "../admin/world.ts";

// A busy machine starts a process in seconds.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const plan = { candidate: "v2", steps: [{ weight: 1, dwell: "1h" }, { weight: 10, dwell: "1h" }, { weight: 50, dwell: "1h", approval: true }, 100] };
const route = (name: string): object => ({ name, match: { path: `/${name}` }, variants: [{ name: "v1", endpoints: ["http://127.0.0.1:1"] }, { name: "v2", revision: "2.0.0", endpoints: ["http://127.0.0.1:1"] }], rollout: plan });

async function state(sidecar: SidecarProcess, name: string): Promise<{ readonly phase: string; readonly weight: number }> {
  const found = (await sidecar.status()).rollouts.find((one) => one.name === name)!;
  return { phase: found.phase, weight: found.weight };
}

const refused = (verb: string, why: string | RegExp): Partial<Ended> => ({ code: 1, out: "", err: expect.stringMatching(typeof why === "string" ? `^ebbgate ${verb}: ${why}\n$` : why) as string });

describe("with a sidecar of its own", () => {
  const place = new Workplace();
  let sidecar: SidecarProcess;
  let env: NodeJS.ProcessEnv;
  beforeAll(async () => {
    place.write(["shop", "cart", "desk", "kiosk"].map(route));
    sidecar = await place.start();
    env = { EBBGATE_ADMIN: sidecar.admin, EBBGATE_USER: "ann" };
    await until(async () => (await sidecar.status()).rollouts.every(({ phase }) => phase === "progressing"));
  });
  afterAll(() => place.clear());
  const cli = (...args: string[]): Promise<Ended> => ebbgate(args, { cwd: place.directory, env });
  const ofStore = (...args: string[]): Promise<Ended> => ebbgate([...args, "-c", "ebbgate.json"], { cwd: place.directory, env: { EBBGATE_USER: "ann" } });

  test("promote, pause, resume, approve, rollback, override over the admin API: one sentence each, and the refusals say what to do instead", async () => {
    const promoted = await cli("promote", "shop", "--reason", "looks well");
    expect(promoted).toMatchObject({ code: 0, err: "" });
    expect(promoted.out).toMatch(/^shop: v2: promoted at 10% by ann@\S+ \(looks well\)\.\n$/);
    expect(await cli("promote", "shop")).toMatchObject(refused("promote", "Step 3 asks for an approval: approve it"));
    expect(await cli("pause", "shop")).toMatchObject({ code: 0, out: expect.stringMatching(/paused at 10% by ann/) as string });
    expect(await cli("pause", "shop")).toMatchObject(refused("pause", "The rollout is paused already"));
    expect(await cli("resume", "shop")).toMatchObject({ code: 0, out: expect.stringMatching(/resumed at 10%/) as string });
    expect(await ebbgate(["approve", "shop", "--yes"], { env: { ...env, EBBGATE_USER: "bea" } })).toMatchObject({ code: 0, out: expect.stringMatching(/approved at 10%/) as string });
    expect(await cli("promote", "shop")).toMatchObject({ code: 0, out: expect.stringMatching(/promoted at 50%/) as string });
    const back = await cli("rollback", "shop", "--reason", "orders are lost", "--json");
    expect(back.code).toBe(0);
    expect(JSON.parse(back.out)).toMatchObject({ rollout: "shop", verb: "rollback", outcome: "accepted", decision: { reason: "commandRollback", weight: 0, command: { verb: "rollback", why: "orders are lost" } } });
    expect((await state(sidecar, "shop")).weight).toBe(0);
    const again = await cli("rollback", "shop", "--reason", "still", "--json");
    expect(again).toMatchObject({ code: 1, err: "ebbgate rollback: The candidate has no traffic: it was rolled back before\n" });
    expect(JSON.parse(again.out)).toMatchObject({ outcome: "refused", decision: null });
  });

  test("a name that is not there is told the nearest, a reason that is demanded is asked for", async () => {
    expect(await cli("promote", "shpo")).toMatchObject(refused("promote", "there is no rollout 'shpo'; did you mean shop\\?"));
    expect(await cli("rollback", "sho", "--reason", "x")).toMatchObject(refused("rollback", "there is no rollout 'sho'; did you mean shop\\?"));
    expect(await cli("rollback", "shop")).toMatchObject({ code: 2, out: "", err: "ebbgate rollback: --reason TEXT is missing: it is what people read in the audit log and the report\n" });
    expect(await cli("rollback", "shop", "--reason", "two\nlines")).toMatchObject({ code: 2, err: "ebbgate rollback: --reason is one line of at most 1000 characters\n" });
    expect(await cli("pause", "shop", "--store", "redis://h", "--admin", "http://h")).toMatchObject({ code: 2, err: expect.stringContaining("--admin belongs to the admin API") as string });
  });

  test("past the admin port, through the store's directory: the same decisions, refusals and names", async () => {
    expect(await ofStore("promote", "cart", "--reason", "by hand")).toMatchObject({ code: 0, err: "", out: expect.stringMatching(/^cart: v2: promoted at 10% by ann@\S+ \(by hand\)\.\n$/) as string });
    expect(await state(sidecar, "cart")).toEqual({ phase: "progressing", weight: 10 });
    expect(await ofStore("promote", "cart")).toMatchObject(refused("promote", "step 3 asks for an approval: approve it"));
    expect(await ofStore("promote", "card")).toMatchObject(refused("promote", "there is no rollout 'card'; did you mean cart\\?"));
    expect(JSON.parse((await ofStore("rollback", "cart", "--reason", "lost", "--json")).out)).toMatchObject({ outcome: "accepted", decision: { reason: "commandRollback", weight: 0 } });
    const log = await ebbgate(["audit", "list", "--route", "cart", "-c", "ebbgate.json"], { cwd: place.directory });
    expect(log.out).toMatch(/commandRollback: cart: v2: rolled back at 0% by ann@\S+ \(lost\)/);
  });

  test.skipIf(!hasTerminal)("on a terminal what raises is asked first: only a yes does it, and what lowers is never asked", async () => {
    for (const [answer, code, weight] of [["n\r", 1, 1], ["\u0003", 1, 1], ["y\r", 0, 10]] as const) {
      const asking = inTerminal(["promote", "desk"], { env });
      await asking.says("promote desk? [y/N]");
      expect(asking.out).toContain("next: step 2 of 4 (10%)");
      asking.child.stdin!.write(answer);
      const ended = await asking.ended;
      expect(ended.code, ended.out).toBe(code);
      expect((await state(sidecar, "desk")).weight).toBe(weight);
    }
    expect((await inTerminal(["rollback", "desk", "--reason", "now"], { env }).ended).code).toBe(0);
    expect((await state(sidecar, "desk")).weight).toBe(0);
  });

  test("while no sidecar runs, what lowers is left for the next one, and what raises is not", async () => {
    await sidecar.stop();
    expect(await ofStore("promote", "kiosk")).toMatchObject({ code: 3, err: expect.stringContaining("so nothing was done: a promote is not left for later") as string });
    expect(await ofStore("rollback", "kiosk", "--reason", "at night")).toMatchObject({ code: 0, out: expect.stringContaining("the next one to start takes it") as string });
    sidecar = await place.start();
    await until(async () => (await state(sidecar, "kiosk")).weight === 0);
    expect((await state(sidecar, "kiosk")).phase).not.toBe("progressing");
  });
});

describe("what a command says to the API", () => {
  const seen: IncomingMessage[] = [];
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  const server = createServer((request, response) => {
    seen.push(request);
    response.setHeader("content-type", "application/json").setHeader("etag", '"as-seen"');
    answer(request, response);
  });
  let env: NodeJS.ProcessEnv;
  beforeAll(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    env = { EBBGATE_ADMIN: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  });
  afterAll(() => server.close());

  test("what raises is held against what was seen, and a change in between is told and not overrun; what lowers asks nothing first", async () => {
    answer = (request, response) => {
      if (request.method === "GET") response.end(JSON.stringify(rollout()));
      else response.writeHead(412, { "content-type": "application/problem+json" }).end(JSON.stringify({ status: 412, detail: "changed" }));
    };
    expect(await ebbgate(["promote", "shop"], { env })).toMatchObject({ code: 1, err: "ebbgate promote: 'shop' has changed since it was looked at, so nothing was done: look with ebbgate status shop, and ask again\n" });
    expect(seen.map(({ method, url, headers }) => [method, url, headers["if-match"]])).toEqual([["GET", "/api/v1/rollouts/shop", undefined], ["POST", "/api/v1/rollouts/shop/promote", '"as-seen"']]);
    seen.length = 0;
    answer = (_request, response) => void response.end(JSON.stringify({ outcome: "accepted", decision: { sentence: "Done." } }));
    expect(await ebbgate(["rollback", "shop", "--reason", "x"], { env })).toEqual({ code: 0, out: "Done.\n", err: "" });
    expect(seen.map(({ method, headers }) => [method, headers["if-match"], headers["content-type"]])).toEqual([["POST", undefined, "application/json"]]);
    expect(seen[0]!.headers["idempotency-key"]).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe.skipIf(!hasRedis)("in a fleet", () => {
  let redis: RedisServer;
  let fleet: FleetProcesses;
  beforeAll(async () => {
    redis = await RedisServer.start();
    fleet = await FleetProcesses.start({ size: 2, port: () => redis.port, rollout: plan });
    await until(async () => (await fleet.leader()) !== undefined && (await Promise.all(fleet.members.map(async (member) => state(member.process!, "shop")))).every(({ weight }) => weight === 1));
  });
  afterAll(async () => {
    await fleet.clear();
    await redis.stop();
  });
  const onStore = (...args: string[]): Promise<Ended> => ebbgate([...args, "--store", `redis://127.0.0.1:${redis.port}`], { env: { EBBGATE_USER: "ann" } });

  test("a sidecar that follows hands a command on, and the command tells what the leader made of it, a refusal too", async () => {
    const leader = await fleet.leader();
    const follower = fleet.members.find((member) => member !== leader)!;
    const env = { EBBGATE_ADMIN: follower.process!.admin };
    expect(await ebbgate(["promote", "shop", "--reason", "from afar"], { env })).toMatchObject({ code: 0, err: "", out: expect.stringMatching(/^shop: v2: promoted at 10% by \S+ \(from afar\)\.\n$/) as string });
    expect(await ebbgate(["promote", "shop"], { env })).toMatchObject(refused("promote", "step 3 asks for an approval: approve it"));
  });

  test("drill rehearses the way back while there is traffic, and says so", async () => {
    for (const member of fleet.members) member.load(3);
    const env = { EBBGATE_ADMIN: (await fleet.leader())!.process!.admin, EBBGATE_USER: "ann" };
    // Without requests for the candidate there is nothing to rehearse with, and that is the refusal.
    await until(async () => (await ebbgate(["drill", "shop", "--reason", "game day", "--json"], { env })).code === 0, 60_000, 250);
    for (const member of fleet.members) await member.rest();
    expect((await ebbgate(["status", "shop"], { env })).out).toMatch(/ {2}drill\n[^]*next {2}a drill by ann@\S+: its users come back to 10%/);
  });

  test("straight on Redis: decided by the leader, told from the audit log, and followed by all", async () => {
    expect(await onStore("override", "shop", "--reason", "x")).toMatchObject({ code: 1, out: "" });
    expect(await onStore("pause", "shp")).toMatchObject(refused("pause", "there is no rollout 'shp'; did you mean shop\\?"));
    const back = await onStore("rollback", "shop", "--reason", "past the port", "--json");
    expect(back).toMatchObject({ code: 0, err: "" });
    expect(JSON.parse(back.out)).toMatchObject({ outcome: "accepted", decision: { reason: "commandRollback", weight: 0 } });
    await until(async () => (await Promise.all(fleet.members.map(async (member) => state(member.process!, "shop")))).every(({ weight }) => weight === 0));
  });

  test("while nobody leads, and while Redis is away, that is what is said, with code 3", async () => {
    for (const member of fleet.members) await member.process!.stop();
    expect(await onStore("pause", "shop", "--timeout", "300ms")).toMatchObject({ code: 3, err: "ebbgate pause: no sidecar leads this fleet, so nobody heard it: is one running?\n" });
    expect(await ebbgate(["pause", "shop", "--store", "redis://127.0.0.1:1"])).toMatchObject({ code: 3, err: expect.stringContaining("Redis cannot be reached") as string });
  });
});

test("a sidecar that is not there is code 3 and one line", async () => {
  const running = start(["rollback", "shop", "--reason", "x", "--admin", "http://127.0.0.1:1"]);
  expect(await running.ended).toMatchObject({ code: 3, out: "", err: expect.stringMatching(/^ebbgate rollback: http:\/\/127\.0\.0\.1:1 refuses the connection: .*\n$/) as string });
});
