import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { until } from "../hooks/world.ts";
import { Receiver, signingKey, silent, took } from "../support/receiver.ts";
import type { SidecarProcess } from "../support/sidecar.ts";
import { type Recorded, TwoVersions } from "../support/two-versions.ts";

/** Real processes start and stop, on a machine that others use as well. */
vi.setConfig({ testTimeout: 120_000 });

let shop: TwoVersions;
let receiver: Receiver;

beforeEach(async () => {
  shop = new TwoVersions();
  receiver = await Receiver.start();
});
afterEach(async () => {
  shop.clear();
  await receiver.down();
});

const webhooks = () => ({ allow: ["127.0.0.1"], targets: [{ name: "ops", url: receiver.url, secret: signingKey, timeout: "500ms", giveUpAfter: "1h", askEvery: "1s" }] });
const outcomes = (): Recorded[] => shop.recorded().filter(({ kind }) => kind === "playbook");

it("rolls back and verifies while a step of the playbook is not taken, and calls what is left when it is, also after a kill -9", async () => {
  shop.status = 503;
  receiver.answer = silent;
  const first = await shop.start({ steps: [{ weight: 50, dwell: "1s" }, 100], playbook: [{ name: "revert-code", target: "ops" }, { name: "open-ticket", target: "ops" }] }, webhooks());
  await shop.whileUsersCome(first, shop.decided("verified"));
  expect(outcomes()).toEqual([]);
  expect(new Set(receiver.received.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
  expect(await first.stop("SIGKILL")).toBeNull();

  receiver.answer = took;
  const second = await shop.place.start();
  await until(() => outcomes().length === 2);
  expect(outcomes()).toMatchObject([
    { step: "revert-code", outcome: "done", route: "shop", revision: "2.0.0" }, { step: "open-ticket", outcome: "done" },
  ]);
  expect(shop.moves()).toEqual(["started", "breakerTripped", "trafficStopped", "verified"]);
  expect(new Set(receiver.received.map(({ headers }) => headers["webhook-id"])).size).toBe(2);
  expect(await second.stop()).toBe(0);
});

it("waits for an external gate that is silent or says no, goes on when it says yes, and rolls back while it waits", async () => {
  receiver.answer = silent;
  const steps = [{ weight: 50, dwell: "1s", minRequests: 20, evidence: false }, { weight: 60, dwell: "1s", minRequests: 20, evidence: false, externalGates: ["ops"] }, { weight: 100, externalGates: ["ops"] }];
  const sidecar = await shop.start({ steps }, webhooks());
  const heard = async (answer: string): Promise<boolean> => (await gateOf(sidecar))?.answer === answer;
  await shop.whileUsersCome(sidecar, () => heard("silent"));
  receiver.answer = (response) => void response.end(JSON.stringify({ allow: false, reason: "the fair is on" }));
  await shop.whileUsersCome(sidecar, () => heard("no"));
  expect(await gateOf(sidecar)).toEqual({ target: "ops", answer: "no", why: "the fair is on" });
  expect(shop.moves()).toEqual(["started", "awaitingExternalGate"]);

  receiver.answer = (response) => void response.end('{"allow":true}');
  await shop.whileUsersCome(sidecar, shop.decided("stepCompleted"));
  receiver.answer = silent;
  await shop.whileUsersCome(sidecar, () => shop.reasons().filter((reason) => reason === "awaitingExternalGate").length === 2);
  expect(await sidecar.status()).toMatchObject({ rollouts: [{ phase: "waiting", waiting: "externalGate", weight: 60 }] });
  shop.status = 503;
  await shop.whileUsersCome(sidecar, shop.decided("verified"));
  expect(shop.reasons().slice(-3)).toEqual(["breakerTripped", "trafficStopped", "verified"]);
  expect(await sidecar.stop()).toBe(0);
});

async function gateOf(sidecar: SidecarProcess): Promise<{ readonly answer: string; readonly why: string } | undefined> {
  const { rollouts } = (await sidecar.status()) as unknown as { rollouts: readonly { externalGates: readonly { answer: string; why: string }[] | null }[] };
  return rollouts[0]?.externalGates?.[0];
}
