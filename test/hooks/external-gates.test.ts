import { afterEach, expect, test } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { AddressPolicy } from "../../src/hooks/address-policy.ts";
import { Caller } from "../../src/hooks/caller.ts";
import { ExternalGates } from "../../src/hooks/external-gates.ts";
import type { GateQuestion } from "../../src/rollout/questions.ts";
import { type Answer, fails, isSigned, Receiver, silent } from "../support/receiver.ts";
import { target, until } from "./world.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const says = (body: unknown): Answer => (response) => void response.end(JSON.stringify(body));

async function gates(answer: Answer, timeoutMs = 5_000) {
  const receiver = await Receiver.start(answer);
  const caller = new Caller(new AddressPolicy(["127.0.0.0/8"], () => []), systemClock, "test");
  const lines: string[] = [];
  const say = (fields: object, message: string): void => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const asked = new ExternalGates({
    caller, clock: systemClock, random: () => 0.5, pace: { pollMs: 10, retryFirstMs: 10, retryMaxMs: 20, closeMs: 0 }, source: "/ebbgate", log: { info: say, warn: say, error: say }, attempted: () => undefined,
    targetOf: (name) => (name === "calendar" ? target("calendar", receiver, { askEveryMs: 20, timeoutMs }) : undefined),
  });
  ends.push(() => asked.close(), () => caller.close(), () => receiver.down());
  return { receiver, asked, lines };
}

const question: GateQuestion = { route: "shop", candidate: "v2", revision: "r1", step: 1, fromWeight: 1, weight: 10, targets: ["calendar"], due: true };

test.each<[string, Answer, string, string | RegExp]>([
  ["says yes", says({ allow: true }), "yes", ""],
  ["says no", says({ allow: false, reason: "the fair is on\nBearer abcdef123456" }), "no", "the fair is on Bearer [redacted]"],
  ["says something else", says({ allowed: true }), "silent", /answered without/],
  ["says it in a text", says({ allow: "true" }), "silent", /answered without/],
  ["says nothing", (response) => void response.end(), "silent", /answered without/],
  ["says too much", (response) => void response.end("x".repeat(100_000)), "silent", /more than 16384 bytes/],
  ["fails", fails(500), "silent", "status 500"],
  ["redirects", fails(307, { location: "/yes" }), "silent", "status 307: redirects are not followed"],
])("a gate that %s is heard so", async (_, answer, heard, why) => {
  const { asked, receiver } = await gates(answer);
  asked.follow([question]);
  const [got] = await until(() => asked.answers(question).length === 1 && asked.answers(question));
  expect(got!.answer).toBe(heard);
  if (typeof why === "string") expect(got!.why).toBe(why);
  else expect(got!.why).toMatch(why);
  expect(isSigned(receiver.received[0]!)).toBe(true);
  expect(receiver.bodies[0]).toMatchObject({ type: "dev.ebbgate.rollout.question", subject: "shop", data: { route: "shop", candidate: "v2", revision: "r1", step: 1, fromWeight: 1, weight: 10, sentence: "shop: may v2 (r1) go from 1% to 10%?" } });
});

test("a gate that never answers is silent after its timeout, and is asked again", async () => {
  const { asked, receiver } = await gates(silent, 100);
  asked.follow([question]);
  const [got] = await until(() => asked.answers(question).length === 1 && asked.answers(question));
  expect(got).toEqual({ target: "calendar", answer: "silent", why: "no answer within 100 ms" });
  await receiver.until((received) => received.length >= 2);
});

test("a target that this sidecar does not have is silent", async () => {
  const { asked } = await gates(says({ allow: true }));
  const other = { ...question, targets: ["calender"] };
  asked.follow([other]);
  expect(await until(() => asked.answers(other)[0])).toEqual({ target: "calender", answer: "silent", why: "this sidecar's webhooks.targets do not have it" });
});

test("a gate is asked again while its question is open, its newest answer counts, and a change of it is logged once", async () => {
  const { asked, receiver, lines } = await gates(says({ allow: true }));
  asked.follow([question]);
  await until(() => asked.answers(question)[0]?.answer === "yes");
  receiver.answer = says({ allow: false, reason: "stop" });
  await until(() => asked.answers(question)[0]?.answer === "no");
  await receiver.until((received) => received.length >= 6);
  expect(lines).toHaveLength(2);
  const ids = receiver.received.map(({ headers }) => headers["webhook-id"]);
  expect(new Set(ids).size).toBe(ids.length);
});

test("nobody is asked before everything else is there, and no answer outlives its question", async () => {
  const { asked, receiver } = await gates(says({ allow: true }));
  asked.follow([{ ...question, due: false }]);
  expect(asked.answers(question)).toEqual([]);
  asked.follow([question]);
  await until(() => asked.answers(question).length === 1);
  // It goes on while the step is not taken, whatever else holds it.
  asked.follow([{ ...question, due: false }]);
  expect(asked.answers(question)).toHaveLength(1);
  asked.follow([{ ...question, step: 2, due: false }]);
  expect(asked.answers(question)).toEqual([]);
  asked.follow([{ ...question, revision: "r2" }]);
  await until(() => asked.answers({ ...question, revision: "r2" }).length === 1);
  expect(asked.answers(question)).toEqual([]);
  expect(receiver.bodies.at(-1)).toMatchObject({ data: { revision: "r2" } });
});
