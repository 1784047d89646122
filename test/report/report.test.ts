import { describe, expect, test } from "vitest";
import type { DecisionRecord } from "../../src/rollout/types.ts";
import type { PlaybookRecord } from "../../src/rollout/playbook-record.ts";
import { reportHtml, reportMarkdown } from "../../src/report/document.ts";
import { readReport } from "../../src/report/read.ts";
import { type Report, reportOf } from "../../src/report/report.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import type { AuditRecord } from "../../src/store/store.ts";
import { drilledRollout, failedRollout, ill, Told, tripped, well } from "../support/decisions.ts";
import { plan } from "../rollout/world.ts";

async function logged(records: readonly object[]): Promise<AuditRecord[]> {
  const store = new MemoryStore();
  for (const record of records) await store.append(record);
  return store.audit(1, 1_000);
}

const reportOn = async (records: readonly object[], name = "shop", revision?: string): Promise<Report> => reportOf(await logged(records), name, revision)!;

/** Text of a page, without its tags. */
const words = (html: string): string => html.replaceAll(/<style>[\s\S]*?<\/style>|<svg[\s\S]*?<\/svg>|<[^>]*>/g, " ").replaceAll(/\s+/g, " ");

const step = (changes: Partial<PlaybookRecord>): PlaybookRecord => ({
  kind: "playbook", route: "shop", candidate: "v2", revision: "r1", rollback: 2, index: 0, step: "revert-code", target: "deploy", outcome: "done", attempts: 2, status: 200, detail: "status 200", tookMs: 2_300, ...changes,
});

