/** What the path records of cohorts: through real proxy threads. */
import { expect, it } from "vitest";
import { newCohortBits } from "../../src/observe/cohort-set.ts";
import { counters } from "../../src/observe/layout.ts";
import { RawClient } from "../support/raw-client.ts";
import { ok } from "../support/raw-upstream.ts";
import type { TestProxy, TestRoute } from "../support/proxy.ts";
import { proxyFor, upstreamFor } from "../support/stage.ts";

const service = await upstreamFor(() => ok("fine"));
const route = (parts: Partial<TestRoute> = {}): TestRoute => ({
  name: "shop", judged: true, seen: newCohortBits(), ...parts,
  variants: { stable: { endpoints: [service.id] }, canary: { endpoints: [service.id], weight: 40 } },
});

async function ask(proxy: TestProxy, users: number, lines: (user: number) => string): Promise<void> {
  const client = await RawClient.connect(proxy.port);
  for (let user = 0; user < users; user++) {
    client.send(`GET / HTTP/1.1\r\nHost: a\r\n${lines(user)}\r\n`);
    await client.response();
  }
  client.destroy();
}

const cohorts = (proxy: TestProxy, variant: string): number => {
  proxy.slab.refresh();
  return proxy.reader("shop", variant).counter(counters.cohorts);
};
const both = (proxy: TestProxy): number => cohorts(proxy, "stable") + cohorts(proxy, "canary");

it("counts each user once, whichever of the proxy threads the connections land on", async () => {
  const proxy = await proxyFor([route()], { threads: 2 });
  for (let connection = 0; connection < 8; connection++) await ask(proxy, 40, (user) => `x-user: u${user}\r\n`);
  expect(both(proxy)).toBe(40);
  expect(cohorts(proxy, "canary")).toBeGreaterThan(5);
  expect(cohorts(proxy, "stable")).toBeGreaterThan(5);
});

it("counts them anew when the weights have changed, and not without need: neither without a key, nor where nobody asks", async () => {
  const proxy = await proxyFor([route()]);
  await ask(proxy, 20, (user) => `x-user: u${user}\r\n`);
  await proxy.publish([route()]);
  await ask(proxy, 20, (user) => `x-user: u${user}\r\n`);
  expect(both(proxy)).toBe(40);
  await ask(proxy, 20, () => "");
  await proxy.publish([route({ seen: null })]);
  await ask(proxy, 20, (user) => `x-user: v${user}\r\n`);
  await proxy.publish([route({ judged: false })]);
  await ask(proxy, 20, (user) => `x-user: w${user}\r\n`);
  expect(both(proxy)).toBe(40);
});
