/** What the path records of cohorts: through real proxy threads. */
import { describe, expect, it } from "vitest";
import type { GoalSnapshot } from "../../src/config/snapshot.ts";
import { newCohortBits } from "../../src/observe/cohort-set.ts";
import { counters, numberBuckets } from "../../src/observe/layout.ts";
import { numberBucketOf } from "../../src/observe/numbers.ts";
import { bucketOfHash, cohortHash } from "../../src/split/bucket.ts";
import { RawClient } from "../support/raw-client.ts";
import { valueOf } from "../support/raw-messages.ts";
import { ok } from "../support/raw-upstream.ts";
import type { TestProxy, TestRoute } from "../support/proxy.ts";
import { proxyFor, upstreamFor } from "../support/stage.ts";

const service = await upstreamFor(({ target }) => {
  if (target === "/orders/refused") return "HTTP/1.1 409 Conflict\r\ncontent-length: 0\r\n\r\n";
  return ok("fine", target === "/paid" ? "X-Goal: paid\r\n" : "x-goal: none\r\nX-Results: 12.5\r\n");
});
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

describe("a number in a header", () => {
  const numbers = (proxy: TestProxy): number[] => {
    const into = new Float64Array(numberBuckets);
    for (const variant of ["stable", "canary"]) proxy.reader("shop", variant).numbers(into, new Uint32Array(numberBuckets));
    return [...into.entries()].flatMap(([bucket, count]) => Array.from({ length: count }, () => bucket));
  };

  it("counts once for each user on a route with a key, and each time where requests are assigned by themselves", async () => {
    const number = { header: "x-results", worse: "higher" } as const;
    const keyed = await proxyFor([route({ number: { ...number, counted: newCohortBits() } })], { threads: 2 });
    for (let times = 0; times < 3; times++) await ask(keyed, 10, (user) => `x-user: u${user}\r\n`);
    await ask(keyed, 10, () => "");
    expect(numbers(keyed)).toEqual(Array.from({ length: 10 }, () => numberBucketOf("12.5", "higher")));

    const random = await proxyFor([route({ seen: null, cohort: { mode: "random", sources: [], salt: "shop", sticky: null }, number: { ...number, counted: null } })]);
    for (let times = 0; times < 3; times++) await ask(random, 10, () => "");
    expect(numbers(random)).toHaveLength(30);
  });

  it("is not read of an unjudged route, nor where it is none", async () => {
    const proxy = await proxyFor([route({ judged: false, number: { header: "x-results", worse: "higher", counted: null } })]);
    await ask(proxy, 5, (user) => `x-user: u${user}\r\n`);
    await proxy.publish([route({ number: { header: "x-goal", worse: "higher", counted: newCohortBits() } })]);
    await ask(proxy, 5, (user) => `x-user: u${user}\r\n`);
    expect(numbers(proxy)).toEqual([]);
  });
});

describe("a goal", () => {
  const goals = (): GoalSnapshot[] => [
    { goal: { kind: "request", method: "POST", path: { kind: "prefix", value: "/orders" }, statusFrom: 200, statusTo: 299 }, reached: newCohortBits() },
    { goal: { kind: "header", name: "x-goal", value: "paid" }, reached: newCohortBits() },
    { goal: { kind: "request", method: null, path: { kind: "exact", value: "/thanks" }, statusFrom: 200, statusTo: 299 }, reached: newCohortBits() },
  ];
  const reachedOf = (proxy: TestProxy, variant: string): number[] => {
    proxy.slab.refresh();
    return [0, 1, 2].map((goal) => proxy.reader("shop", variant).counter(counters.goals + goal));
  };
  /** @returns what both variants together have reached */
  async function reached(requests: readonly (readonly [user: string, line: string])[], parts: Partial<TestRoute> = {}): Promise<{ all: number[]; proxy: TestProxy }> {
    const proxy = await proxyFor([route({ goals: goals(), ...parts })], { threads: 2 });
    for (const [user, line] of requests) {
      const client = await RawClient.connect(proxy.port);
      client.send(`${line} HTTP/1.1\r\nHost: a\r\n${user === "" ? "" : `x-user: ${user}\r\n`}${line.startsWith("POST") ? "content-length: 0\r\n" : ""}\r\n`);
      await client.response();
      client.destroy();
    }
    const [stable, canary] = [reachedOf(proxy, "stable"), reachedOf(proxy, "canary")];
    return { all: stable.map((count, goal) => count + canary[goal]!), proxy };
  }

  it("is reached by a later request of the same user, once", async () => {
    const { all } = await reached([["a", "GET /"], ["a", "POST /orders?x=1"], ["a", "POST /orders/2"], ["b", "GET /"], ["b", "POST /./orders/"], ["c", "GET /"], ["c", "GET /thanks"]]);
    expect(all).toEqual([2, 0, 1]);
  });

  it("is not reached by a user's first request, by another method, path or status, or by nobody in particular", async () => {
    const { all } = await reached([
      ["a", "POST /orders"], ["b", "GET /"], ["b", "GET /orders"], ["b", "POST /ordersx"], ["b", "POST /orders/refused"], ["b", "GET /thanks/x"], ["", "GET /"], ["", "POST /orders"], ["", "GET /paid"],
    ]);
    expect(all).toEqual([0, 0, 0]);
  });

  it("is reached by a header of the service with that value, also at a first request", async () => {
    const { all } = await reached([["a", "GET /paid"], ["a", "GET /paid"], ["b", "GET /free"]]);
    expect(all).toEqual([0, 1, 0]);
  });

  it("is not reached by an answer that the baseline gave in the candidate's place", async () => {
    const down = await upstreamFor(() => "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
    const proxy = await proxyFor([{ ...route({ goals: goals() }), variants: { stable: { endpoints: [service.id] }, canary: { endpoints: [down.id], weight: 100 } } }]);
    const client = await RawClient.connect(proxy.port);
    client.send("GET /paid HTTP/1.1\r\nHost: a\r\nx-user: a\r\n\r\n");
    expect(valueOf(await client.response(), "x-goal")).toBe("paid");
    client.destroy();
    expect([...reachedOf(proxy, "stable"), ...reachedOf(proxy, "canary")]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it("counts for the variant that the user was given", async () => {
    const users = Array.from({ length: 30 }, (_, i) => `u${i}`);
    const { proxy } = await reached(users.flatMap((user) => [[user, "GET /"], [user, "POST /orders"]] as const));
    const hash = (key: string): number => cohortHash("shop").hash(key);
    const candidates = users.filter((user) => bucketOfHash(hash(user)) < 40_000).length;
    expect([reachedOf(proxy, "stable")[0], reachedOf(proxy, "canary")[0]]).toEqual([30 - candidates, candidates]);
    expect(candidates).toBeGreaterThan(3);
  });

  it("is written into the row of the request's second, for the judge", async () => {
    const { proxy } = await reached([["a", "GET /"], ["a", "POST /orders"]]);
    const now = Math.floor((performance.timeOrigin + performance.now()) / 1000);
    let [seen, goal] = [0, 0];
    for (const variant of ["stable", "canary"]) {
      for (let second = now - 30; second <= now + 1; second++) {
        goal += proxy.reader("shop", variant).stratum(second)?.goals[0] ?? 0;
        const given = { n: 0, cohorts: 0 };
        proxy.reader("shop", variant).addGiven(second, given);
        seen += given.cohorts;
      }
    }
    expect([seen, goal]).toEqual([1, 1]);
  });
});
