import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { OpenLoad } from "../../src/cli/demo/load.ts";
import { Tally } from "../../src/cli/demo/tally.ts";
import { systemClock } from "../../src/core/clock.ts";
import { seededRandom } from "../../src/core/random.ts";

const closers: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function serve(handler: Parameters<typeof createServer>[1]): Promise<{ server: Server; origin: string }> {
  const server = createServer(handler).listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function loadOn(origin: string, patienceMs = 5_000): { load: OpenLoad; tally: Tally } {
  const tally = new Tally();
  const load = new OpenLoad({ origin, requestsPerSecond: 400, users: 50, patienceMs, clock: systemClock, random: seededRandom(7), tally });
  closers.push(() => load.close());
  return { load, tally };
}

test("requests go on arriving while the service does not answer", async () => {
  let arrived = 0;
  const enough = Promise.withResolvers<void>();
  const { origin } = await serve((request) => {
    request.resume();
    if (++arrived === 100) enough.resolve();
  });
  const { load, tally } = loadOn(origin);
  load.start();
  await enough.promise;
  expect(tally.inFlight).toBeGreaterThanOrEqual(100);
  expect(tally.total((stage) => stage.requests)).toBe(0);
});

test("every request is counted once, by its status, its version and whether it was safe", async () => {
  const seen = { GET: 0, other: 0 };
  const enough = Promise.withResolvers<void>();
  const { origin } = await serve((request, response) => {
    request.resume();
    seen[request.method === "GET" ? "GET" : "other"] += 1;
    response.writeHead(request.method === "GET" ? 200 : 503, { "shop-version": "2" }).end("{}");
    if (seen.GET + seen.other === 200) enough.resolve();
  });
  const { load, tally } = loadOn(origin);
  load.start();
  await enough.promise;
  await load.stop();
  const { ramp } = tally.stages;
  expect({ requests: ramp.requests, safe: ramp.safe, bad: ramp.bad, safeBad: ramp.safeBad }).toEqual({
    requests: seen.GET + seen.other,
    safe: seen.GET,
    bad: seen.other,
    safeBad: 0,
  });
  expect([...ramp.versions]).toEqual([["2", ramp.requests]]);
  expect([...ramp.badBy]).toEqual([["503", seen.other]]);
});

test("a service that closes the connection gives no answer, which ends badly", async () => {
  const enough = Promise.withResolvers<void>();
  let arrived = 0;
  const { origin } = await serve((request) => {
    request.socket.destroy();
    if (++arrived === 20) enough.resolve();
  });
  const { load, tally } = loadOn(origin);
  load.start();
  await enough.promise;
  await load.stop();
  expect(tally.stages.ramp.bad).toBe(tally.stages.ramp.requests);
  expect(tally.stages.ramp.badBy.get("no answer")).toBe(tally.stages.ramp.requests);
});

test("an answer counts in the stage in which its request was sent", async () => {
  const answers: (() => void)[] = [];
  const first = Promise.withResolvers<void>();
  const { origin } = await serve((request, response) => {
    request.resume();
    answers.push(() => response.end("{}"));
    first.resolve();
  });
  const { load, tally } = loadOn(origin);
  load.start();
  await first.promise;
  const stopped = load.stop();
  tally.stage = "after";
  for (const answer of answers) answer();
  // Requests that were still on their way arrive now.
  const late = setInterval(() => answers.splice(0).forEach((answer) => answer()), 5);
  await stopped;
  clearInterval(late);
  expect(tally.stages.ramp.requests).toBeGreaterThan(0);
  expect(tally.stages.after.requests).toBe(0);
});
