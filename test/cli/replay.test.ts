import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../../src/cli/replay.ts";
import type { DecisionRecord } from "../../src/rollout/types.ts";
import { FileStore } from "../../src/store/file-store.ts";
import { plan, World } from "../rollout/world.ts";
import { capture } from "./capture.ts";

const directory = mkdtempSync(join(tmpdir(), "ebbgate-replay-"));
const audit = join(directory, "audit.jsonl");
const file = (name: string, content: string): string => {
  writeFileSync(join(directory, name), content);
  return name;
};
let records: DecisionRecord[];

/** A rollout that goes one step and is rolled back, kept by the file store. */
beforeAll(async () => {
  const w = new World({ requestsPerSecond: 500, seed: 7 });
  await w.configure(plan());
  await w.until("stepCompleted", 60);
  w.candidate.errors = 0.3;
  await w.until("verified", 60);
  await w.run(0.2);
  await w.configure();
  await w.controller.flush();
  records = w.store.audit;
  const store = await FileStore.open({ directory });
  for (const record of records) await store.append(record);
  await store.close();
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function replayed(...argv: string[]) {
  const io = capture({ cwd: directory });
  const code = await run(argv, io);
  return { code, out: io.out(), err: io.err() };
}

describe("ebbgate replay", () => {
  test("recomputes every decision of an audit log", async () => {
    expect(await replayed("audit.jsonl")).toMatchObject({ code: 0, err: "", out: `audit.jsonl: ${records.length - 1} decisions recomputed, every one came out the same; 1 other records\n` });
    expect(records.length).toBeGreaterThanOrEqual(6);
  });

  test("reads records one a line, and as one array", async () => {
    file("lines.jsonl", records.map((record) => JSON.stringify(record)).join("\n"));
    file("array.json", JSON.stringify(records));
    for (const name of ["lines.jsonl", "array.json"]) expect(await replayed(name)).toMatchObject({ code: 0 });
  });

  test("ends with 1 and the first difference where a record says something else than its inputs", async () => {
    const index = records.findIndex(({ reason }) => reason === "limitBreached" || reason === "breakerTripped");
    file("forged.jsonl", records.map((record, i) => JSON.stringify(i === index ? { ...record, weight: 10 } : record)).join("\n"));
    const { code, out } = await replayed("forged.jsonl");
    expect(code).toBe(1);
    expect(out).toMatch(new RegExp(`line ${index + 1}: ${records[index]!.reason} on shop comes out differently: decision.weight was 10, and is 0`));
    const report = JSON.parse((await replayed("--json", "forged.jsonl")).out) as unknown;
    expect(report).toMatchObject({ recomputed: index + 1, different: { line: index + 1, difference: { path: "decision.weight" } } });
  });

  test.each<[string, () => string, RegExp]>([
    ["a line whose hash does not fit", () => readFileSync(audit, "utf8").replace('"weight":1,', '"weight":2,'), /line 1 is altered/],
    ["a line that is no JSON", () => "{\n", /line 1 is not JSON/],
    ["a record without its evidence", () => JSON.stringify({ ...records[0]!, inputs: { ...records[0]!.inputs, evidence: {} } }), /line 1 is not whole/],
    ["no decision at all", () => '{"some":"thing"}\n', /holds no decision/],
  ])("refuses %s", async (_, content, says) => {
    file("bad.jsonl", content());
    expect(await replayed("bad.jsonl")).toMatchObject({ code: 1, err: expect.stringMatching(says) as string });
  });

  test("says which file is missing", async () => {
    expect(await replayed("nowhere.jsonl")).toMatchObject({ code: 1, err: "ebbgate replay: nowhere.jsonl cannot be read (ENOENT)\n" });
  });

  test("shows what another policy would have decided on the same evidence", async () => {
    const route = (rollout: object) => ({
      name: "shop", rollout: { candidate: "v2", ...rollout },
      variants: [{ name: "v1", endpoints: ["http://127.0.0.1:3001"] }, { name: "v2", revision: "r1", endpoints: ["http://127.0.0.1:3002"] }],
    });
    file("patient.json", JSON.stringify({ routes: [route({ steps: [{ weight: 1, dwell: "1h" }, 10, 50, 100] })] }));
    const { code, out } = await replayed("audit.jsonl", "--policy", "patient.json");
    expect(code).toBe(0);
    expect(out).toMatch(/shop: v2 goes from 1% to 10%[^\n]*\n {2}patient\.json: would have decided nothing then\./);
    expect(await replayed("audit.jsonl", "--policy", "nowhere.json")).toMatchObject({ code: 1 });
  });
});
