import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { until } from "../hooks/world.ts";
import { Receiver, signingKey } from "../support/receiver.ts";
import type { SidecarProcess } from "../support/sidecar.ts";
import { TwoVersions } from "../support/two-versions.ts";

vi.setConfig({ testTimeout: 120_000 });

let shop: TwoVersions;
let ops: Receiver;

beforeEach(async () => {
  shop = new TwoVersions();
  ops = await Receiver.start();
});
afterEach(async () => {
  shop.clear();
  await ops.down();
});

async function drill(sidecar: SidecarProcess, body: object): Promise<Response> {
  const url = `${sidecar.admin}/api/v1/rollouts/shop`;
  const etag = (await fetch(url)).headers.get("etag")!;
  return fetch(`${url}/drill`, { method: "POST", headers: { "content-type": "application/json", "if-match": etag }, body: JSON.stringify(body) });
}

it("a drill of a running sidecar takes the users away and gives them back, calls what is made for drills, is told as one, and is in the report", async () => {
  const webhooks = { allow: ["127.0.0.1"], targets: [{ name: "ops", url: ops.url, secret: signingKey, notify: { from: "warn" } }] };
  const playbook = [{ name: "revert-code", target: "ops" }, { name: "tell-deploy", target: "ops", drill: "call" }];
  const sidecar = await shop.start({ steps: [{ weight: 50, dwell: "1h" }, 100], playbook }, webhooks);
  await until(shop.decided("started"));
  expect((await drill(sidecar, { reason: "game day" })).status).toBe(409);
  // The baseline is known, and the candidate has users.
  await shop.whileUsersCome(sidecar, async () => {
    const [rollout] = (await sidecar.status()).rollouts as unknown as readonly { weight: number; windows: { baseline: { settled: number }; candidate: { settled: number } } }[];
    return rollout!.weight === 50 && rollout!.windows.candidate.settled > 50 && rollout!.windows.baseline.settled > 50;
  });
  const held = await drill(sidecar, {});
  expect([held.status, ((await held.json()) as { errors: unknown }).errors]).toEqual([422, [{ in: "body", field: "reason", detail: expect.any(String) as string }]]);
  let answer: Response | null = null;
  await shop.whileUsersCome(sidecar, async () => {
    answer ??= await drill(sidecar, { reason: "game day" });
    return shop.reasons().includes("drillEnded") || answer.status !== 200;
  });
  expect(answer!.status).toBe(200);
  expect(await answer!.json()).toMatchObject({ outcome: "accepted", decision: { reason: "drill", weight: 0, drill: { outcome: "underWay", weight: 50 } }, rollout: { phase: "rollingBack" } });
  expect(shop.moves()).toEqual(["started", "commandRefused", "drill", "trafficStopped", "drillPassed", "drillEnded"]);

  const [rollout] = (await sidecar.status()).rollouts as unknown as readonly { readonly drill: { readonly acknowledgedAfterMs: number; readonly stoppedAfterMs: number; readonly verifiedAfterMs: number } }[];
  expect(rollout).toMatchObject({ phase: "progressing", weight: 50, quarantined: false, drill: { outcome: "passed", over: true, why: "game day" } });
  const { acknowledgedAfterMs, stoppedAfterMs, verifiedAfterMs } = rollout!.drill;
  expect(acknowledgedAfterMs).toBeLessThan(stoppedAfterMs);
  expect(stoppedAfterMs).toBeLessThan(verifiedAfterMs);

  await until(() => shop.recorded().filter(({ kind }) => kind === "playbook").length === 2);
  expect(shop.recorded().filter(({ kind }) => kind === "playbook")).toMatchObject([{ step: "revert-code", outcome: "skipped", drill: true }, { step: "tell-deploy", outcome: "done", drill: true }]);
  await ops.until(() => ["drill", "drillPassed"].every((reason) => ops.bodies.some(({ type }) => type === `dev.ebbgate.rollout.${reason}`)));
  expect(ops.bodies.map(({ data }) => (data as { drill: boolean }).drill)).toEqual(ops.bodies.map(() => true));
  const { stdout } = await shop.cli("report", "shop", "-c", "ebbgate.json");
  for (const said of ["## Drills", "game day", "| passed |", "left out in a drill", "done by ops after 1 attempt"]) expect(stdout).toContain(said);
  expect((await shop.cli("replay", ".ebbgate/audit.jsonl")).code).toBe(0);
  expect(await sidecar.stop()).toBe(0);
});
