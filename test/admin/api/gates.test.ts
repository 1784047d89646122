/** Gates and reports through the API of a running sidecar. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { TwoVersions } from "../../support/two-versions.ts";
import type { SidecarProcess } from "../../support/sidecar.ts";

const service = new TwoVersions();
let sidecar: SidecarProcess;
const gate = {
  name: "checkout", route: "shop", variant: "v2", owner: "team-shop", description: "d", ticket: "T-1", created: "2026-11-01", sunset: "2026-11-02", criteria: "c",
  rules: [{ name: "bots", effect: "deny", when: { headers: [{ name: "user-agent", contains: "bot" }] } }, { name: "beta", effect: "allow", when: { cookies: [{ name: "beta", value: "on" }] } }],
};
beforeAll(async () => {
  sidecar = await service.start({ steps: [{ weight: 10 }, { weight: 100 }] }, {}, { gates: [gate] });
  await service.whileUsersCome(sidecar, service.decided("started"));
});
afterAll(() => service.clear());

async function ask<T = Record<string, unknown>>(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<{ status: number; body: T; type: string }> {
  const answer = await fetch(`${sidecar.admin}/api/v1${path}`, body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });
  const text = await answer.text();
  const type = answer.headers.get("content-type")!;
  return { status: answer.status, type, body: (type.includes("json") ? JSON.parse(text) : text) as T };
}

const served = async (headers: Record<string, string>): Promise<string | undefined> => {
  await fetch(sidecar.proxy, { headers: { "x-user": "ada", ...headers } }).then((response) => response.arrayBuffer());
  const { body } = await ask<{ variant: string }>("/gates/checkout/explain", { headers: { "x-user": "ada", ...headers } });
  return body.variant;
};

it("lists each gate with how far it is open and why it should go", async () => {
  const { body } = await ask<{ items: { name: string; exposure: { state: string }; stale: { reason: string }[]; rules: number }[] }>("/gates");
  expect(body.items).toMatchObject([{ name: "checkout", rules: 2, owner: "team-shop", exposure: { state: "partial" }, kill: null, stale: [{ reason: "pastSunset" }] }]);
  expect((await ask<{ items: unknown[] }>("/gates?stale=true")).body.items).toHaveLength(1);
  expect((await ask("/gates/checkout")).body).toMatchObject({ name: "checkout" });
  expect(await ask("/gates/chekout")).toMatchObject({ status: 404, body: { detail: 'There is no gate "chekout". There is: checkout.' } });
});

it("explains what a request is given by the rule that decides, and refuses what the proxy would", async () => {
  expect((await ask("/gates/checkout/explain", { headers: { "x-user": "ada" }, cookies: { beta: "on" } })).body).toMatchObject({ route: "shop", variant: "v2", reason: "allowed", rule: "beta", gate: "checkout" });
  expect((await ask("/gates/checkout/explain", { headers: { "x-user": "ada", "user-agent": "a bot" }, cookies: { beta: "on" } })).body).toMatchObject({ variant: "v1", rule: "bots" });
  for (const wrong of [{ headers: { "a b": "x" } }, { headers: { a: "x\r\ny: z" } }, { path: "no-slash" }, { method: "G T" }, { at: "soon" }, { unknown: 1 }]) {
    expect([wrong, (await ask("/gates/checkout/explain", wrong)).status]).toEqual([wrong, 422]);
  }
});

it("kills a gate at once, in the caller's name, and revives it", async () => {
  expect(await served({ cookie: "beta=on" })).toBe("v2");
  expect(await ask("/gates/checkout/kill", { reason: "orders are lost" }, { "ebbgate-user": "ada@host" })).toMatchObject({ status: 200, body: { outcome: "done" } });
  expect(await served({ cookie: "beta=on" })).toBe("v1");
  expect((await ask("/gates/checkout")).body).toMatchObject({ exposure: { state: "hidden", closed: "killed" }, kill: { who: "ada@host", reason: "orders are lost" } });
  expect((await ask("/gates/checkout/kill", { reason: "again" })).body).toEqual({ outcome: "already" });
  expect((await ask("/gates/checkout/revive", { reason: "fixed" })).body).toEqual({ outcome: "done" });
  expect(await served({ cookie: "beta=on" })).toBe("v2");
  expect((await ask("/gates/checkout/kill", {})).status).toBe(422);
  const { body } = await ask<{ items: { record: unknown }[] }>("/audit?limit=200");
  expect(body.items.map(({ record }) => record)).toEqual(expect.arrayContaining([expect.objectContaining({ kind: "gate", gate: "checkout", action: "kill", who: "ada@host" })]));
});

it("tells a report in each form, of a rollout that it knows", async () => {
  expect(await ask("/rollouts/shop/report")).toMatchObject({ status: 200, type: "text/markdown; charset=utf-8", body: expect.stringContaining("# ") as string });
  expect(await ask("/rollouts/shop/report?format=html")).toMatchObject({ type: "text/html; charset=utf-8", body: expect.stringContaining("<html") as string });
  expect((await ask("/rollouts/shop/report?format=json")).body).toMatchObject({ route: "shop" });
  expect((await ask("/rollouts/none/report")).status).toBe(404);
  expect((await ask("/rollouts/shop/report?revision=9")).status).toBe(404);
  expect((await ask("/rollouts/shop/report?format=pdf")).status).toBe(400);
});
