/** Several candidates through a real process: three services on real sockets, of which one goes bad. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { parse } from "yaml";
import { ebbgate } from "../support/command.ts";
import { Workplace, type SidecarProcess } from "../support/sidecar.ts";

const place = new Workplace();
const servers: Server[] = [];
afterAll(() => {
  place.clear();
  for (const server of servers) server.close();
});

const failing = new Set<string>();
const served: Record<string, number> = {};

async function service(name: string): Promise<string> {
  const server = createServer((request, response) => {
    // A variant without a service of its own is told which one it is to be.
    const theme = typeof request.headers["x-theme"] === "string" ? request.headers["x-theme"] : name;
    served[theme] = (served[theme] ?? 0) + 1;
    response.writeHead(failing.has(theme) ? 500 : 200).end(theme);
  });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Arm {
  readonly name: string;
  readonly candidate: string;
  readonly phase: string;
  readonly waiting: string | null;
  readonly weight: number;
  readonly quarantined: boolean;
  readonly limits: readonly { readonly threshold: number }[];
  readonly decisions: readonly { readonly reason: string; readonly rollout?: string }[];
}

it("runs the documented sample: the one that goes bad is taken back alone, and one of the others is chosen", async () => {
  const sample = parse(readFileSync(join(import.meta.dirname, "../../config/experiment.yaml"), "utf8")) as { dynamic: { routes: [{ variants: { name: string; endpoints?: string[] }[]; rollout: object }] } };
  const [route] = sample.dynamic.routes;
  for (const variant of route.variants) if (variant.endpoints !== undefined) variant.endpoints = [await service(variant.name)];
  // As documented, but for its addresses, its hours, and the breaker, which would probe first.
  Object.assign(route.rollout, { steps: [{ weight: 5, dwell: "1s", minRequests: 1, evidence: false }, { weight: 25, dwell: "7d", evidence: false }, { weight: 100, approval: true }], breaker: { action: "rollback" }, bake: "10m" });
  place.write([route]);
  const sidecar = await place.start();

  let user = 0;
  /** Who each of these users gets, in order. */
  const ask = (from: number, count: number): Promise<string[]> =>
    Promise.all(Array.from({ length: count }, async (_, i) => (await fetch(sidecar.proxy, { headers: { cookie: `session=user-${from + i}` } })).text()));
  const arms = async (): Promise<Record<string, Arm>> => {
    const { routes, rollouts } = await sidecar.status();
    // As it is given: what is raised is stored first.
    const given = new Map(routes[0]!.variants.map(({ name, weight }) => [name, weight]));
    return Object.fromEntries((rollouts as unknown as Arm[]).map((arm) => [arm.candidate, { ...arm, weight: given.get(arm.candidate)! }]));
  };
  const until = async (what: string, fits: (now: Record<string, Arm>) => boolean): Promise<Record<string, Arm>> => {
    const endMs = performance.now() + 40_000;
    for (;;) {
      await ask(user, 40);
      user = (user + 40) % 4_000;
      const now = await arms();
      if (fits(now)) {
        await takenOver(sidecar);
        return now;
      }
      if (performance.now() > endMs) throw new Error(`not ${what}: ${JSON.stringify(Object.values(now).map(({ name, phase, waiting, weight }) => [name, phase, waiting, weight]))}`);
    }
  };

  const even = await until("at 25% each", (now) => Object.values(now).every(({ weight }) => weight === 25));
  expect(Object.values(even).map(({ name }) => name)).toEqual(["shop:green", "shop:blue", "shop:bold"]);
  for (const { limits } of Object.values(even)) expect(limits[0]!.threshold).toBeCloseTo(600, 6);
  const before = await ask(0, 200);
  expect(new Set(before)).toEqual(new Set(["plain", "green", "blue", "bold"]));

  failing.add("blue");
  const after = await until("blue back at 0", (now) => now["blue"]!.weight === 0);
  failing.delete("blue");
  expect(after["blue"]!.quarantined).toBe(true);
  expect([after["green"]!.weight, after["bold"]!.weight]).toEqual([25, 25]);
  // Its users are the baseline's, and nobody else has moved.
  expect(await ask(0, 200)).toEqual(before.map((variant) => (variant === "blue" ? "plain" : variant)));
  const blues = served["blue"];
  await ask(0, 200);
  expect(served["blue"]).toBe(blues);

  const verb = async (...args: string[]) => ebbgate([...args, "--yes"], { cwd: place.directory, env: { EBBGATE_ADMIN: sidecar.admin } });
  expect(await verb("approve", "shop:bold")).toMatchObject({ code: 0 });
  expect(await verb("promote", "shop:bold")).toMatchObject({ code: 0 });
  const chosen = await until("bold for all", (now) => now["bold"]!.weight === 100);
  expect([chosen["green"]!.phase, chosen["green"]!.quarantined, chosen["green"]!.weight]).toEqual(["retired", false, 0]);
  expect(chosen["green"]!.decisions.at(-1)).toMatchObject({ reason: "notChosen", rollout: "shop:green" });
  expect(new Set(await ask(0, 200))).toEqual(new Set(["bold"]));
  await sidecar.stop();

  const log = join(place.directory, ".ebbgate/audit.jsonl");
  expect(await ebbgate(["replay", log], {})).toMatchObject({ code: 0 });
  const report = await ebbgate(["report", "shop:blue", "--config", "ebbgate.json"], { cwd: place.directory });
  expect(report.code).toBe(0);
  expect(report.out).toContain("shop:blue");
}, 120_000);

/** Every proxy thread runs what was posted last. */
async function takenOver(sidecar: SidecarProcess): Promise<void> {
  for (;;) {
    const { revision, threads } = (await sidecar.status()) as unknown as { revision: number; threads: { revision: number }[] };
    if (threads.every((thread) => thread.revision >= revision)) return;
  }
}
