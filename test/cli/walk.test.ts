/** docs/operations.md, "With a second person": the whole path, as somebody walks it who has never seen Ebbgate, by its commands alone. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Ended, ebbgate, start } from "../support/command.ts";
import { type Service, service } from "../support/fleet-processes.ts";
import { hasRedis, RedisServer, until } from "../support/redis.ts";
import { type SidecarProcess, Workplace } from "../support/sidecar.ts";

let redis: RedisServer;
let v1: Service;
let v2: Service;
const place = new Workplace();
beforeAll(async () => {
  if (!hasRedis) return;
  [redis, v1, v2] = await Promise.all([RedisServer.start(), service("v1"), service("v2")]);
  place.writeText(JSON.stringify({ listeners: [{ address: "127.0.0.1:0" }], admin: { address: "127.0.0.1:0", tokens: "tokens" }, store: { type: "redis", address: `127.0.0.1:${redis.port}` }, dynamic: { from: "store" } }));
  const variants = [{ name: "v1", endpoints: [v1.url] }, { name: "v2", revision: "2.0.0", endpoints: [v2.url] }];
  const steps = [{ weight: 20, dwell: "1s", minRequests: 10, evidence: false }, { weight: 50, dwell: "1h", approval: true }, 100];
  writeFileSync(join(place.directory, "routes.json"), JSON.stringify({ routes: [{ name: "shop", cohort: { key: ["header:x-user"] }, fallback: true, variants, rollout: { candidate: "v2", steps, breaker: { action: "rollback" } } }] }));
});
afterAll(async () => {
  place.clear();
  for (const one of [v1, v2]) {
    one?.server.closeAllConnections();
    one?.server.close();
  }
  await redis?.stop();
});

/** Users come until it is so. */
async function whileUsersCome<T>(sidecar: SidecarProcess, found: () => Promise<T>): Promise<T> {
  let over = false;
  const users = Array.from({ length: 2 }, async (_, i) => {
    for (let n = 0; !over; n++) await fetch(sidecar.proxy, { headers: { "x-user": `${i}-${n}` } }).then((response) => response.arrayBuffer(), () => undefined).then(() => delay(5));
  });
  const result = await found().finally(() => (over = true));
  await Promise.all(users);
  return result;
}

const tokenOf = (name: string): string => readFileSync(join(place.directory, `${name}.token`), "utf8").trim();
const statusOf = async (sidecar: SidecarProcess): Promise<string> => (await fetch(`${sidecar.admin}/api/v1/status`, { headers: { authorization: `Bearer ${tokenOf("bea")}` } })).text();

test.skipIf(!hasRedis)("published by one, approved by another, failed, rolled back, reported: in under 15 commands", async () => {
  let commands = 0;
  let env: NodeJS.ProcessEnv = {};
  const run = (...args: string[]): Promise<Ended> => {
    commands++;
    return ebbgate(args, { cwd: place.directory, env });
  };
  for (const [name, role] of [["ann", "operator"], ["bea", "approver"]] as const) {
    const made = await run("token", "create", "-c", "ebbgate.json", "--name", name, "--role", role);
    expect(made.code, made.err).toBe(0);
    writeFileSync(join(place.directory, `${name}.token`), made.out);
  }
  const [ann, bea] = [["--token-file", "ann.token"], ["--token-file", "bea.token"]] as const;
  commands++;
  const sidecar = await place.start();
  env = { EBBGATE_ADMIN: sidecar.admin };
  expect(await run("status")).toMatchObject({ code: 1, err: expect.stringContaining("set EBBGATE_TOKEN, or give --token-file") as string });
  expect(await run("apply", "-f", "routes.json", "--reason", "2.0.0", ...ann)).toMatchObject({ code: 0, out: expect.stringContaining("published as revision 1") as string });

  await whileUsersCome(sidecar, () => until(async () => (await statusOf(sidecar)).includes('"waiting":"approval"')));
  expect((await run("status", "shop", ...ann)).out).toContain("step 2 of 3 (50%) waits for an approval: ebbgate approve shop");
  expect(await run("approve", "shop", ...ann)).toMatchObject({ code: 1, err: expect.stringMatching(/operator.*approve/) as string });
  expect(await run("approve", "shop", "--reason", "load test is good", ...bea)).toMatchObject({ code: 0, out: "shop: v2: approved at 20% by bea (load test is good).\n" });

  commands++;
  const watching = start(["watch", "shop", "--until-done", "--every", "200ms", ...bea], { cwd: place.directory, env });
  await watching.says("shop  v2 2.0.0");
  v2.failing = true;
  const watched = await whileUsersCome(sidecar, () => watching.ended);
  expect(watched).toMatchObject({ code: 1, err: "" });
  expect(watched.out).toMatch(/(?:breakerTripped|limitBreached): shop: v2[^]*verified: shop has recovered/);

  expect(await run("report", "shop", "-o", "shop.html", ...bea)).toEqual({ code: 0, out: "", err: "" });
  const report = readFileSync(join(place.directory, "shop.html"), "utf8");
  for (const said of ["bea", "load test is good", "ann"]) expect(report).toContain(said);
  const log = await run("audit", "list", ...bea);
  expect(log.out).toMatch(/configuration: revision 1 applied by ann: 2\.0\.0[^]*commandApprove: shop: v2: approved at 20% by bea[^]*verified/);
  expect(commands).toBeLessThan(15);
  // What nobody may read afterwards.
  const secrets = ["ann", "bea"].map(tokenOf);
  for (const secret of secrets) for (const text of [report, log.out, watched.out, JSON.stringify(sidecar.lines)]) expect(text).not.toContain(secret);
}, 300_000);
