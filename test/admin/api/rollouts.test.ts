/** Rollouts and their verbs, over sockets. */
import { describe, expect, it } from "vitest";
import type { ExplainedDecision } from "../../../src/rollout/status.ts";
import { commandVerbs, type CommandVerb } from "../../../src/rollout/types.ts";
import { ask, parsed, post, type Problem, start } from "../client.ts";
import { rollout, world } from "../world.ts";

const { route, candidate, revision, waiting, step, weight, badResponses, windows } = rollout();
const decision: ExplainedDecision = {
  route, candidate, revision, waiting, step, weight, badResponses, atMs: 1, reason: "commandPause", from: "progressing", to: "paused", fromWeight: 10, limit: null, breaker: null, command: null, subject: null, refusal: null,
  candidateWindow: windows.candidate, baselineWindow: windows.baseline, sentence: "It is paused.",
};
const lowering: readonly CommandVerb[] = ["pause", "rollback"];

describe("a rollout", () => {
  it("has an ETag that stays while only numbers move, and changes with each thing that a person decides upon", async () => {
    const w = world();
    const at = await start(w);
    const tag = async (): Promise<string> => (await ask(at, "/api/v1/rollouts/shop")).headers.etag!;
    const first = await tag();
    const [limit] = rollout().limits;
    w.state.rollouts = [rollout({ badResponses: 77, limits: rollout().limits.map((one) => ({ ...one, wealth: 9, candidateN: 5 })) })];
    expect(await tag()).toBe(first);
    for (const over of [
      { phase: "paused" }, { step: 2 }, { weight: 11 }, { revision: "other" }, { candidate: "v3" }, { steps: [1, 2] }, { sinceMs: 5 }, { exposureBudget: 1 }, { cooldownUntilMs: 1 }, { regionsOut: ["eu"] }, { waiting: "approval" }, { limits: [{ ...limit!, margin: 0.5 }] },
    ] as const) {
      w.state.rollouts = [rollout(over)];
      expect([over, await tag()]).not.toEqual([over, first]);
    }
  });

  it("that does not exist is 404, with the names of those that do", async () => {
    const at = await start();
    for (const reply of [await ask(at, "/api/v1/rollouts/shpo"), await post(at, "/api/v1/rollouts/shpo/pause", {})]) {
      expect(reply.status).toBe(404);
      expect(parsed<Problem>(reply).detail).toBe('There is no rollout "shpo". There is: shop.');
    }
  });
});

describe("the list of rollouts", () => {
  it("is given in pages by name, none twice and none left out, also where the configuration changes between two pages", async () => {
    const w = world();
    const named = (names: readonly string[]): void => void (w.state.rollouts = names.map((name) => rollout({ name })));
    named(["e", "b", "a", "d", "c"]);
    const at = await start(w);
    type Page = { readonly items: readonly { readonly name: string }[]; readonly next: string | null };
    const page = async (query: string): Promise<Page> => parsed<Page>(await ask(at, `/api/v1/rollouts?${query}`));
    const first = await page("limit=2");
    expect([first.items.map(({ name }) => name), first.next]).toEqual([["a", "b"], "b"]);
    named(["e", "a", "d", "c"]);
    const second = await page("limit=2&cursor=b");
    expect(second.items.map(({ name }) => name)).toEqual(["c", "d"]);
    const third = await page(`limit=2&cursor=${second.next!}`);
    expect([third.items.map(({ name }) => name), third.next]).toEqual([["e"], null]);
  });
});

describe.each(commandVerbs)("the verb %s", (verb) => {
  const path = `/api/v1/rollouts/shop/${verb}`;

  it("asks the rollout in the caller's name and words, and answers what was decided", async () => {
    const w = world();
    w.state.result = { outcome: "accepted", decision };
    const at = await start(w);
    const etag = (await ask(at, "/api/v1/rollouts/shop")).headers.etag!;
    const reply = await post(at, path, { reason: " because of Ümläuts " }, { "if-match": etag, "ebbgate-user": "ada@host" });
    expect([reply.status, parsed(reply)]).toMatchObject([200, { outcome: "accepted", decision: { sentence: "It is paused." }, rollout: { name: "shop" } }]);
    expect(w.commands).toEqual([{ name: "shop", verb, by: "ada@host", verified: false, why: "because of Ümläuts" }]);
    expect(reply.headers.etag).toBe(etag);
  });

  it("is refused with the rule's own sentence, or handed to the leader", async () => {
    const w = world();
    const at = await start(w);
    const headers = { "if-match": (await ask(at, "/api/v1/rollouts/shop")).headers.etag! };
    const refused = await post(at, path, { reason: "x" }, headers);
    expect([refused.status, parsed<Problem>(refused).detail]).toEqual([409, "No step waits for an approval."]);
    w.state.result = { outcome: "forwarded", detail: "sidecar b leads" };
    expect(parsed(await post(at, path, { reason: "x" }, headers))).toMatchObject({ outcome: "forwarded", detail: "sidecar b leads", rollout: { name: "shop" } });
  });

  it(`${lowering.includes(verb) ? "waits for no look at the rollout" : "needs the ETag of what was looked at"}`, async () => {
    const w = world();
    w.state.result = { outcome: "accepted", decision };
    const at = await start(w);
    expect((await post(at, path, { reason: "x" })).status).toBe(lowering.includes(verb) ? 200 : 428);
    expect((await post(at, path, { reason: "x" }, { "if-match": '"stale"' })).status).toBe(412);
    expect(w.commands.length).toBe(lowering.includes(verb) ? 1 : 0);
  });

  it("counts once for one Idempotency-Key", async () => {
    const w = world();
    w.state.result = { outcome: "accepted", decision };
    const at = await start(w);
    const headers = { "if-match": (await ask(at, "/api/v1/rollouts/shop")).headers.etag!, "idempotency-key": "one" };
    const replies = [await post(at, path, { reason: "x" }, headers), await post(at, path, { reason: "x" }, headers)];
    expect(replies[0]!.body).toBe(replies[1]!.body);
    expect(w.commands.length).toBe(1);
  });
});

it("nobody rolls back, overrides or says anything with control characters without a reason that can be read", async () => {
  const w = world();
  const at = await start(w);
  const headers = { "if-match": (await ask(at, "/api/v1/rollouts/shop")).headers.etag! };
  for (const verb of ["rollback", "override"]) {
    for (const body of [{}, { reason: "" }, { reason: "   " }, { reason: 1 }]) expect((await post(at, `/api/v1/rollouts/shop/${verb}`, body, headers)).status).toBe(422);
  }
  for (const reason of ["a\nb", "a\u0000b", "a\u001b[31m", "x".repeat(1_001)]) expect((await post(at, "/api/v1/rollouts/shop/pause", { reason }, headers)).status).toBe(422);
  expect(w.commands).toEqual([]);
});
