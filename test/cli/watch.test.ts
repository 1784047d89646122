import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { type Status, statusOf } from "../../src/admin/status.ts";
import { changes, changeText } from "../../src/cli/watch/changes.ts";
import { frame, type View } from "../../src/cli/watch/frame.ts";
import { samplesMax, samplesOf, withSample, type History } from "../../src/cli/watch/history.ts";
import { nextStep, span } from "../../src/cli/watch/next-step.ts";
import { lineText, plainText } from "../../src/cli/watch/spans.ts";
import { ascii, blocks, sparkline } from "../../src/cli/watch/sparkline.ts";
import { rolloutPhases, waitReasons } from "../../src/core/reasons.ts";
import type { ExplainedDecision } from "../../src/rollout/status.ts";
import { rollout, world } from "../admin/world.ts";
import { ebbgate, hasTerminal, inTerminal, start } from "../support/command.ts";

// A busy machine starts a process in seconds.
vi.setConfig({ testTimeout: 120_000 });

const own = world();
own.answer(0, 90, 2_000, 200);
own.answer(1, 10, 3_000, 503);
own.tick(1_000);
const status = (over: Partial<Status> = {}): Status => ({ ...statusOf(own.ports), ...over });
const view = (over: Partial<View> = {}): View => ({ url: "http://127.0.0.1:9901", status: status(), fault: null, history: new Map(), only: null, signs: blocks, ...over });
const wide = { columns: 120, rows: Number.POSITIVE_INFINITY };

const decision = (over: Partial<ExplainedDecision>): ExplainedDecision => ({
  route: "shop", candidate: "v2", revision: "r", atMs: 1_795_000_000_000, reason: "stepCompleted", from: "progressing", to: "progressing", waiting: null, step: 1, fromWeight: 1, weight: 10,
  limit: null, breaker: null, command: null, subject: null, refusal: null, candidateWindow: rollout().windows.candidate, baselineWindow: rollout().windows.baseline, badResponses: 0, sentence: "shop: v2 goes on.", ...over,
});

test("one picture has weights, rates, quantiles and curves of both versions, verdicts, what comes next, and why", () => {
  let history: History = new Map();
  for (let i = 0; i < 30; i++) history = withSample(history, status());
  const shown = plainText(frame(view({ history, status: status({ rollouts: [rollout({ phase: "waiting", waiting: "approval", decisions: [decision({})] })] }) }), wide));
  expect(shown).toContain("shop  v2 2026-11-22 at 10% beside v1  waiting (approval)");
  expect(shown).toContain("1% > [10%] > 50% > 100%");
  expect(shown).toMatch(/v1 +90% +[\d.]+ +0% +2\.0 ms/);
  expect(shown).toMatch(/v2 +10% +[\d.]+ +100\.0% +3\.0 ms/);
  expect(shown).toMatch(/errors {2}v1 +▁+ {2}v2 +█+/);
  expect(shown).toContain("error rate      inconclusive");
  expect(shown).toContain("latency (p99)   breached     40 ms beside the baseline's 9 ms, limit 10 ms  evidence 201 of 200, rollback");
  expect(shown).toContain("4 of 500 bad responses spent");
  expect(shown).toContain("next  step 3 of 4 (50%) waits for an approval: ebbgate approve shop");
  expect(shown).toContain("stepCompleted: shop: v2 goes on.");
});

test("a picture never is larger than the screen, and nothing that others wrote steers the terminal", () => {
  const text = fc.string({ unit: "binary", maxLength: 40 });
  const anyRollout = fc.record({ name: text, candidate: text, baseline: fc.constantFrom("v1", "x"), revision: text, phase: fc.constantFrom(...rolloutPhases), waiting: fc.constantFrom(null, ...waitReasons), step: fc.integer({ min: -1, max: 4 }), sentence: text });
  fc.assert(
    fc.property(fc.array(anyRollout, { maxLength: 12 }), fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 80 }), fc.boolean(), (rollouts, columns, rows, faulty) => {
      const all = rollouts.map(({ sentence, ...over }) => rollout({ ...over, decisions: [decision({ sentence })] }));
      const lines = frame(view({ status: status({ rollouts: all }), fault: faulty ? { why: "gone\u001b[2J", sinceMs: 0 } : null }), { columns, rows });
      expect(lines.length).toBeLessThanOrEqual(rows);
      for (const line of lines) {
        const plain = lineText(line, columns, false);
        expect(plain.length).toBeLessThanOrEqual(columns);
        expect(plain).not.toMatch(/\p{Cc}/u);
        // Colours add themselves and nothing else.
        expect(lineText(line, columns, true).split("\u001b").map((part, i) => (i === 0 ? part : part.replace(/^\[\d+m/, ""))).join("")).toBe(plain);
      }
    }),
    { numRuns: 40 },
  );
});

