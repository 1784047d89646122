import { once } from "node:events";
import { createServer, Agent, get, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Workplace, type SidecarProcess } from "../support/sidecar.ts";

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

/** A service that answers with its name, or as it is told. */
async function service(name: string, answer?: (finish: () => void) => void): Promise<string> {
  const server = createServer((_request, response) => {
    const finish = (): void => void response.end(name);
    if (answer === undefined) finish();
    else answer(finish);
  });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const route = (v1: string, v2: string, weight: number): object => ({
  name: "shop",
  cohort: { key: ["header:x-user"] },
  variants: [{ name: "v1", endpoints: [v1] }, { name: "v2", endpoints: [v2], weight }],
});

/** Who answers each of so many users. */
async function answers(sidecar: SidecarProcess, users = 200): Promise<string[]> {
  const result: string[] = [];
  for (let user = 0; user < users; user++) result.push(await (await fetch(sidecar.proxy, { headers: { "x-user": `user-${user}` } })).text());
  return result;
}

it("makes a changed file live without dropping a request, and moves no user back", async () => {
  const [v1, v2] = [await service("v1"), await service("v2")];
  place.write([route(v1, v2, 0)]);
  const sidecar = await place.start();
  expect(new Set(await answers(sidecar))).toEqual(new Set(["v1"]));

  place.write([route(v1, v2, 20)]);
  const wanted = (at: number) => async (): Promise<void> => void (await sidecar.line((line) => line.msg === "The configuration is live." && line.revision === at));
  await wanted(2)();
  const at20 = await answers(sidecar);
  place.write([route(v1, v2, 60)]);
  await wanted(3)();
  const at60 = await answers(sidecar);
  expect(at20.filter((name) => name === "v2").length).toBeGreaterThan(15);
  expect(at60.filter((name) => name === "v2").length).toBeGreaterThan(at20.filter((name) => name === "v2").length);
  expect(at20.every((name, user) => name === "v1" || at60[user] === "v2")).toBe(true);
  expect(await sidecar.stop()).toBe(0);
});

it("refuses a bad file whole, says why, and serves on with the last good one", async () => {
  const [v1, v2] = [await service("v1"), await service("v2")];
  place.write([route(v1, v2, 100)]);
  const sidecar = await place.start();
  place.write([{ ...route(v1, v2, 0), variant: [] }]);
  await sidecar.line((line) => line.msg.startsWith("The configuration is refused"));
  const { configuration, revision } = await sidecar.status();
  expect(configuration.lastLoadOk).toBe(false);
  expect(configuration.refusals).toBe(1);
  expect(configuration.lastRefusal!.detail).toMatch(/ebbgate\.json:1:\d+: dynamic\.routes\[0\]\.variant: .*did you mean.*variants/i);
  expect(revision).toBe(1);
  expect(new Set(await answers(sidecar, 20))).toEqual(new Set(["v2"]));
  expect(await sidecar.stop()).toBe(0);
});

it("gives users the variant that they had before a restart, even when the weight grew and shrank in between", async () => {
  const [v1, v2] = [await service("v1"), await service("v2")];
  place.write([route(v1, v2, 30)]);
  const first = await place.start();
  place.write([route(v1, v2, 50)]);
  await first.line((line) => line.msg === "The configuration is live.");
  const before = await answers(first);
  expect(await first.stop()).toBe(0);
  const second = await place.start();
  expect(await answers(second)).toEqual(before);
  expect(await second.stop()).toBe(0);
});

it("answers 25 of 25 requests that are in flight at SIGTERM, fails readiness meanwhile, and exits 0", async () => {
  const finishers: (() => void)[] = [];
  let allIn: () => void = () => {};
  const inFlight = new Promise<void>((resolve) => (allIn = resolve));
  const slow = await service("slow", (finish) => {
    finishers.push(finish);
    if (finishers.length === 25) allIn();
  });
  place.write([{ name: "shop", variants: [{ name: "v1", endpoints: [slow] }] }]);
  const sidecar = await place.start();
  const agent = new Agent({ keepAlive: true, maxSockets: 25 });
  const results = Array.from({ length: 25 }, async () => {
    const [response] = (await once(get(sidecar.proxy, { agent }), "response")) as [import("node:http").IncomingMessage];
    let body = "";
    for await (const chunk of response) body += String(chunk);
    return `${response.statusCode} ${body}`;
  });
  await inFlight;
  const exit = sidecar.stop();
  await sidecar.line((line) => line.msg === "Draining.");
  expect((await fetch(`${sidecar.admin}/readyz`)).status).toBe(503);
  for (const finish of finishers) finish();
  expect(await Promise.all(results)).toEqual(Array.from({ length: 25 }, () => "200 slow"));
  expect(await exit).toBe(0);
  agent.destroy();
});

it("rolls back a candidate that fails, and does not run that revision again after a restart", async () => {
  const v1 = await service("v1");
  const broken = createServer((_request, response) => {
    response.statusCode = 503;
    response.end("broken");
  });
  servers.push(broken);
  broken.listen(0, "127.0.0.1");
  await once(broken, "listening");
  const v2 = `http://127.0.0.1:${(broken.address() as AddressInfo).port}`;
  place.write([
    {
      name: "shop",
      cohort: { key: ["header:x-user"] },
      variants: [{ name: "v1", endpoints: [v1] }, { name: "v2", endpoints: [v2], revision: "2.0.0" }],
      rollout: { candidate: "v2", steps: [{ weight: 50, dwell: "1s" }, 100], breaker: { action: "rollback" } },
    },
  ]);
  const sidecar = await place.start();
  let rolledBack = false;
  const tripped = sidecar.line((line) => (line.decision as { reason?: string } | undefined)?.reason === "breakerTripped").then(() => (rolledBack = true));
  const seen = new Set<string>();
  for (let user = 0; !rolledBack; user++) seen.add(await (await fetch(sidecar.proxy, { headers: { "x-user": `user-${user}` } })).text());
  await tripped;
  // Fallback is on by default: nobody saw the failures.
  expect(seen).toEqual(new Set(["v1"]));
  expect((await sidecar.status()).rollouts[0]).toMatchObject({ weight: 0, quarantined: true });
  expect(await sidecar.stop()).toBe(0);

  const again = await place.start();
  expect((await again.status()).rollouts[0]).toMatchObject({ weight: 0, quarantined: true });
  expect((await again.status()).routes[0]!.variants.map(({ weight }) => weight)).toEqual([100, 0]);
  expect(await again.stop()).toBe(0);
});

it("ends with code 1 and one clear line when its port is taken, and when its file is wrong", async () => {
  const holder = createServer();
  servers.push(holder);
  holder.listen(0, "127.0.0.1");
  await once(holder, "listening");
  const { port } = holder.address() as AddressInfo;
  place.write([{ name: "shop", variants: [{ name: "v1", endpoints: ["http://127.0.0.1:9"] }] }], { listeners: [{ address: `127.0.0.1:${port}` }] });
  await expect(place.start()).rejects.toThrow(new RegExp(`code 1: ebbgate run: .*127\\.0\\.0\\.1:${port}`));
  place.write([{ name: "shop", variants: [] }]);
  await expect(place.start()).rejects.toThrow(/code 1: .*dynamic\.routes\[0\]\.variants/);
});
