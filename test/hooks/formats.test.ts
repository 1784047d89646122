import { expect, test } from "vitest";
import { eventOf, type HookEvent } from "../../src/hooks/event.ts";
import { messageOf } from "../../src/hooks/formats.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import { drilledRollout, failedRollout, ill } from "../support/decisions.ts";

async function eventsOf(records: readonly object[]): Promise<HookEvent[]> {
  const store = new MemoryStore();
  for (const record of records) await store.append(record);
  return (await store.audit(1, 100)).flatMap((record) => eventOf(record) ?? []);
}

const parsed = (format: "slack" | "pagerduty", event: HookEvent): Record<string, unknown> => JSON.parse(messageOf(format, event, "/ebbgate", "the-routing-key").body) as Record<string, unknown>;

test("a Slack message says in one sentence what happened, and nothing of it becomes markup", async () => {
  const [event] = await eventsOf([{ ...failedRollout().records[1]!, candidate: "<!channel> v2 & more" }]);
  const message = parsed("slack", event!);
  expect(message["text"]).toMatch(/^:warning: shop: &lt;!channel&gt; v2 &amp; more loses its traffic at once/);
  expect(message["blocks"]).toMatchObject([{ type: "section", text: { type: "mrkdwn", text: message["text"] } }, { type: "context" }]);
});

test("a PagerDuty alert is opened by an escalation, and closed when somebody has taken it in hand", async () => {
  const told = failedRollout();
  const escalating = failedRollout();
  escalating.state = { ...escalating.state, phase: "verifying", sinceMs: 0 };
  const escalated = escalating.decide(80_000, { baseline: ill, baselineSinceVerify: ill });
  const override = escalating.decide(90_000, { command: { verb: "override", by: "ada", why: "the cause was the database" } });
  const [opened, closed] = (await eventsOf([escalated, override])).map((event) => parsed("pagerduty", event));
  expect(escalated.reason).toBe("notVerified");
  expect(opened).toMatchObject({
    routing_key: "the-routing-key", event_action: "trigger", dedup_key: "/ebbgate:shop/v2/r1",
    payload: { severity: "critical", source: "/ebbgate", component: "shop", class: "dev.ebbgate.rollout.notVerified", summary: expect.stringContaining("shop") as string, custom_details: { seq: 1, reason: "notVerified" } },
  });
  expect(closed).toEqual({ routing_key: "the-routing-key", event_action: "resolve", dedup_key: "/ebbgate:shop/v2/r1" });
  const [, tripped, , verified] = (await eventsOf(told.records)).map((event) => parsed("pagerduty", event));
  expect([tripped!["event_action"], verified!["event_action"]]).toEqual(["trigger", "resolve"]);
});

test("a drill is told as one, to whoever is told of warnings, with its times; and its alert is one of its own that ends with it", async () => {
  const told = await eventsOf(drilledRollout().records);
  expect(told.map(({ type, severity }) => [type, severity])).toEqual([
    ["dev.ebbgate.rollout.started", "info"], ["dev.ebbgate.rollout.drill", "warn"], ["dev.ebbgate.rollout.trafficStopped", "info"], ["dev.ebbgate.rollout.drillPassed", "warn"], ["dev.ebbgate.rollout.drillEnded", "info"],
  ]);
  expect(told.slice(1).every(({ sentence, data }) => sentence.startsWith("Drill: shop: v2") && (data as { drill: boolean }).drill)).toBe(true);
  expect(told[0]!.data).toMatchObject({ drill: false });
  expect(told[3]!.data).toMatchObject({ drilled: { acknowledgedAfterMs: 83, stoppedAfterMs: 600, verifiedAfterMs: 2_700, outcome: "passed" } });
  expect(told.slice(1).map(({ incident }) => incident)).toEqual([false, false, true, true].map((over) => ({ key: "shop/v2/r1/drill", over })));
  const { dedup_key, event_action } = JSON.parse(messageOf("pagerduty", told[3]!, "/ebbgate", "key").body) as Record<string, string>;
  expect([dedup_key, event_action]).toEqual(["/ebbgate:shop/v2/r1/drill", "resolve"]);
});

test("what PagerDuty bounds is bounded", async () => {
  const [event] = await eventsOf([{ ...failedRollout().records[1]!, route: "r".repeat(400), candidate: "c".repeat(2_000) }]);
  const { dedup_key, payload } = parsed("pagerduty", event!) as { dedup_key: string; payload: { summary: string } };
  expect([dedup_key.length, payload.summary.length]).toEqual([255, 1_024]);
});

test("the kill switch is told as what somebody has to know, and its alert ends when the gate is revived; a gate's new state is told as well", async () => {
  const told = await eventsOf([
    { kind: "gate", gate: "new-checkout", action: "kill", who: "ada", reason: "orders are lost" }, { kind: "gate", gate: "new-checkout", action: "state", from: "partial", to: "hidden", reason: "it was killed" },
    { kind: "gate", gate: "new-checkout", action: "revive", who: "ada", reason: "fixed" },
  ]);
  expect(told.map(({ type, severity }) => [type, severity])).toEqual([["dev.ebbgate.gate.killed", "warn"], ["dev.ebbgate.gate.hidden", "info"], ["dev.ebbgate.gate.revived", "warn"]]);
  expect(told[0]).toMatchObject({ sentence: "Gate new-checkout was killed by ada: orders are lost", data: { gate: "new-checkout", who: "ada", reason: "orders are lost" } });
  expect([told[0]!, told[2]!].map((event) => parsed("pagerduty", event)["event_action"])).toEqual(["trigger", "resolve"]);
});

test("a change of the configuration is told with who made it, and records of other kinds are not told", async () => {
  const events = await eventsOf([{ kind: "configuration", action: "applied", who: "ada@laptop", revision: 7, reason: "Bearer abcdefgh12345 in a reason" }, { kind: "something else" }]);
  expect(events).toMatchObject([{ type: "dev.ebbgate.configuration.applied", route: null, severity: "info", sentence: "The configuration was applied by ada@laptop as revision 7: Bearer [redacted] in a reason." }]);
});
