import { once } from "node:events";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { until } from "../hooks/world.ts";
import { isSigned, Receiver, signingKey, silent, took } from "../support/receiver.ts";
import type { SidecarProcess } from "../support/sidecar.ts";
import { TwoVersions } from "../support/two-versions.ts";

/** Real processes start and stop, on a machine that others use as well. */
vi.setConfig({ testTimeout: 120_000 });

let shop: TwoVersions;
const receivers: Receiver[] = [];

beforeEach(() => {
  shop = new TwoVersions();
  shop.status = 503;
});
afterEach(async () => {
  shop.clear();
  await Promise.all(receivers.splice(0).map((one) => one.down()));
});

async function receiver(answer = took): Promise<Receiver> {
  const one = await Receiver.start(answer);
  receivers.push(one);
  return one;
}

const target = (name: string, { url }: Receiver, more: object = {}): object => ({ name, url, secret: signingKey, notify: {}, ...more });
const rollout = { steps: [{ weight: 50, dwell: "1s" }, 100] };

/** Of every decision in the audit log. */
const ids = (): string[] => shop.log().map(({ seq, hash }) => `${seq}-${hash.slice(0, 24)}`);
const idsOf = ({ received }: Receiver): unknown[] => received.map(({ headers }) => headers["webhook-id"]);

const ended = async ({ child }: SidecarProcess): Promise<void> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
};

it("tells of every decision although it is killed before the receiver is there, once for each id, and no receiver delays a decision", async () => {
  const [down, hangs] = [await receiver(), await receiver(silent)];
  await down.down();
  const first = await shop.start(rollout, { allow: ["127.0.0.1"], targets: [target("down", down), target("hangs", hangs)] });
  // Nobody has been told anything when the rollback is decided, carried out and verified.
  await shop.whileUsersCome(first, shop.decided("verified"));
  expect(await first.stop("SIGKILL")).toBeNull();
  expect(shop.moves()).toEqual(["started", "breakerTripped", "trafficStopped", "verified"]);
  expect(down.received).toEqual([]);

  const hung = hangs.received.length;
  hangs.answer = took;
  await down.up();
  const second = await shop.place.start();
  for (const one of [down, hangs]) await one.until(() => new Set(idsOf(one)).size >= ids().length);
  expect(idsOf(down)).toEqual(ids());
  expect(idsOf(hangs).slice(hung)).toEqual(ids());
  expect(down.received.every((one) => isSigned(one))).toBe(true);
  expect(await second.stop()).toBe(0);
});

it("loses nothing when it is killed again and again between sending and noting that it was sent", async () => {
  const got = await receiver();
  let current = await shop.start(rollout, { allow: ["127.0.0.1"], targets: [target("all", got)] });
  // Killed by the receiver itself, while it takes the first event, three times.
  let kills = 0;
  got.answer = (response) => {
    if (kills < 3) {
      kills++;
      current.child.kill("SIGKILL");
    } else response.end();
  };
  await ended(current);
  for (let count = 1; count < 3; count++) {
    current = await shop.place.start();
    await ended(current);
  }
  current = await shop.place.start();
  await shop.whileUsersCome(current, shop.decided("verified"));
  await got.until(() => ids().every((id) => idsOf(got).includes(id)));
  expect(new Set(idsOf(got))).toEqual(new Set(ids()));
  expect(await current.stop()).toBe(0);
});

it("PITFALLS 29: shows no secret in its log, its status, its metrics, its audit log, its store and its process title", async () => {
  const [got, bearer] = [await receiver((response) => void response.writeHead(500).end()), "a-bearer-token-of-this-test"];
  const sidecar = await shop.start(rollout, { allow: ["127.0.0.1"], targets: [target("all", got, { bearer, giveUpAfter: 0 })] });
  await shop.whileUsersCome(sidecar, shop.decided("verified"));
  await until(async () => (await shop.place.text()).includes('"detail":"status 500"'));
  expect(got.received[0]!.headers.authorization).toBe(`Bearer ${bearer}`);
  const pages = await Promise.all(["/api/v1/status", "/metrics"].map(async (path) => (await fetch(`${sidecar.admin}${path}`)).text()));
  const report = await shop.cli("report", "shop", "--config", "ebbgate.json", "--format", "html");
  const shown = [...pages, report.stdout, JSON.stringify(sidecar.lines), await shop.place.text(), sidecar.child.spawnargs.join(" ")].join("\n");
  for (const secret of [bearer, signingKey, signingKey.slice(6), "in-the-url"]) expect(shown).not.toContain(secret);
  expect(shown).toContain("it is kept as a dead letter");
  expect(await sidecar.stop()).toBe(0);
});
