/** Two people for a step that asks for an approval: a real sidecar, a shared document in a real Redis, and tokens. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createToken } from "../../src/admin/access/token-writer.ts";
import { dispatch } from "../../src/cli/args.ts";
import { commands } from "../../src/commands.ts";
import type { AdminRole } from "../../src/config/settings.ts";
import type { RolloutStatus } from "../../src/rollout/status.ts";
import { capture } from "../cli/capture.ts";
import { Fleet } from "../support/fleet.ts";
import { hasRedis, RedisServer, until } from "../support/redis.ts";
import type { SidecarProcess } from "../support/sidecar.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

let fleet: Fleet;
let redis: RedisServer;
let sidecar: SidecarProcess;
let directory: string;
let document: (dwell: string) => string;
const tokens: Record<string, string> = {};
beforeEach(async () => {
  if (!hasRedis) return;
  fleet = new Fleet();
  redis = await RedisServer.start();
  const [v1, v2] = [await fleet.service("v1"), await fleet.service("v2")];
  document = (dwell) => JSON.stringify({
    routes: [{ name: "shop", variants: [{ name: "v1", endpoints: [v1] }, { name: "v2", endpoints: [v2], revision: "2.0" }], rollout: { candidate: "v2", steps: [{ weight: 5, dwell, minRequests: 0 }, { weight: 100, approval: true }] } }],
  });
  const place = fleet.place("s1", redis.port, {});
  const bootstrap = { listeners: [{ address: "127.0.0.1:0" }], admin: { address: "127.0.0.1:0", tokens: "tokens" }, identity: { instance: "s1" }, store: { type: "redis", address: `127.0.0.1:${redis.port}`, namespace: "shop" }, dynamic: { from: "store" } };
  place.writeText(JSON.stringify(bootstrap));
  directory = place.directory;
  for (const [name, role] of Object.entries({ alice: "admin", bob: "approver", carol: "approver" } satisfies Record<string, AdminRole>)) {
    tokens[name] = (await createToken(join(directory, "tokens"), { name, role, by: "test", expires: null }, Date.now())).text;
  }
  sidecar = await place.start();
});
afterEach(async () => {
  await fleet?.clear();
  await redis?.stop();
});

interface Reply {
  readonly status: number;
  readonly detail: string;
}

async function call(who: string, method: string, path: string, body?: object | string, headers: Record<string, string> = {}): Promise<{ status: number; etag: string; body: unknown }> {
  const type = typeof body === "string" ? "application/yaml" : "application/json";
  const answer = await fetch(`${sidecar.admin}${path}`, { method, headers: { authorization: `Bearer ${tokens[who]}`, ...(body !== undefined && { "content-type": type }), ...headers }, ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }) });
  return { status: answer.status, etag: answer.headers.get("etag") ?? "", body: await answer.json() };
}
const rollout = async (): Promise<RolloutStatus> => (await call("bob", "GET", "/api/v1/rollouts/shop")).body as RolloutStatus;
const decided = (reason: string, times = 1): Promise<void> => until(async () => (await rollout()).decisions.filter((one) => one.reason === reason).length >= times);
async function publish(who: string, text: string): Promise<void> {
  const { etag } = await call(who, "GET", "/api/v1/config");
  expect((await call(who, "PUT", "/api/v1/config", text, { "if-match": etag })).status).toBe(200);
}
/** What somebody does who has looked. */
async function verb(who: string, name: string, reason = "looked at it"): Promise<Reply> {
  const { etag } = await call(who, "GET", "/api/v1/rollouts/shop");
  const { status, body } = await call(who, "POST", `/api/v1/rollouts/shop/${name}`, { reason }, { "if-match": etag });
  return { status, detail: (body as { detail?: string }).detail ?? "" };
}

describe.skipIf(!hasRedis)("an approval", () => {
  it("is never one's own, ends with an edit, and can be done without only by breaking the glass", async () => {
    await publish("alice", document("1h"));
    await decided("started");
    expect((await rollout()).authors).toEqual(["alice"]);
    expect(await verb("alice", "approve")).toEqual({ status: 409, detail: "Alice has changed this rollout, and nobody approves their own change: somebody else has to." });
    const seen = (await call("bob", "GET", "/api/v1/rollouts/shop")).etag;
    expect((await verb("bob", "approve")).status).toBe(200);

    // Somebody edits the step: what bob approved is not what is there now, and what he has seen is stale.
    await publish("alice", document("2h"));
    await decided("approvalWithdrawn");
    expect((await call("bob", "POST", "/api/v1/rollouts/shop/approve", { reason: "" }, { "if-match": seen })).status).toBe(412);
    expect((await verb("carol", "approve")).status).toBe(200);

    // Bob changes it himself, from the command line: from then on he is none of those who approve it. Alice still is not, either.
    writeFileSync(join(directory, "routes.yaml"), document("3h"));
    const io = capture({ cwd: directory, env: { EBBGATE_USER: "bob" } });
    expect(await dispatch(commands, ["apply", "-f", "routes.yaml", "--store", `redis://127.0.0.1:${redis.port}`, "--namespace", "shop"], io, "test"), io.err()).toBe(0);
    await decided("approvalWithdrawn", 2);
    expect((await verb("bob", "approve")).detail).toMatch(/^Bob has changed this rollout \(as bob@.*\), and nobody approves their own change/);
    expect((await verb("alice", "approve")).status).toBe(409);
    expect((await rollout()).authors![0]).toBe("alice");

    // Nobody else is there at night.
    expect((await verb("bob", "override", "nobody is there")).status).toBe(403);
    expect((await verb("alice", "override", "")).status).toBe(422);
    expect((await verb("alice", "override", "outage, carol cannot be reached")).status).toBe(200);
    expect((await rollout()).decisions.at(-1)!.sentence).toBe("shop: v2: step 2 is entered without the approval that it asks for, by alice (outage, carol cannot be reached).");
    expect((await verb("alice", "promote")).status).toBe(200);
    expect((await rollout()).weight).toBe(100);
    const { items } = (await call("bob", "GET", "/api/v1/audit?limit=100")).body as { items: { record: { reason?: string; refusal?: string; command?: { by: string; verified: boolean } } }[] };
    expect(items.filter(({ record }) => record.reason === "commandRefused").map(({ record }) => record.command!.by)).toEqual(["alice", "bob", "alice"]);
    expect(items.filter(({ record }) => record.command).every(({ record }) => record.command!.verified)).toBe(true);
  });
});
