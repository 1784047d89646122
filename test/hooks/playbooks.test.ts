import { afterEach, expect, test } from "vitest";
import type { PlaybookStep } from "../../src/config/rollout-plan.ts";
import { type PlaybookRecord, isPlaybookRecord } from "../../src/rollout/playbook-record.ts";
import type { HookStore } from "../../src/hooks/ports.ts";
import { Secret } from "../../src/core/secret.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import { drilledRollout, failedRollout } from "../support/decisions.ts";
import { type Answer, fails, isSigned, Receiver, silent, took } from "../support/receiver.ts";
import { plan } from "../rollout/world.ts";
import { endAll, hooksWith, settingsOf, target, toldAll, until } from "./world.ts";

const receivers: Receiver[] = [];
afterEach(async () => {
  await endAll();
  await Promise.all(receivers.splice(0).map((one) => one.down()));
});

async function receiver(answer: Answer = took): Promise<Receiver> {
  const one = await Receiver.start(answer);
  receivers.push(one);
  return one;
}

const step = (name: string, to: string, onFailure: PlaybookStep["onFailure"] = "continue"): PlaybookStep => ({ name, target: to, onFailure });
const routesWith = (playbook: readonly PlaybookStep[]) => [{ name: "shop", rollouts: [plan({ playbook })] }];
const stepOf = (body: Record<string, unknown>): string => (body["data"] as { step: string }).step;

async function outcomes(store: HookStore): Promise<PlaybookRecord[]> {
  return (await store.audit(1, 100)).flatMap(({ record }) => (isPlaybookRecord(record) ? [record] : []));
}

test("a rollback's steps are called in order, each when the one before it is over, and each outcome is recorded", async () => {
  const code = await receiver((response, received, count) => (count <= 2 ? fails(503) : took)(response, received, count));
  const ticket = await receiver();
  const playbook = [step("revert-code", "code"), step("open-ticket", "ticket"), step("page", "code")];
  const { store } = await hooksWith(settingsOf([target("code", code, { notify: null }), target("ticket", ticket, { notify: null })]), {}, routesWith(playbook));
  for (const record of failedRollout({ playbook }).records) await store.append(record);
  const done = await until(async () => (await outcomes(store)).length === 3 && outcomes(store));
  expect(done).toMatchObject([
    { route: "shop", candidate: "v2", revision: "r1", rollback: 2, index: 0, step: "revert-code", target: "code", outcome: "done", attempts: 3, status: 200 },
    { index: 1, step: "open-ticket", target: "ticket", outcome: "done", attempts: 1 },
    { index: 2, step: "page", target: "code", outcome: "done", attempts: 1 },
  ]);
  expect(code.bodies.map(stepOf)).toEqual(["revert-code", "revert-code", "revert-code", "page"]);
  expect(new Set(code.received.slice(0, 3).map(({ headers }) => headers["webhook-id"])).size).toBe(1);
  expect([...code.received, ...ticket.received].every((one) => isSigned(one))).toBe(true);
  expect(ticket.bodies[0]).toMatchObject({
    type: "dev.ebbgate.playbook.step", subject: "shop",
    data: { step: "open-ticket", number: 2, of: 3, rollback: 2, route: "shop", baseline: "v1", candidate: "v2", revision: "r1", reason: "breakerTripped", badResponses: 30, sentence: expect.stringContaining("loses its traffic") as string },
  });
});

test("a step that fails is recorded as failed, and the next one is called all the same, unless it says stop", async () => {
  const [broken, well] = [await receiver(fails(500)), await receiver()];
  const targets = settingsOf([target("broken", broken, { giveUpAfterMs: 0, notify: null }), target("well", well, { notify: null })]);
  const going = [step("one", "broken"), step("two", "well"), step("three", "nobody")];
  const first = await hooksWith(targets, {}, routesWith(going));
  for (const record of failedRollout({ playbook: going }).records) await first.store.append(record);
  const went = await until(async () => (await outcomes(first.store)).length === 3 && outcomes(first.store));
  expect(went.map(({ outcome, detail }) => [outcome, detail])).toEqual([["failed", "status 500"], ["done", "status 200"], ["failed", "this sidecar's webhooks.targets do not have it"]]);

  const stopping = [step("one", "broken", "stop"), step("two", "well"), step("three", "well")];
  const second = await hooksWith(targets, {}, routesWith(stopping));
  for (const record of failedRollout({ playbook: stopping }).records) await second.store.append(record);
  const stopped = await until(async () => (await outcomes(second.store)).length === 3 && outcomes(second.store));
  expect(stopped.map(({ outcome }) => outcome)).toEqual(["failed", "skipped", "skipped"]);
  expect(well.received).toHaveLength(1);
});

