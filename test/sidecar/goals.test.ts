/** Cohorts, goals and numbers through the whole sidecar: configuration, proxy threads, judge, status and metrics of a real process. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, expect, it } from "vitest";
import { Workplace, type SidecarProcess } from "../support/sidecar.ts";

const place = new Workplace();
const servers: Server[] = [];
afterAll(() => {
  place.clear();
  for (const server of servers) server.close();
});

/** Answers with so many results. */
async function service(results: number): Promise<string> {
  const server = createServer((_request, response) => void response.setHeader("x-results", results).end("ok"));
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Seen {
  readonly waiting: string | null;
  readonly split: { readonly counts: string; readonly candidate: number; readonly baseline: number; readonly share: number; readonly mismatch: boolean } | null;
  readonly limits: readonly { readonly metric: string; readonly name?: string; readonly candidateValue: number | null; readonly baselineValue: number | null; readonly candidateN: number; readonly baselineN: number }[];
}
const seen = async (sidecar: SidecarProcess): Promise<Seen> => (await sidecar.status()).rollouts[0] as unknown as Seen;

it("counts users, what they reach and what the service sends, and says so in status and metrics", async () => {
  place.write([
    {
      name: "shop",
      cohort: { key: ["header:x-user"] },
      variants: [{ name: "v1", endpoints: [await service(40)] }, { name: "v2", endpoints: [await service(20)] }],
      rollout: {
        candidate: "v2",
        steps: [{ weight: 50, dwell: "1h" }, 100],
        limits: [
          { metric: "errorRate" },
          { metric: "conversion", name: "order", goal: { method: "POST", path: "/orders" } },
          { metric: "custom", name: "results", header: "X-Results", worse: "lower" },
        ],
      },
    },
  ], { threads: 2 });
  const sidecar = await place.start();
  let user = 0;
  const visit = async (orders: boolean): Promise<void> => {
    const headers = { "x-user": `user-${user++}` };
    await (await fetch(sidecar.proxy, { headers })).text();
    if (orders) await (await fetch(`${sidecar.proxy}/orders`, { headers, method: "POST" })).text();
  };
  // Counting begins with the first whole second after both threads have the step's weight; requests are the clock.
  const deadlineMs = performance.now() + 20_000;
  let now = await seen(sidecar);
  while (!((now.split?.candidate ?? 0) > 40 && (now.limits[2]!.candidateN > 40)) && performance.now() < deadlineMs) {
    for (let i = 0; i < 20; i++) await visit(i % 4 === 0);
    now = await seen(sidecar);
  }
  expect(now.split).toMatchObject({ counts: "cohorts", share: 0.5, mismatch: false });
  expect(now.split!.candidate).toBeGreaterThan(40);
  expect(now.split!.baseline).toBeGreaterThan(20);
  const [, order, results] = now.limits;
  expect(order).toMatchObject({ metric: "conversion", name: "order" });
  for (const value of [order!.candidateValue, order!.baselineValue]) expect(Math.abs(value! - 0.25)).toBeLessThan(0.15);
  expect(results).toMatchObject({ metric: "custom", name: "results" });
  // The median is known to a bucket.
  expect(Math.abs(results!.baselineValue! / 40 - 1)).toBeLessThan(0.08);
  expect(Math.abs(results!.candidateValue! / 20 - 1)).toBeLessThan(0.08);

  const metrics = await (await fetch(`${sidecar.admin}/metrics`)).text();
  const value = (name: string, labels: string): number => Number(new RegExp(`^${name}\\{${labels}\\} ([\\d.e+-]+)$`, "m").exec(metrics)?.[1]);
  expect(value("ebbgate_cohorts_total", 'route="shop",variant="v1"') + value("ebbgate_cohorts_total", 'route="shop",variant="v2"')).toBeLessThanOrEqual(2 * user);
  expect(value("ebbgate_goals_total", 'route="shop",variant="v2",goal="order"')).toBeGreaterThan(5);
  expect(value("ebbgate_sample_ratio_evidence", 'route="shop",variant="v2"')).toBeLessThan(1_000);
  expect(value("ebbgate_limit_wealth", 'route="shop",variant="v2",limit="conversion:order"')).toBeGreaterThanOrEqual(0);
  await sidecar.stop();
}, 40_000);
