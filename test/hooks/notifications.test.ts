import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { Secret } from "../../src/core/secret.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import { failedRollout, tripped } from "../support/decisions.ts";
import { fails, isSigned, Receiver, signingKey, silent, took } from "../support/receiver.ts";
import { endAll, hooksWith, settingsOf, target, toldAll, until } from "./world.ts";

const receivers: Receiver[] = [];
afterEach(async () => {
  await endAll();
  await Promise.all(receivers.splice(0).map((one) => one.down()));
});

async function receiver(answer = took): Promise<Receiver> {
  const one = await Receiver.start(answer);
  receivers.push(one);
  return one;
}

const { records } = failedRollout();
const reasons = records.map(({ reason }) => reason);
const typeOf = (body: Record<string, unknown>): string => String(body["type"]).replace("dev.ebbgate.rollout.", "");

test("a failed rollout decides four times", () => {
  expect(reasons).toEqual(["started", "breakerTripped", "trafficStopped", "verified"]);
});

describe("a target", () => {
  test("is told of every decision once and in order, as signed CloudEvents that say what happened", async () => {
    const got = await receiver();
    const { store } = await hooksWith(settingsOf([target("all", got)]));
    for (const record of records) await store.append(record);
    await got.until((received) => received.length === records.length);
    expect(got.bodies.map(typeOf)).toEqual(reasons);
    expect(got.received.every((one) => isSigned(one))).toBe(true);
    expect(got.received.every(({ headers }) => headers["content-type"] === "application/cloudevents+json; charset=utf-8")).toBe(true);
    const audit = await store.audit(1, 10);
    expect(got.bodies[1]).toMatchObject({
      specversion: "1.0", source: "/ebbgate/test", subject: "shop", datacontenttype: "application/json", time: audit[1]!.time,
      data: { seq: 2, severity: "warn", sentence: expect.stringContaining("loses its traffic at once") as string, route: "shop", from: "progressing", to: "rollingBack", fromWeight: 1, weight: 0, badResponses: 30 },
    });
    // What `decide` was given is for the audit log: it is no news, and long.
    expect(got.bodies[1]!["data"]).not.toHaveProperty("inputs");
    const ids = got.received.map(({ headers }) => headers["webhook-id"]);
    expect(new Set(ids).size).toBe(records.length);
    expect(got.bodies.map(({ id }) => id)).toEqual(ids);
  });

  test("is not told what was decided before it was configured, and goes on where it was when it is", async () => {
    const [got, store] = [await receiver(), new MemoryStore()];
    await store.append(records[0]!);
    const first = await hooksWith(settingsOf([target("all", got)]), { store });
    await store.append(records[1]!);
    await got.until((received) => received.length === 1);
    await toldAll({ hooks: first.hooks, store });
    await first.hooks.close();
    await store.append(records[2]!);
    await hooksWith(settingsOf([target("all", got)]), { store });
    await got.until((received) => received.length === 2);
    expect(got.bodies.map(typeOf)).toEqual([reasons[1], reasons[2]]);
  });

  test("gets the same event with the same id again where its answer was lost", async () => {
    const [got, store] = [await receiver(silent), new MemoryStore()];
    const first = await hooksWith(settingsOf([target("all", got)]), { store });
    await store.append(records[0]!);
    await got.until((received) => received.length === 1);
    await first.hooks.close();
    got.answer = took;
    await hooksWith(settingsOf([target("all", got)]), { store });
    await got.until((received) => received.length === 2);
    expect(got.received[1]!.headers["webhook-id"]).toBe(got.received[0]!.headers["webhook-id"]);
    expect(got.received[1]!.body).toBe(got.received[0]!.body);
  });

  test.each([["answers 500", fails(500)], ["redirects", fails(302, { location: "http://127.0.0.1:1/" })], ["asks to wait", fails(429, { "retry-after": "0" })]])(
    "that %s is tried again until it takes the event, and nothing overtakes it",
    async (_, failing) => {
      const got = await receiver((response, received, count) => (count <= 3 ? failing : took)(response, received, count));
      const { store, hooks } = await hooksWith(settingsOf([target("all", got)]));
      for (const record of records.slice(0, 2)) await store.append(record);
      await got.until((received) => received.length === 5);
      expect(got.bodies.map(typeOf)).toEqual([...Array<string>(4).fill(reasons[0]!), reasons[1]]);
      await toldAll({ hooks, store });
      expect(hooks.status()[0]).toMatchObject({ taken: 2, failed: 3, gaveUp: 0, lastFailure: null, deadLetters: 0 });
    },
  );

  test("that is down hears everything when it is back, and holds up no other one", async () => {
    const [down, well] = [await receiver(), await receiver()];
    await down.down();
    const { store, hooks } = await hooksWith(settingsOf([target("down", down), target("well", well)]));
    for (const record of records) await store.append(record);
    await well.until((received) => received.length === records.length);
    expect(hooks.status().map(({ behind }) => behind)[0]).toBe(records.length);
    await until(() => hooks.status()[0]!.lastFailure === "ECONNREFUSED");
    await down.up();
    await down.until((received) => received.length === records.length);
    expect(down.bodies.map(typeOf)).toEqual(reasons);
  });

  test("that never answers is given up each time it is asked, and holds up no other one", async () => {
    const [slow, well] = [await receiver(silent), await receiver()];
    const { store, hooks } = await hooksWith(settingsOf([target("slow", slow, { timeoutMs: 100 }), target("well", well)]));
    for (const record of records) await store.append(record);
    await well.until((received) => received.length === records.length);
    expect(await until(() => hooks.status()[0]!.lastFailure)).toBe("no answer within 100 ms");
  });

  test("hears only what is severe enough, and of its routes", async () => {
    const [warned, other] = [await receiver(), await receiver()];
    const { store, hooks } = await hooksWith(settingsOf([target("warned", warned, { notify: { from: "warn", routes: ["shop"] } }), target("other", other, { notify: { from: "info", routes: ["cart"] } })]));
    for (const record of records) await store.append(record);
    await toldAll({ hooks, store });
    expect(warned.bodies.map(typeOf)).toEqual(["breakerTripped"]);
    expect(other.received).toEqual([]);
  });

  test("is called with a secret from a file as it is now, without a restart", async () => {
    const directory = await mkdtemp(join(tmpdir(), "ebbgate-secret-"));
    try {
      const path = join(directory, "key");
      const second = `whsec_${Buffer.from("another key of thirty-two bytes.").toString("base64")}`;
      await writeFile(path, `${signingKey}\n`);
      const got = await receiver();
      const { store } = await hooksWith(settingsOf([target("all", got, { secret: { kind: "file", path } })]));
      await store.append(records[0]!);
      const [first] = await got.until((received) => received.length === 1 && received);
      await writeFile(path, second);
      await store.append(records[1]!);
      const [, next] = await got.until((received) => received.length === 2 && received);
      expect([isSigned(first!), isSigned(next!), isSigned(next!, second)]).toEqual([true, false, true]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe("a dead letter", () => {
  test("is kept when an event's time is up, the next event goes on, and it is sent again on request with its id", async () => {
    const got = await receiver((response, received, count) => (received.body.includes("breakerTripped") && count < 100 ? fails(503) : took)(response, received, count));
    const { store, hooks, lines } = await hooksWith(settingsOf([target("all", got, { giveUpAfterMs: 0 })]));
    for (const record of records) await store.append(record);
    await toldAll({ hooks, store });
    expect(got.bodies.map(typeOf)).toEqual(reasons);
    const [letter, ...more] = await hooks.deadLetters("all");
    expect(more).toEqual([]);
    expect(letter).toMatchObject({ target: "all", attempts: 1, detail: "status 503", event: { type: "dev.ebbgate.rollout.breakerTripped" } });
    expect(hooks.status()[0]).toMatchObject({ gaveUp: 1 });
    expect(lines.join("\n")).toContain("it is kept as a dead letter");

    expect(await hooks.replay("all", "ada")).toEqual({ sent: [{ id: letter!.event.id, taken: false, detail: "status 503" }], left: 1 });
    expect(await hooks.deadLetters("all")).toHaveLength(1);
    got.answer = took;
    expect(await hooks.replay("all", "ada")).toEqual({ sent: [{ id: letter!.event.id, taken: true, detail: "status 200" }], left: 0 });
    expect(await hooks.deadLetters("all")).toEqual([]);
    expect((await store.audit(5, 10)).map(({ record }) => record)).toEqual([[0, 1], [1, 0]].map(([taken, notTaken]) => ({ kind: "webhook", action: "replayed", target: "all", who: "ada", taken, notTaken })));
    expect(hooks.status()[0]).toMatchObject({ deadLetters: 0 });
    const ids = got.received.filter(({ body }) => body.includes("breakerTripped")).map(({ headers }) => headers["webhook-id"]);
    expect(new Set(ids).size).toBe(1);
    expect(got.received.every((one) => isSigned(one))).toBe(true);
  });

  test("of many is sent again in order, up to the first that fails; or one of them alone", async () => {
    const got = await receiver(fails(503));
    const { store, hooks } = await hooksWith(settingsOf([target("all", got, { giveUpAfterMs: 0 })]));
    for (const record of records) await store.append(record);
    await toldAll({ hooks, store });
    const ids = (await hooks.deadLetters("all")).map(({ event }) => event.id);
    expect(ids).toHaveLength(4);
    expect((await hooks.deadLetters("all", ids[1], 1)).map(({ event }) => event.id)).toEqual([ids[2]]);
    got.answer = (response, received, count) => (received.headers["webhook-id"] === ids[2] ? fails(500) : took)(response, received, count);
    expect(await hooks.replay("all", "ada", ids[3])).toMatchObject({ sent: [{ id: ids[3], taken: true }], left: 0 });
    expect(await hooks.replay("all", "ada")).toMatchObject({ sent: [{ id: ids[0], taken: true }, { id: ids[1], taken: true }, { id: ids[2], taken: false }], left: 1 });
    got.answer = took;
    expect(await hooks.replay("all", "ada")).toMatchObject({ sent: [{ id: ids[2], taken: true }], left: 0 });
    expect(await hooks.replay("all", "ada")).toEqual({ sent: [], left: 0 });
  });

  test("is made at once where the receiver says that it will never take the event", async () => {
    const got = await receiver(fails(422));
    const { store, hooks } = await hooksWith(settingsOf([target("all", got)]));
    await store.append(records[0]!);
    await toldAll({ hooks, store });
    expect(got.received).toHaveLength(1);
    expect(await hooks.deadLetters("all")).toMatchObject([{ attempts: 1, detail: "status 422" }]);
  });
});

describe("what cannot be reached over the network that it is in", () => {
  test.each([
    ["a private address that is not on the allow list", [], /is not a public address, and webhooks.allow does not have it/],
    ["this sidecar itself", ["127.0.0.0/8"], /is this sidecar itself/],
  ])("%s is not called, however it is named", async (_, allow, why) => {
    const got = await receiver();
    const own = why.source.includes("itself") ? [{ host: "127.0.0.1", port: got.port }] : [];
    for (const host of ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"]) {
      const { store, hooks } = await hooksWith(settingsOf([target("all", { url: `http://${host}:${got.port}/` })], allow), { own: () => own, store: new MemoryStore() });
      await store.append(records[0]!);
      // `localhost` may be ::1 as well, where nobody listens.
      expect(await until(() => hooks.status()[0]!.lastFailure)).toMatch(why);
    }
    expect(got.received).toEqual([]);
  });

  test("metadata services are not called although the allow list has them", async () => {
    const { store, hooks } = await hooksWith(settingsOf([target("all", { url: "http://169.254.169.254/latest" })], ["0.0.0.0/0", "169.254.0.0/16"]));
    await store.append(records[0]!);
    expect(await until(() => hooks.status()[0]!.lastFailure)).toBe("169.254.169.254 is a link-local, metadata or multicast address, which is never called");
  });
});

test("one of a fleet tells nobody while another leads, and goes on under its own lease when that is gone", async () => {
  const [got, store] = [await receiver(), new MemoryStore()];
  const settings = settingsOf([target("all", got)]);
  let [first, second]: (number | null)[] = [(await store.lease("leader", "a", 60_000))!.epoch, null];
  const fence = (epoch: number | null | undefined) => (epoch === null || epoch === undefined ? null : { lease: "leader", epoch });
  const leading = await hooksWith(settings, { store, fence: () => fence(first) });
  const other = await hooksWith(settings, { store, fence: () => fence(second) });
  await store.append(records[0]!);
  await got.until((received) => received.length === 1);
  expect(other.hooks.status()[0]).toMatchObject({ taken: 0, behind: null });
  await toldAll({ hooks: leading.hooks, store });
  await store.release("leader", first!);
  first = null;
  second = (await store.lease("leader", "b", 60_000))!.epoch;
  await store.append(records[1]!);
  await got.until((received) => received.length === 2);
  await toldAll({ hooks: other.hooks, store });
  expect(other.hooks.status()[0]).toMatchObject({ taken: 1 });
  expect(got.bodies.map(typeOf)).toEqual(reasons.slice(0, 2));
});

test("a log that was lost and begun anew is followed from what is new in it, and gives no id twice", async () => {
  const got = await receiver();
  let store = new MemoryStore();
  const inner = new Proxy({} as MemoryStore, { get: (_, name) => Reflect.get(store, name, store).bind(store) as unknown });
  const { hooks } = await hooksWith(settingsOf([target("all", got)]), { store: inner });
  for (const record of records) await store.append(record);
  await got.until((received) => received.length === records.length);
  await toldAll({ hooks, store });
  // Its documents are lost as well.
  store = new MemoryStore();
  await new Promise((resolve) => setTimeout(resolve, 2));
  await store.append(failedRollout().decide(40_000, { command: { verb: "override", by: "ada", why: "tried" } }));
  await got.until((received) => received.length === records.length + 1);
  expect(typeOf(got.bodies.at(-1)!)).toBe("commandOverride");
  expect(new Set(got.bodies.map(({ id }) => id)).size).toBe(records.length + 1);
});

test("no secret is in an event, a log line, a status or a dead letter", async () => {
  const bearer = "a-bearer-token-of-this-test";
  const got = await receiver(fails(500));
  const closed = await receiver();
  await closed.down();
  const { store, hooks, lines } = await hooksWith(settingsOf([
    target("all", got, { giveUpAfterMs: 0, bearer: { kind: "text", text: new Secret(bearer) } }), target("down", closed, { giveUpAfterMs: 0 }),
  ]));
  const told = failedRollout().decide(40_000, { command: { verb: "override", by: "ada", why: `curl -H 'Authorization: Bearer ${bearer}'` } });
  await store.append(told);
  await toldAll({ hooks, store });
  expect(got.received[0]!.headers.authorization).toBe(`Bearer ${bearer}`);
  const shown = JSON.stringify([got.bodies, hooks.status(), await hooks.deadLetters("all"), lines, settingsOf([target("all", got)])]);
  expect(lines.length).toBeGreaterThan(0);
  for (const secret of [bearer, signingKey, signingKey.slice(6), "in-the-url"]) expect(shown).not.toContain(secret);
});

test("what a receiver is told of a command is who gave it and why", async () => {
  const got = await receiver();
  const { store } = await hooksWith(settingsOf([target("all", got)]));
  await store.append(failedRollout().decide(40_000, { ...tripped, command: { verb: "override", by: "ada", why: "fixed by hand" } }));
  const [body] = await got.until((received) => received.length === 1 && got.bodies);
  expect(body).toMatchObject({ data: { command: { verb: "override", by: "ada", why: "fixed by hand" } } });
});
