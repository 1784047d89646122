/** How a gate lives, in real sidecars: open as far as the rollout's evidence says, stale after its time, held to a policy, and told for reviews. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ebbgate } from "../support/fleet.ts";
import { until } from "../support/redis.ts";
import { type SidecarProcess, Workplace } from "../support/sidecar.ts";

/** Real processes start and stop in each test, on a machine that others use as well. */
vi.setConfig({ testTimeout: 90_000 });

const dayMs = 86_400_000;
const inDays = (days: number): string => new Date(Date.now() + days * dayMs).toISOString();
const day = (days: number): string => inDays(days).slice(0, 10);

let place: Workplace;
let servers: Server[] = [];
beforeEach(() => (place = new Workplace()));
afterEach(() => {
  place.clear();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  servers = [];
});

async function service(status: () => number = () => 200): Promise<string> {
  const server = createServer((_request, response) => void response.writeHead(status()).end("ok"));
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const said = { description: "The checkout on one page", owner: "team-checkout", ticket: "SHOP-1", created: day(-10), sunset: day(60), criteria: "two weeks at 100%" };
const gate = { name: "new-checkout", route: "shop", variant: "v2", ...said };
const write = (route: object, parts: object): void =>
  place.writeText(JSON.stringify({ listeners: [{ address: "127.0.0.1:0" }], admin: { address: "127.0.0.1:0" }, store: { type: "file", directory: "data" }, dynamic: { routes: [{ name: "shop", cohort: { key: ["header:x-user"] }, ...route }], ...parts } }));
const run = (...argv: string[]) => ebbgate(place.directory, "gates", ...argv, "--config", "ebbgate.json");
const visit = async (sidecar: SidecarProcess, users: number): Promise<void> => {
  await Promise.all(Array.from({ length: users }, async (_, i) => (await fetch(sidecar.proxy, { headers: { "x-user": `u${i}` } })).text()));
};
const remembered = async (): Promise<{ readonly state: string; readonly requests: { readonly weighted: number } } | null> => (JSON.parse((await run("--json")).stdout) as { gates: [{ facts: { state: string; requests: { weighted: number } } | null }] }).gates[0].facts;
const becomes = (state: string): Promise<void> => until(async () => (await remembered())?.state === state, 60_000);

it("has a state that follows what was observed: partial, full, hidden when the judge takes the users away, and retired", async () => {
  let status = 200;
  const variants = [{ name: "v1", endpoints: [await service()] }, { name: "v2", endpoints: [await service(() => status)] }];
  const rollout = { candidate: "v2", steps: [{ weight: 50, dwell: "1h" }, 100], bake: "1h" };
  write({ variants, rollout }, { gates: [gate] });
  const sidecar = await place.start();
  await becomes("partial");
  await visit(sidecar, 100);
  const rollouts = `${sidecar.admin}/api/v1/rollouts/shop`;
  const etag = async (): Promise<string> => (await fetch(rollouts)).headers.get("etag")!;
  // The tag may change between the look and the command.
  await until(async () => (await fetch(`${rollouts}/promote`, { method: "POST", headers: { "content-type": "application/json", "if-match": await etag() }, body: "{}" })).ok);
  await becomes("full");
  status = 500;
  await until(async () => {
    await visit(sidecar, 50);
    return (await sidecar.status()).rollouts[0]!.weight === 0;
  }, 60_000);
  await becomes("hidden");
  write({ variants }, {});
  await sidecar.line(({ msg }) => msg === "The configuration is live.");
  await sidecar.stop();
  const { stdout } = await ebbgate(place.directory, "audit", "list", "--json", "--config", "ebbgate.json");
  const states = [...stdout.matchAll(/"action":"state","from":(?:null|"\w+"),"to":"(\w+)"/g)].map(([, to]) => to!);
  // A breaker may have closed it and probed in between.
  const [partial, full, hidden, retired] = [states.indexOf("partial"), states.indexOf("full"), states.lastIndexOf("hidden"), states.indexOf("retired")];
  expect([partial >= 0, partial < full, full < hidden, hidden < retired, retired === states.length - 1], states.join()).toEqual([true, true, true, true, true]);
});

it("is stale after its time, with what to do about it, and its report says how it was used", async () => {
  write({ variants: [{ name: "v1", endpoints: [await service()] }, { name: "v2", endpoints: [await service()], weight: 100 }] }, { gates: [gate] });
  const sidecar = await place.start();
  await visit(sidecar, 10);
  await becomes("full");
  await sidecar.stop();
  expect(await run("--stale")).toMatchObject({ code: 0, stdout: "no gate is stale\n" });
  expect((await run("--stale", "--at", inDays(20))).stdout).toMatch(/noTraffic 20d\n[^]*new-checkout: noTraffic: nobody uses its route/);
  expect((await run("--stale", "--at", inDays(40))).stdout).toMatch(/fullFor 40d, noTraffic 40d\n[^]*new-checkout: fullFor: make v2 the baseline, and take the gate out/);
  expect((await run("--stale", "--at", inDays(65))).stdout).toMatch(/pastSunset \dd, fullFor 65d, noTraffic 65d\n[^]*take it out, or give it a later sunset/);
  const { gates } = JSON.parse((await run("--stale", "--json", "--at", inDays(40))).stdout) as { gates: [{ name: string; stale: [{ reason: string }] }] };
  expect(gates.map(({ name, stale }) => [name, stale.map(({ reason }) => reason)])).toEqual([["new-checkout", ["fullFor", "noTraffic"]]]);

  const { stdout: report } = await run("report", "--at", inDays(40));
  expect(report).toContain(`# Gates, ${day(40)}`);
  expect(report).toContain("1 gate in ");
  for (const line of ["## new-checkout", said.description, "- **State**: full (100%)", "- **Owner**: team-checkout", "- **Ticket**: SHOP-1", `- **Life**: ${said.created} to ${said.sunset}`, "- **Opens**: v2 on route shop, 0 rules", "10 by weight", "- **Stale** (fullFor, 40 days)"]) {
    expect(report).toContain(line);
  }
});

it("a policy that warns takes a gate that says nothing, and one that enforces refuses the document and runs the last one on", async () => {
  const variants = [{ name: "v1", endpoints: [await service()] }, { name: "v2", endpoints: [await service()] }];
  const bare = { name: "NewCheckout", route: "shop", variant: "v2" };
  write({ variants }, { gates: [bare], gatePolicy: { mode: "warn" } });
  const sidecar = await place.start();
  await sidecar.line(({ msg }) => msg.startsWith("The gate policy: gates[0].owner"));
  await sidecar.line(({ msg }) => msg.startsWith("The gate policy: gates[0].name"));
  expect((await run("report")).stdout).toContain("- **Owner**: not said");
  write({ variants }, { gates: [bare] });
  await until(async () => (await sidecar.status()).configuration.refusals === 1);
  expect((await sidecar.status()).configuration.lastRefusal!.detail).toContain("owner");
  await visit(sidecar, 1);
  expect(await run()).toMatchObject({ code: 1, stderr: expect.stringContaining("Say who answers for the gate") as string });
  await sidecar.stop();
});