test("where not everything fits, details go before rollouts do, and it is said what is not shown", () => {
  const rollouts = Array.from({ length: 8 }, (_, i) => rollout({ name: `route-${i}` }));
  const at = (rows: number): string => plainText(frame(view({ status: status({ rollouts }) }), { columns: 100, rows }));
  expect(at(200)).toContain("latency (p99)");
  expect(at(60)).not.toContain("latency (p99)");
  for (const { name } of rollouts) expect(at(12)).toContain(name);
  expect(at(6)).toContain("and 5 more: ebbgate watch NAME shows one alone");
});

test("curves: as wide as asked, a gap where nothing is known, and what is older than the screen is gone", () => {
  expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8, 7, blocks)).toBe(blocks);
  expect(sparkline([7, null, 0], 5, 7, ascii)).toBe("  @ _");
  fc.assert(fc.property(fc.array(fc.option(fc.double({ min: 0, noNaN: true }))), fc.nat(100), fc.double({ min: 0, noNaN: true }), (values, width, most) => sparkline(values, width, most, blocks).length === width));
  let history: History = withSample(new Map(), status());
  for (let i = 0; i < samplesMax + 10; i++) history = withSample(history, null);
  expect(samplesOf(history, "shop", "v1").rate).toHaveLength(samplesMax);
  expect(samplesOf(history, "shop", "v1").rate.every((value) => value === null)).toBe(true);
});

test("what comes next is said of every phase and of everything that is waited for", () => {
  for (const phase of rolloutPhases) for (const waiting of [null, ...waitReasons]) expect(nextStep(rollout({ phase, waiting }), 0).length, `${phase} ${waiting}`).toBeGreaterThan(10);
  expect(nextStep(rollout({ phase: "waiting", waiting: "cooldown", cooldownUntilMs: 61_000 }), 0)).toBe("step 3 of 4 (50%) when the cooldown is over, in 1m1s");
  expect(nextStep(rollout({ phase: "waiting", waiting: "externalGate", externalGates: [{ target: "qa", answer: "no", why: "not yet" }] }), 0)).toContain("qa says no (not yet)");
  expect([0, 59_999, 3_600_000, 90_000_000].map(span)).toEqual(["0s", "59s", "1h0m", "1d1h"]);
});

test("changes: each decision once, what appears and goes, and what happens to the sidecar", () => {
  const first = status({ rollouts: [rollout({ decisions: [decision({})] })] });
  expect(changes(null, first, null).map(({ kind }) => kind)).toEqual(["rollout"]);
  const later = status({ ready: false, notReady: ["draining"], rollouts: [rollout({ decisions: [decision({}), decision({ atMs: 1_795_000_001_000, reason: "commandPause", to: "paused", sentence: "Paused." })] }), rollout({ name: "cart" })] });
  expect(changes(first, later, null).map(changeText)).toEqual([
    expect.stringContaining("the sidecar is not ready: draining"), expect.stringContaining("commandPause: Paused."), expect.stringContaining("cart  v2"),
  ]);
  expect(changes(first, later, "cart").map(({ kind }) => kind)).toEqual(["sidecar", "rollout"]);
  expect(changes(later, first, null).map(({ kind }) => kind)).toEqual(["sidecar", "gone"]);
  expect(changes(first, first, null)).toEqual([]);
});

// ---- as a process ----

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** An admin API whose status the test sets. */
async function sidecar(first: Status): Promise<{ readonly admin: string; readonly server: Server; status: Status; readonly port: number }> {
  const self = { status: first, admin: "", port: 0, server: createServer((_request, response) => void response.setHeader("content-type", "application/json").end(JSON.stringify(self.status))) };
  servers.push(self.server);
  self.server.listen(0, "127.0.0.1");
  await once(self.server, "listening");
  self.port = (self.server.address() as AddressInfo).port;
  self.admin = `http://127.0.0.1:${self.port}`;
  return self;
}

const rolledBack = status({ rollouts: [rollout({ phase: "rolledBack", weight: 0, decisions: [decision({ reason: "limitBreached", to: "rollingBack", weight: 0, sentence: "shop: v2 is rolled back." })] })] });

test("without a terminal watch prints a line for each change, rides out an absence, and ends with --until-done and the outcome's code", async () => {
  const world_ = await sidecar(status());
  const watching = start(["watch", "shop", "--every", "100ms", "--until-done", "--admin", world_.admin]);
  await watching.says("shop  v2 2026-11-22 at 10% beside v1");
  world_.server.closeAllConnections();
  await new Promise((resolve) => world_.server.close(resolve));
  await watching.says("refuses the connection");
  const again = createServer((_request, response) => void response.setHeader("content-type", "application/json").end(JSON.stringify(rolledBack)));
  servers.push(again);
  again.listen(world_.port, "127.0.0.1");
  await watching.says("answers again");
  const { code, out, err } = await watching.ended;
  expect({ code, err }).toEqual({ code: 1, err: "" });
  expect(out.match(/limitBreached: shop: v2 is rolled back\./g)).toHaveLength(1);
  expect(out).not.toContain("\u001b");
});

