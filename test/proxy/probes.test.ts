import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { DeclaredProbes, type ProbeCounts, type ProbedVariant } from "../../src/proxy/probes.ts";
import { address } from "../support/proxy.ts";

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

/** A service that tells how it was asked; `asked(n)` resolves with the n-th question. */
async function service(): Promise<{ url: string; status: number; questions: string[]; asked(n: number): Promise<void> }> {
  let wake: () => void = () => {};
  const state = {
    url: "", status: 200, questions: [] as string[],
    asked: async (n: number): Promise<void> => {
      while (state.questions.length < n) await new Promise<void>((resolve) => (wake = resolve));
    },
  };
  const server = createServer((request, response) => {
    state.questions.push(`${request.method} ${request.url} ${request.headers["user-agent"]}`);
    response.statusCode = state.status;
    response.end(request.method === "HEAD" ? undefined : "well");
    wake();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stops.push(() => {
    server.closeAllConnections();
    server.close();
  });
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return state;
}

const settings = { method: "GET", path: "/well?deep=1", intervalMs: 10, timeoutMs: 30_000 } as const;
const variant = (urls: readonly string[], changes: Partial<ProbedVariant> = {}): ProbedVariant => ({ route: "shop", variant: "v2", endpoints: urls.map(address), settings, active: true, ...changes });

function probes(): DeclaredProbes {
  const made = new DeclaredProbes(() => 0.5);
  stops.push(() => made.close());
  return made;
}

/** The counts are polled, as the control loop polls them. */
async function counts(of: DeclaredProbes, fits: (counts: ProbeCounts) => boolean): Promise<ProbeCounts> {
  for (;;) {
    const now = of.counts("shop", "v2");
    if (now !== null && fits(now)) return now;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

it("asks the declared question with the declared method, every endpoint in turn, and counts good answers in a row", async () => {
  const [one, two] = [await service(), await service()];
  const asked = probes();
  asked.follow([variant([one.url, two.url], { settings: { ...settings, method: "HEAD" } })]);
  expect(await counts(asked, ({ goodInRow }) => goodInRow >= 4)).toMatchObject({ failed: 0, failedInRow: 0 });
  expect(one.questions[0]).toBe("HEAD /well?deep=1 ebbgate-probe");
  expect(Math.abs(one.questions.length - two.questions.length)).toBeLessThanOrEqual(1);
});

it("counts a bad status and a dead endpoint as failures, and starts the row over", async () => {
  const one = await service();
  const asked = probes();
  asked.follow([variant([one.url])]);
  await counts(asked, ({ goodInRow }) => goodInRow >= 2);
  one.status = 503;
  expect(await counts(asked, ({ failedInRow }) => failedInRow >= 2)).toMatchObject({ goodInRow: 0 });
  one.status = 302;
  expect(await counts(asked, ({ goodInRow }) => goodInRow >= 2)).toMatchObject({ failedInRow: 0 });
  asked.follow([variant(["http://127.0.0.1:9"])]);
  await counts(asked, ({ failedInRow }) => failedInRow >= 2);
});

it("a service that accepts and never answers has failed after the timeout", async () => {
  const server = createServer(() => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stops.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const asked = probes();
  asked.follow([variant([`http://127.0.0.1:${(server.address() as AddressInfo).port}`], { settings: { ...settings, timeoutMs: 50 } })]);
  expect(await counts(asked, ({ failedInRow }) => failedInRow >= 2)).toMatchObject({ goodInRow: 0 });
});

it("stops asking when it is not to ask now, and keeps its counts until the variant is no longer declared", async () => {
  const one = await service();
  const asked = probes();
  const active = variant([one.url]);
  asked.follow([active]);
  await one.asked(2);
  asked.follow([{ ...active, active: false }]);
  const questions = one.questions.length;
  const { sent } = asked.counts("shop", "v2")!;
  // Another variant's probes tell that time has passed.
  const other = await service();
  asked.follow([{ ...active, active: false }, variant([other.url], { variant: "v3" })]);
  await other.asked(5);
  expect(one.questions.length).toBeLessThanOrEqual(questions + 1);
  expect(asked.counts("shop", "v2")!.sent).toBe(sent);
  asked.follow([]);
  expect(asked.counts("shop", "v2")).toBeNull();
});