test("a step that failed is told as what a person has to see", async () => {
  const [broken, pager] = [await receiver(fails(500)), await receiver()];
  const playbook = [step("revert-code", "broken")];
  const made = await hooksWith(settingsOf([target("broken", broken, { giveUpAfterMs: 0, notify: null }), target("pager", pager, { notify: { from: "page", routes: null } })]), {}, routesWith(playbook));
  for (const record of failedRollout({ playbook }).records) await made.store.append(record);
  const [told] = await pager.until((received) => received.length === 1 && pager.bodies);
  expect(told).toMatchObject({ type: "dev.ebbgate.playbook.failed", data: { severity: "page", sentence: "shop: playbook step 'revert-code' for v2 (r1) failed after 1 attempt at broken: status 500." } });
});

test("what was done before the process ended is not done again, and what was under way is asked for again with its id", async () => {
  const got = await receiver((response, received, count) => (count === 2 ? silent : took)(response, received, count));
  const store = new MemoryStore();
  const playbook = ["one", "two", "three"].map((name) => step(name, "got"));
  const settings = settingsOf([target("got", got, { notify: null })]);
  const first = await hooksWith(settings, { store }, routesWith(playbook));
  for (const record of failedRollout({ playbook }).records) await store.append(record);
  await got.until((received) => received.length === 2);
  await first.hooks.close();
  expect((await outcomes(store)).map(({ step: name }) => name)).toEqual(["one"]);
  await hooksWith(settings, { store }, routesWith(playbook));
  await until(async () => (await outcomes(store)).length === 3);
  expect(got.bodies.map(stepOf)).toEqual(["one", "two", "two", "three"]);
  expect(got.received[2]!.headers["webhook-id"]).toBe(got.received[1]!.headers["webhook-id"]);
});

test("a drill calls the steps that are made for it, and says so; the others are left out, and that is recorded", async () => {
  const [code, pager] = [await receiver(), await receiver()];
  const playbook = [step("revert-code", "code"), { ...step("tell-deploy", "code"), drill: "call" as const }, { ...step("page", "pager"), drill: "call" as const }];
  const settings = settingsOf([target("code", code, { notify: null }), target("pager", pager, { format: "pagerduty", routingKey: { kind: "text", text: new Secret("k".repeat(32)) }, notify: null })]);
  const { store } = await hooksWith(settings, {}, routesWith(playbook));
  for (const record of drilledRollout({ playbook }).records) await store.append(record);
  const done = await until(async () => (await outcomes(store)).length === 3 && outcomes(store));
  expect(done).toMatchObject([
    { drill: true, rollback: 2, step: "revert-code", outcome: "skipped", attempts: 0, detail: "a drill leaves it out" }, { drill: true, step: "tell-deploy", outcome: "done" }, { drill: true, step: "page", outcome: "done" },
  ]);
  expect(code.bodies).toMatchObject([{ data: { step: "tell-deploy", drill: true, reason: "drill", sentence: expect.stringContaining("for a drill by ada") as string } }]);
  expect(pager.bodies).toMatchObject([{ dedup_key: "/ebbgate/test:shop/v2/r1/drill", payload: { summary: expect.stringMatching(/^Drill: /) as string, custom_details: { drill: true } } }]);
});

test("a real rollback's steps say that it is no drill", async () => {
  const code = await receiver();
  const playbook = [{ ...step("revert-code", "code"), drill: "call" as const }];
  const { store } = await hooksWith(settingsOf([target("code", code, { notify: null })]), {}, routesWith(playbook));
  for (const record of failedRollout({ playbook }).records) await store.append(record);
  await until(async () => (await outcomes(store)).length === 1);
  expect(code.bodies).toMatchObject([{ data: { drill: false, reason: "breakerTripped" } }]);
});

test("a playbook runs for a rollback of its own route, and for nothing else", async () => {
  const got = await receiver();
  const playbook = [step("one", "got")];
  const made = await hooksWith(settingsOf([target("got", got)]), {}, routesWith(playbook));
  const { records } = failedRollout({ playbook });
  for (const record of [records[0]!, ...failedRollout({ playbook, name: "cart", route: "cart" }).records, records[2]!, records[3]!]) await made.store.append(record);
  await toldAll(made);
  expect(await outcomes(made.store)).toEqual([]);
});
