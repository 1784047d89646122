import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, it } from "vitest";
import { DecisionLog } from "../../src/decision-log.ts";
import type { Log } from "../../src/core/log.ts";
import type { ExplainedDecision } from "../../src/rollout/status.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import { StoreError } from "../../src/store/store.ts";
import { Workplace } from "../support/sidecar.ts";

const decision = (atMs: number, reason = "stepCompleted"): ExplainedDecision => ({ route: "shop", candidate: "v2", reason, atMs, sentence: `at ${atMs}` }) as ExplainedDecision;

function world() {
  const store = new MemoryStore();
  const lines: { readonly auditSeq: number | null; readonly severity: string; readonly sentence: string }[] = [];
  const write = (fields: { auditSeq: number | null; severity: string }, sentence: string): void => void lines.push({ auditSeq: fields.auditSeq, severity: fields.severity, sentence });
  const time = { nowMs: 0 };
  const log = new DecisionLog({ log: { info: write, warn: write, error: write } as unknown as Log, store, clock: { wallMs: () => 0, monotonicMs: () => time.nowMs } });
  const record = (one: ExplainedDecision): Promise<void> => {
    const { sentence: _sentence, ...rest } = one;
    return store.append({ ...rest, inputs: { much: true } });
  };
  const turn = async (): Promise<void> => {
    log.tick();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { store, lines, time, log, record, turn };
}

it("a line waits for its record, and has its number", async () => {
  const { store, lines, log, record, turn } = world();
  await store.append({ kind: "config" });
  log.told(decision(1));
  await turn();
  expect(lines).toEqual([]);
  await record(decision(1));
  await turn();
  expect(lines).toEqual([{ auditSeq: 2, severity: "info", sentence: "at 1" }]);
});

it("two decisions at once have a line each, and one that was recorded before it was told is found as well", async () => {
  const { lines, log, record, turn } = world();
  await record(decision(1, "breakerTripped"));
  await record(decision(1, "trafficStopped"));
  await record(decision(2, "notVerified"));
  log.told(decision(1, "breakerTripped"));
  await turn();
  log.told(decision(1, "trafficStopped"));
  log.told(decision(2, "notVerified"));
  await turn();
  expect(lines).toEqual([{ auditSeq: 1, severity: "warn", sentence: "at 1" }, { auditSeq: 2, severity: "info", sentence: "at 1" }, { auditSeq: 3, severity: "page", sentence: "at 2" }]);
});

it("a decision that is not recorded in time, or while the store fails, has its line all the same", async () => {
  const { store, lines, time, log, turn } = world();
  log.told(decision(1));
  await turn();
  time.nowMs = 1_999;
  await turn();
  expect(lines).toEqual([]);
  time.nowMs = 2_000;
  await turn();
  expect(lines).toEqual([{ auditSeq: null, severity: "info", sentence: "at 1" }]);
  store.auditEnd = () => Promise.reject(new StoreError("unavailable", "away"));
  log.told(decision(2));
  await log.flush();
  expect(lines).toHaveLength(2);
});

it("of a real sidecar, the line has the decision's evidence and the number that its record has on the disk", async () => {
  const server = createServer((_request, response) => void response.end("ok"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const place = new Workplace();
  try {
    place.write([{ name: "shop", variants: [{ name: "v1", endpoints: [url] }, { name: "v2", endpoints: [url] }], rollout: { candidate: "v2", steps: [10, 100] } }]);
    const sidecar = await place.start();
    const { decision: told, auditSeq } = (await sidecar.line((line) => line["decision"] !== undefined)) as unknown as { readonly decision: ExplainedDecision; readonly auditSeq: number };
    const records = readFileSync(join(place.directory, ".ebbgate/audit.jsonl"), "utf8").trimEnd().split("\n").map((line) => JSON.parse(line) as { readonly seq: number; readonly record: object });
    expect(records.find(({ seq }) => seq === auditSeq)!.record).toMatchObject(told);
    expect(told).toMatchObject({ reason: "started", candidateWindow: {}, baselineWindow: {}, limit: null });
    expect(await sidecar.stop()).toBe(0);
  } finally {
    place.clear();
    server.close();
  }
});