test("watch --json is one object a line; SIGINT is the usual end of a watch, and no outcome of --until-done", async () => {
  const { admin } = await sidecar(status());
  for (const [extra, expected] of [[[], 0], [["--until-done"], 130]] as const) {
    const watching = start(["watch", "--json", "--admin", admin, ...extra]);
    await watching.says("}\n");
    watching.child.kill("SIGINT");
    const { code, out } = await watching.ended;
    expect(code).toBe(expected);
    expect(out.trimEnd().split("\n").map((line) => JSON.parse(line) as unknown)).toMatchObject([{ kind: "rollout", rollout: "shop", phase: "progressing", weight: 10 }]);
  }
});

test("a rollout that is not there, an interval that is none, nobody there: one line and the code", async () => {
  const { admin } = await sidecar(status());
  expect(await ebbgate(["watch", "shp", "--admin", admin])).toEqual({ code: 1, out: "", err: "ebbgate watch: there is no rollout 'shp'; did you mean shop?\n" });
  expect(await ebbgate(["watch", "--every", "1"])).toEqual({ code: 2, out: "", err: "ebbgate watch: --every is '1'; give a duration from 100ms to 1h\n" });
  expect(await ebbgate(["watch", "--admin", "http://127.0.0.1:1"])).toMatchObject({ code: 3, out: "", err: expect.stringContaining("refuses the connection") as string });
});

test("status: tables for people, one rollout in full, names, and JSON", async () => {
  const { admin } = await sidecar(status());
  const all = await ebbgate(["status", "--admin", admin]);
  expect(all).toMatchObject({ code: 0, err: "" });
  expect(all.out).toMatch(/ROLLOUT +PHASE +WEIGHT +STEP[^]*shop +progressing +10% +2\/4/);
  expect(all.out).toMatch(/ROUTE +VARIANT[^]*shop +v1 \(baseline\) +90%/);
  expect((await ebbgate(["status", "shop", "--admin", admin])).out).toContain("latency (p99)   breached");
  const one = JSON.parse((await ebbgate(["status", "shop", "--json"], { env: { EBBGATE_ADMIN: admin } })).out) as { rollout: { name: string }; variants: { name: string }[] };
  expect(one).toMatchObject({ rollout: { name: "shop" }, variants: [{ name: "v1" }, { name: "v2" }] });
  expect(await ebbgate(["status", "shp", "--admin", admin])).toMatchObject({ code: 1, err: "ebbgate status: there is no rollout 'shp'; did you mean shop?\n" });
});

const shell = async (script: string): Promise<void> => void (await once(spawn("sh", ["-c", script]), "close"));
const leave = "\u001b[?7h\u001b[?25h\u001b[?1049l";

test.skipIf(!hasTerminal)("in a terminal: its own page, colours, drawn anew when the window changes, and restored by q, by Ctrl-C and by a signal", async () => {
  const { admin } = await sidecar(status());
  for (const end of ["q", "\u0003", "SIGTERM"] as const) {
    const watching = inTerminal(["watch", "--every", "1h", "--admin", admin], { columns: 200, rows: 30 });
    await watching.says("next");
    expect(watching.out).not.toContain("…");
    expect(watching.out).toContain("\u001b[?1049h\u001b[?25l");
    expect(watching.out).toContain("\u001b[1mshop\u001b[0m");
    const device = /\/dev\/\S+/.exec(watching.out)![0];
    // Narrow: lines are cut, and say so.
    await shell(`stty cols 40 -F ${device}`);
    await watching.says("…");
    if (end === "SIGTERM") await shell(`kill -TERM $(ps -o pid=,args= -t ${device.replace("/dev/", "")} | awk '/main.[jt]s watch/ {print $1; exit}')`);
    else watching.child.stdin!.write(end);
    const { code, out } = await watching.ended;
    expect(code).toBe(0);
    const [, after] = out.split(leave);
    expect(out.split(leave)).toHaveLength(2);
    expect(after, "the last picture stays").toContain("next");
  }
});

test.skipIf(!hasTerminal)("NO_COLOR takes the colours, and a terminal that can do nothing gets lines", async () => {
  const { admin } = await sidecar(status());
  const plain = inTerminal(["watch", "--every", "1h", "--admin", admin], { env: { NO_COLOR: "1" } });
  await plain.says("next");
  plain.child.stdin!.write("q");
  expect((await plain.ended).out).not.toContain("\u001b[1m");
  const dumb = inTerminal(["watch", "--every", "1h", "--admin", admin], { env: { TERM: "dumb" } });
  await dumb.says("shop  v2");
  dumb.child.stdin!.write("\u0003");
  expect((await dumb.ended).out).not.toContain("\u001b");
});
