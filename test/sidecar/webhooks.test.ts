import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { isSigned, Receiver, signingKey, silent, took } from "../support/receiver.ts";
import { until as waitUntil } from "../hooks/world.ts";
import { Workplace, type LogLine, type SidecarProcess } from "../support/sidecar.ts";

let place: Workplace;
const servers: Server[] = [];
const receivers: Receiver[] = [];

beforeEach(() => {
  place = new Workplace();
});
afterEach(async () => {
  place.clear();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  await Promise.all(receivers.splice(0).map((one) => one.down()));
});

async function service(status: number): Promise<string> {
  const server = createServer((_request, response) => void response.writeHead(status).end());
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function receiver(answer = took): Promise<Receiver> {
  const one = await Receiver.start(answer);
  receivers.push(one);
  return one;
}

const target = (name: string, { url }: Receiver, more: object = {}): object => ({ name, url, secret: signingKey, notify: {}, ...more });

/** A rollout whose candidate fails every request. */
async function failing(targets: readonly object[]): Promise<void> {
  const [v1, v2] = [await service(200), await service(503)];
  place.write(
    [{
      name: "shop",
      cohort: { key: ["header:x-user"] },
      variants: [{ name: "v1", endpoints: [v1] }, { name: "v2", endpoints: [v2], revision: "2.0.0" }],
      rollout: { candidate: "v2", steps: [{ weight: 50, dwell: "1s" }, 100], breaker: { action: "rollback" } },
    }],
    { webhooks: { allow: ["127.0.0.1"], targets } },
  );
}

const reasonOf = ({ decision }: LogLine): string | undefined => (decision as { reason?: string } | undefined)?.reason;

/** Users come until the rollout has decided this. */
async function until(sidecar: SidecarProcess, reason: string): Promise<void> {
  let decided = false;
  const seen = sidecar.line((line) => reasonOf(line) === reason).finally(() => (decided = true));
  const users = (async () => {
    for (let user = 0; !decided; user++) {
      await fetch(sidecar.proxy, { headers: { "x-user": `user-${user}` } }).then((response) => response.arrayBuffer(), () => undefined);
    }
  })();
  await Promise.all([seen, users]);
}

const ended = async ({ child }: SidecarProcess): Promise<void> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
};

/** Of every decision in the audit log. */
const recorded = (): { readonly id: string; readonly reason: string }[] =>
  readFileSync(join(place.directory, ".ebbgate/audit.jsonl"), "utf8").trim().split("\n").map((line) => {
    const { seq, hash, record } = JSON.parse(line) as { seq: number; hash: string; record: { reason: string } };
    return { id: `${seq}-${hash.slice(0, 24)}`, reason: record.reason };
  });

it("tells of every decision although it is killed before the receiver is there, once for each id, and no receiver delays a decision", async () => {
  const [down, hangs] = [await receiver(), await receiver(silent)];
  await down.down();
  await failing([target("down", down), target("hangs", hangs)]);
  const first = await place.start();
  // Nobody has been told anything when the rollback is decided, carried out and verified.
  await until(first, "verified");
  await waitUntil(() => recorded().at(-1)?.reason === "verified");
  expect(await first.stop("SIGKILL")).toBeNull();
  const decisions = recorded();
  expect(decisions.map(({ reason }) => reason)).toEqual(["started", "breakerTripped", "trafficStopped", "verified"]);
  expect(down.received).toEqual([]);

  const hung = hangs.received.length;
  hangs.answer = took;
  await down.up();
  const second = await place.start();
  for (const one of [down, hangs]) await one.until((received) => new Set(received.map(({ headers }) => headers["webhook-id"])).size >= decisions.length);
  expect(down.received.map(({ headers }) => headers["webhook-id"])).toEqual(decisions.map(({ id }) => id));
  expect(hangs.received.slice(hung).map(({ headers }) => headers["webhook-id"])).toEqual(decisions.map(({ id }) => id));
  expect(down.received.every((one) => isSigned(one))).toBe(true);
  expect(await second.stop()).toBe(0);
});

it("loses nothing when it is killed again and again between sending and noting that it was sent", async () => {
  const got = await receiver();
  await failing([target("all", got)]);
  const first = await place.start();
  // Killed by the receiver itself, while it takes each of the first three events.
  let current = first;
  let kills = 0;
  got.answer = (response) => {
    if (kills < 3) {
      kills++;
      current.child.kill("SIGKILL");
    } else response.end();
  };
  await until(first, "started").catch(() => undefined);
  await ended(first);
  for (let count = 1; count < 3; count++) {
    current = await place.start();
    await ended(current);
  }
  current = await place.start();
  await until(current, "verified");
  await waitUntil(() => recorded().at(-1)?.reason === "verified");
  const decisions = recorded().map(({ id }) => id);
  await got.until((received) => decisions.every((id) => received.some(({ headers }) => headers["webhook-id"] === id)));
  expect(new Set(got.received.map(({ headers }) => headers["webhook-id"]))).toEqual(new Set(decisions));
  expect(await current.stop()).toBe(0);
});
