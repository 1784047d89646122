/** mirrorFirst through a real process: who answers wrongly never gets a user. */
import { once } from "node:events";
import { Agent, createServer, get, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Workplace } from "../support/sidecar.ts";

vi.setConfig({ testTimeout: 60_000 });

let place: Workplace;
const servers: Server[] = [];
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => {
  place.clear();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** A service that gives a price, and remembers who asked: copies, and users. */
async function shop(price: number): Promise<{ readonly url: string; readonly seen: { copies: number; users: number } }> {
  const seen = { copies: 0, users: 0 };
  const server = createServer((request, response) => {
    if (request.headers["ebbgate-mirror"] === "true") seen.copies++;
    else seen.users++;
    response.setHeader("content-type", "application/json").end(JSON.stringify({ price, at: performance.now() }));
  });
  servers.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

const route = (v1: string, v2: string): object => ({
  name: "shop",
  mirror: { variant: "v2", share: "100%", ignore: ["/at"] },
  variants: [{ name: "v1", endpoints: [v1] }, { name: "v2", endpoints: [v2] }],
  rollout: { candidate: "v2", strategy: "mirrorFirst" },
});

/** Asks until the rollout is in the phase. */
async function askUntil(proxy: string, done: () => Promise<boolean>): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const statuses: number[] = [];
  let running = true;
  const ask = (): Promise<void> => new Promise((resolve, reject) => {
    get(proxy, { agent }, (response) => {
      statuses.push(response.statusCode!);
      response.resume().on("end", () => resolve()).on("error", reject);
    }).on("error", reject);
  });
  const all = Promise.all(Array.from({ length: 8 }, async () => {
    while (running) await ask();
  }));
  while (!(await done())) await new Promise((resolve) => setTimeout(resolve, 50));
  running = false;
  await all;
  agent.destroy();
  return statuses;
}

it("a candidate that answers wrongly is quarantined by its copies, and no user ever sees it", async () => {
  const [v1, v2] = [await shop(10), await shop(11)];
  place.write([route(v1.url, v2.url)]);
  const sidecar = await place.start();
  const statuses = await askUntil(sidecar.proxy, async () => (await sidecar.status()).rollouts[0]!.quarantined);
  expect(v2.seen.copies).toBeGreaterThan(0);
  expect(v2.seen.users).toBe(0);
  expect(new Set(statuses)).toEqual(new Set([200]));
  const { mirror } = ((await (await fetch(`${sidecar.admin}/api/v1/status`)).json()) as { routes: { mirror: { shown: { kind: string; at: string }[] } }[] }).routes[0]!;
  expect(mirror.shown.at(-1)).toMatchObject({ kind: "body", at: "/price" });
  expect(await (await fetch(`${sidecar.admin}/metrics`)).text()).toMatch(/ebbgate_mirror_differences_total\{route="shop",variant="v2",kind="body"\} [1-9]/);
});

it("a candidate that answers as the baseline does gets its first users when its copies have shown it", async () => {
  const [v1, v2] = [await shop(10), await shop(10)];
  place.write([route(v1.url, v2.url)]);
  const sidecar = await place.start();
  await askUntil(sidecar.proxy, async () => (await sidecar.status()).rollouts[0]!.weight > 0 && v2.seen.users > 0);
  expect(v2.seen.copies).toBeGreaterThan(300);
});
