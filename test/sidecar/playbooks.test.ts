import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { until } from "../hooks/world.ts";
import { Receiver, signingKey, silent, took } from "../support/receiver.ts";
import { Workplace, type SidecarProcess } from "../support/sidecar.ts";

let place: Workplace;
let receiver: Receiver;
const servers: Server[] = [];
/** Of the candidate. */
let status = 200;

beforeEach(async () => {
  place = new Workplace();
  receiver = await Receiver.start();
  status = 200;
});
afterEach(async () => {
  place.clear();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  await receiver.down();
});

async function service(answer: () => number): Promise<string> {
  const server = createServer((_request, response) => void response.writeHead(answer()).end());
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function start(rollout: object): Promise<SidecarProcess> {
  const variants = [{ name: "v1", endpoints: [await service(() => 200)] }, { name: "v2", endpoints: [await service(() => status)], revision: "2.0.0" }];
  const targets = [{ name: "ops", url: receiver.url, secret: signingKey, timeout: "500ms", giveUpAfter: "1h", askEvery: "1s" }];
  place.write([{ name: "shop", cohort: { key: ["header:x-user"] }, variants, rollout: { candidate: "v2", breaker: { action: "rollback" }, ...rollout } }], { webhooks: { allow: ["127.0.0.1"], targets } });
  return place.start();
}

/** Users come until it is so. */
async function whileUsersCome<T>(sidecar: SidecarProcess, find: () => T | undefined | null | false | Promise<T | undefined | null | false>): Promise<T> {
  let over = false;
  const users = (async () => {
    for (let user = 0; !over; user++) await fetch(sidecar.proxy, { headers: { "x-user": `user-${user}` } }).then((response) => response.arrayBuffer(), () => undefined);
  })();
  const found = await until(find).finally(() => (over = true));
  await users;
  return found;
}

type Recorded = Readonly<Record<string, unknown>>;
const recorded = (): Recorded[] => readFileSync(join(place.directory, ".ebbgate/audit.jsonl"), "utf8").trim().split("\n").filter(Boolean).map((line) => (JSON.parse(line) as { record: Recorded }).record);
const reasons = (): unknown[] => recorded().flatMap(({ reason }) => reason ?? []);
const decided = (reason: string) => (): boolean => reasons().includes(reason);

it("rolls back and verifies while a step of the playbook is not taken, and calls what is left when it is, also after a kill -9", async () => {
  status = 503;
  receiver.answer = silent;
  const first = await start({ steps: [{ weight: 50, dwell: "1s" }, 100], playbook: [{ name: "revert-code", target: "ops" }, { name: "open-ticket", target: "ops" }] });
  await whileUsersCome(first, decided("verified"));
  expect(recorded().some(({ kind }) => kind === "playbook")).toBe(false);
  expect(new Set(receiver.received.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
  expect(await first.stop("SIGKILL")).toBeNull();

  receiver.answer = took;
  const second = await place.start();
  await until(() => recorded().filter(({ kind }) => kind === "playbook").length === 2);
  expect(recorded().filter(({ kind }) => kind === "playbook")).toMatchObject([
    { step: "revert-code", outcome: "done", route: "shop", revision: "2.0.0" }, { step: "open-ticket", outcome: "done" },
  ]);
  expect(reasons()).toEqual(["started", "breakerTripped", "trafficStopped", "verified"]);
  expect(new Set(receiver.received.map(({ headers }) => headers["webhook-id"])).size).toBe(2);
  expect(await second.stop()).toBe(0);
});

it("waits for an external gate that is silent or says no, goes on when it says yes, and rolls back while it waits", async () => {
  receiver.answer = silent;
  const steps = [{ weight: 50, dwell: "1s", minRequests: 20, evidence: false }, { weight: 60, dwell: "1s", minRequests: 20, evidence: false, externalGates: ["ops"] }, { weight: 100, externalGates: ["ops"] }];
  const sidecar = await start({ steps });
  const heard = async (answer: string): Promise<boolean> => (await gateOf(sidecar))?.answer === answer;
  await whileUsersCome(sidecar, () => heard("silent"));
  receiver.answer = (response) => void response.end(JSON.stringify({ allow: false, reason: "the fair is on" }));
  await whileUsersCome(sidecar, () => heard("no"));
  expect(await gateOf(sidecar)).toEqual({ target: "ops", answer: "no", why: "the fair is on" });
  expect(reasons()).toEqual(["started", "awaitingExternalGate"]);

  receiver.answer = (response) => void response.end('{"allow":true}');
  await whileUsersCome(sidecar, decided("stepCompleted"));
  receiver.answer = silent;
  await whileUsersCome(sidecar, () => reasons().filter((reason) => reason === "awaitingExternalGate").length === 2);
  expect(await sidecar.status()).toMatchObject({ rollouts: [{ phase: "waiting", waiting: "externalGate", weight: 60 }] });
  status = 503;
  await whileUsersCome(sidecar, decided("verified"));
  expect(reasons().slice(-3)).toEqual(["breakerTripped", "trafficStopped", "verified"]);
  expect(await sidecar.stop()).toBe(0);
});

async function gateOf(sidecar: SidecarProcess): Promise<{ readonly answer: string; readonly why: string } | undefined> {
  const { rollouts } = (await sidecar.status()) as unknown as { rollouts: readonly { externalGates: readonly { answer: string; why: string }[] | null }[] };
  return rollouts[0]?.externalGates?.[0];
}