describe("the report on a rollout that went back", () => {
  test("says from the audit log alone what happened, to whom, on what evidence, who did what, and how it was seen to be over", async () => {
    const told = failedRollout({ exposureBudget: 200 }, 1_795_800_000_000);
    const report = await reportOn([...told.records, step({}), step({ index: 1, step: "open-ticket", target: "tickets", outcome: "failed", attempts: 1, status: 500, detail: "status 500" })]);
    expect(report).toMatchObject({
      name: "shop", route: "shop", baseline: "v1", candidate: "v2", revision: "r1", outcome: "rolledBack", seqs: [1, 6],
      exposure: { parts: [{ weight: 1, requests: 60, cohorts: 40, badResponses: 30 }], requests: 60, cohorts: 40 },
      rollback: { seq: 2, reason: "breakerTripped", foundAfterMs: 4_000, fromWeight: 1, stoppedAfterMs: 1_000, recovery: { verified: true, afterMs: 8_000, before: well, since: well }, candidateWindow: ill },
      budget: { badResponses: 30, cap: 200, alpha: 0.01 },
    });
    expect(report.timeline.map(({ what }) => what)).toEqual(["started", "breakerTripped", "trafficStopped", "verified", "playbook", "playbook"]);
    for (const text of [reportMarkdown(report), words(reportHtml(report))]) {
      for (const said of [
        "shop: v2 (r1) was rolled back", "the breaker tripped", "60 requests of at least 40 users", "The decision came 4 s after the last weight was given", "Timeline", "Who was exposed", "Evidence",
        "evidence 900, trips at 200", "Who did what", "Nobody gave a command", "done by deploy after 2 attempts", "failed at tickets (status 500) after 1 attempt", "2.3 s",
        "Nothing reached the candidate any more 1 s after the decision", "back inside its earlier limits 8 s after the decision", "30 of 200 bad candidate answers (15% of the exposure budget)",
      ]) expect(text).toContain(said);
      expect(text).not.toMatch(/undefined|NaN|\[object|\bnull\b/);
    }
  });

  test("shows the limit that convicted with both values, bound, evidence and threshold", async () => {
    const limits = [{
      metric: "errorRate", quantile: null, action: "rollback", verdict: "breached", bound: "relative", candidateValue: 0.04, baselineValue: 0.001, limitValue: 0.0016, margin: 0.0005,
      candidateN: 800, baselineN: 7_200, wealth: 240, groupWealth: 260, threshold: 200, share: 0.5, phi: 1.1, notWorse: 0,
    }] as const;
    const told = new Told({ limits: plan().limits.slice(0, 1) });
    told.decide(1_000);
    told.decide(30_000, { limits, badResponses: 32, stepCandidateRequests: 800 });
    const report = await reportOn(told.records);
    expect(report).toMatchObject({ outcome: "rollingBack", rollback: { reason: "limitBreached", recovery: null, stoppedAfterMs: null } });
    expect(reportMarkdown(report)).toContain("| error rate | rollback | 4% | 0.1% | 0.16% | 800 and 7200 | 240 | 260 | 200 | breached |");
    expect(reportMarkdown(report)).toContain("The baseline is not verified yet.");
  });

  test("says that it was escalated where the route did not recover", async () => {
    const told = failedRollout();
    told.state = { ...told.state, phase: "verifying", sinceMs: 0 };
    told.decide(90_000, { baseline: ill, baselineSinceVerify: ill });
    const records = [...told.records.slice(0, 3), told.records.at(-1)!];
    const report = await reportOn(records);
    expect(report.outcome).toBe("escalated");
    expect(reportMarkdown(report)).toContain("the route did not recover: the cause is elsewhere");
    expect(report.timeline.at(-1)).toMatchObject({ what: "notVerified", severity: "page" });
  });

  test("names who gave commands and who changed the configuration shortly before, with their reasons", async () => {
    const told = new Told();
    told.decide(1_795_800_000_000);
    told.decide(1_795_800_010_000, { command: { verb: "rollback", by: "ada", why: "customers complain" } });
    const change = { kind: "configuration", action: "applied", who: "bob@laptop", revision: 7, reason: "release 2" };
    const store = new MemoryStore({ wallMs: () => 1_795_799_900_000, monotonicMs: () => 0 });
    for (const record of [change, ...told.records]) await store.append(record);
    const report = reportOf(await store.audit(1, 10), "shop")!;
    expect(report.people.map(({ who, what, why }) => [who, what, why])).toEqual([["bob@laptop", "configuration applied (revision 7)", "release 2"], ["ada", "rollback", "customers complain"]]);
    expect(report.timeline.map(({ what }) => what)).toEqual(["configuration", "started", "commandRollback"]);
  });
});

describe("a drill in a report", () => {
  test("is there with who asked, why, its times and what its playbook came to, and is no rollback", async () => {
    const { records } = drilledRollout();
    const called = step({ drill: true, step: "revert-code" });
    const report = await reportOn([...records, called, step({ drill: true, index: 1, step: "open-ticket", outcome: "skipped" })]);
    expect(report).toMatchObject({
      outcome: "underWay", rollback: null,
      drills: [{ seq: 2, by: "ada", why: "game day", step: 0, weight: 1, acknowledgedAfterMs: 83, stoppedAfterMs: 600, verifiedAfterMs: 2_700, backAfterMs: 2_800, outcome: "passed", fault: null }],
      people: [{ who: "ada", what: "drill", why: "game day" }],
    });
    expect(report.exposure.parts.map(({ weight }) => weight)).toEqual([1, 1]);
    for (const text of [reportMarkdown(report), words(reportHtml(report))]) {
      for (const said of ["Drills", "83 ms", "600 ms", "2.7 s", "2.8 s", "passed", "left out in a drill", "done by deploy after 2 attempts", "nothing is held against it"]) expect(text).toContain(said);
      expect(text).not.toMatch(/undefined|NaN|\[object|\bnull\b|was rolled back/);
    }
    expect((await reportOn(records.slice(0, 3))).outcome).toBe("drilled");
  });

  test("is found although the rollout was rolled back in an earlier run, also in a long log", async () => {
    const all = [...failedRollout({ revision: "r1" }, 1_000).records, ...drilledRollout({ revision: "r2" }, 100_000).records];
    expect(await reportOn(all)).toMatchObject({ revision: "r2", drills: [{ outcome: "passed" }] });
    const store = new MemoryStore();
    for (const record of all) await store.append(record);
    expect(await readReport(store, "shop")).toMatchObject({ revision: "r2" });
  });

  test("that became a real rollback is both", async () => {
    const told = drilledRollout();
    const abandoned = new Told();
    for (const [index, changes] of [{}, told.records[1]!.inputs!.evidence, { command: { verb: "rollback", by: "bob", why: "it is broken" } as const }].entries()) abandoned.decide(1_000 + index * 1_000, changes);
    const report = await reportOn(abandoned.records);
    expect(report).toMatchObject({ outcome: "rollingBack", rollback: { reason: "commandRollback" }, drills: [{ outcome: "abandoned", backAfterMs: null }] });
    expect(reportMarkdown(report)).toContain("it became a real rollback");
  });
});

describe("the run that is reported", () => {
  const first = failedRollout({ revision: "r1" }, 1_000).records;
  const second = new Told({ revision: "r2" });
  second.decide(500_000);

  test("is the last one that went back", async () => {
    expect(await reportOn([...first, ...second.records])).toMatchObject({ revision: "r1", outcome: "rolledBack" });
  });

  test("is the one of a revision where that is asked for, and none where there is none", async () => {
    expect(await reportOn([...first, ...second.records], "shop", "r2")).toMatchObject({ revision: "r2", outcome: "underWay", rollback: null });
    expect(reportOf(await logged(first), "shop", "r9")).toBeNull();
    expect(reportOf(await logged(first), "cart")).toBeNull();
  });

  test("is the same where the log is read page by page, whatever else is in it, and however many runs there were", async () => {
    const runs = Array.from({ length: 12 }, (_, i) => failedRollout({ revision: `r${i}` }, 1_000 + i * 100_000).records).flat();
    const others = Array.from({ length: 40 }, (_, i) => failedRollout({ name: "cart", route: "cart" }, i * 1_000).records).flat();
    const under = new Told({ revision: "r12" });
    under.decide(5_000_000);
    const store = new MemoryStore();
    for (const record of [...runs.flatMap((one, i) => [one, ...others.slice(i * 3, i * 3 + 3)]), step({ rollback: 2 }), ...under.records]) await store.append(record);
    const all = await store.audit(1, 1_000);
    for (const revision of [undefined, "r3", "r11", "r12", "r99"]) expect(await readReport(store, "shop", revision)).toEqual(reportOf(all, "shop", revision));
    expect(await readReport(store, "shop")).toMatchObject({ revision: "r11" });
    expect(await readReport(store, "nobody")).toBeNull();
  });

  test("begins anew with an override, and holds no record of another rollout", async () => {
    const again = failedRollout({ revision: "r1" }, 900_000).records;
    const override: DecisionRecord = { ...again[0]!, reason: "commandOverride", from: "rolledBack", to: "pending", weight: 0, atMs: 899_000, command: { verb: "override", by: "ada", why: "fixed by hand" } };
    const other = failedRollout({ name: "cart", route: "cart" }, 2_000).records;
    const report = await reportOn([...first, ...other, step({}), override, ...again, step({ rollback: 11, route: "cart" })]);
    expect(report.timeline.map(({ what }) => what)).toEqual(["commandOverride", "started", "breakerTripped", "trafficStopped", "verified"]);
    expect(report.playbook).toEqual([]);
    expect(report.fromMs).toBe(899_000);
  });
});

describe("what others wrote", () => {
  const evil = "<script>alert(1)</script> [x](http://evil) `a` | b \n# c";

  test("is text in a page and in Markdown, and nothing else", async () => {
    const told = new Told();
    told.decide(1_000);
    told.decide(2_000, { ...tripped, command: { verb: "rollback", by: evil, why: evil } });
    const report = await reportOn(told.records.map((record) => ({ ...record, candidate: "v2<b>" })));
    const html = reportHtml(report);
    expect(html).not.toMatch(/<script|<b>|onerror=/);
    expect(html).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
    const markdown = reportMarkdown(report).replaceAll(/^\[plot-\d\]: .*$/gm, "");
    expect(markdown).not.toMatch(/<script|<b>|(?<!\\)\[x\]|^# c/m);
    expect(markdown.split("\n").filter((line) => line.includes("alert")).every((line) => line.startsWith("|") || !line.includes("\n"))).toBe(true);
  });

  test("is shown without the credentials in it", async () => {
    const told = new Told();
    told.decide(1_000);
    told.decide(2_000, { ...tripped, command: { verb: "rollback", by: "ada", why: "curl -H 'authorization: Bearer abcdef1234567890'" } });
    const report = await reportOn(told.records);
    expect(reportHtml(report) + reportMarkdown(report) + JSON.stringify(report)).not.toContain("abcdef1234567890");
  });
});

test("a page holds everything that it shows, and three plots", async () => {
  const html = reportHtml(await reportOn(failedRollout().records));
  expect(html.match(/<svg /g)).toHaveLength(3);
  expect(html.replaceAll("http://www.w3.org/2000/svg", "")).not.toMatch(/https?:\/\/|src=|@import|url\(/);
});

test("any number of steps, and times that do not agree, make a report", async () => {
  const told = failedRollout();
  const mixed = told.records.map((record, index) => ({ ...record, atMs: index % 2 === 0 ? 5_000 : 1_000 }));
  const report = await reportOn(mixed);
  expect(reportHtml(report)).not.toMatch(/NaN|Infinity|undefined/);
  const bare = await reportOn(told.records.map((record) => ({ ...record, inputs: null })));
  expect(reportHtml(bare)).not.toMatch(/NaN|Infinity|undefined/);
});
