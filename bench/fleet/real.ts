/**
 * Twenty real sidecars on one Redis: how long a published document, a decision and a rollback take until all proxy threads of all of them run it. The
 * sidecars say themselves when that is, in their logs, by the one clock of this machine.
 */
import { setTimeout as delay } from "node:timers/promises";
import { FleetProcesses } from "../../test/support/fleet-processes.ts";
import { RedisServer } from "../../test/support/redis.ts";
import type { LogLine as Line, SidecarProcess } from "../../test/support/sidecar.ts";
import { RedisSharedDocument } from "../../src/store/redis/shared-document.ts";
import { RedisStore } from "../../src/store/redis/redis-store.ts";
import { redisSettings } from "./settings.ts";
import { quantileOf } from "./detection.ts";

const steps = 25;
const rollout = {
  candidate: "v2", breaker: { action: "rollback" },
  steps: [...Array.from({ length: steps }, (_, i) => ({ weight: i + 1, dwell: "500ms", minRequests: 0, evidence: false })), { weight: 40, dwell: "1h", minRequests: 1 }, 100],
};

export interface RealResult {
  readonly sidecars: number;
  /** From the write in Redis until the last sidecar's threads run it. */
  readonly publishedMs: { readonly changes: number; readonly p50: number; readonly p99: number };
  /** From the leader's commit until the last acknowledgement. */
  readonly decisionMs: { readonly decisions: number; readonly p50: number; readonly p99: number };
  /** From a rollback's decision until the last sidecar gives the candidate nothing. */
  readonly rollbackMs: { readonly rollbacks: number; readonly p50: number; readonly p99: number };
}

const ran = "A proxy thread runs the revision.";
const timeOf = ({ time }: Line): number => (typeof time === "number" ? time : Date.parse(time as string));

export async function real(sidecars: number, changes: number, rollbacks: number, told: (line: string) => void): Promise<RealResult> {
  const decisions: number[] = [];
  const backs: number[] = [];
  for (let round = 0; round < rollbacks; round++) {
    const redis = await RedisServer.start();
    const fleet = await FleetProcesses.start({ size: sidecars, port: () => redis.port, rollout, log: "debug" });
    try {
      while ((await fleet.leader()) === undefined) await delay(100);
      const leader = (await fleet.leader())!;
      while ((await leader.status()).fleet.size < sidecars) await delay(100);
      // The last step has every sidecar's users.
      while ((await leader.status()).routes[0]!.variants[1]!.weight < 40) await delay(200);
      decisions.push(...(await leader.status()).fleet.convergenceMs);
      // Who has users that fail goes back by itself: of those who have none it is seen when the leader's decision has reached them.
      leader.load(20);
      await delay(1_500);
      fleet.v2.failing = true;
      while ((await Promise.all(fleet.members.map((member) => member.weight))).some((weight) => weight > 0)) await delay(50);
      await delay(500);
      const decidedMs = decisionMs(leader.process!.lines);
      // The last revision that each ran, so that no earlier one is taken for it.
      const last = Math.max(...fleet.members.map(({ process }) => timeOf(process!.lines.findLast((line) => line.msg === ran)!)));
      if (last < decidedMs) throw new Error("no sidecar ran another revision after the decision");
      backs.push(last - decidedMs);
      told(`round ${round + 1}: rollback everywhere ${Math.round(backs.at(-1)!)} ms after the decision`);
    } finally {
      await fleet.clear();
      await redis.kill();
    }
  }
  const published = await publish(sidecars, changes, told);
  const row = (values: readonly number[]): { readonly p50: number; readonly p99: number } => ({ p50: quantileOf(values, 0.5), p99: quantileOf(values, 0.99) });
  return {
    sidecars, publishedMs: { changes: published.length, ...row(published) }, decisionMs: { decisions: decisions.length, ...row(decisions) }, rollbackMs: { rollbacks: backs.length, ...row(backs) },
  };
}

/** When the leader decided to go back: its log tells of it only when the record is stored. */
function decisionMs(lines: readonly Line[]): number {
  const decided = lines.map((line) => line["decision"] as { readonly reason: string; readonly atMs: number } | undefined).find((decision) => decision !== undefined && ["breakerTripped", "limitBreached"].includes(decision.reason));
  if (decided === undefined) throw new Error("the leader says nothing of the rollback");
  return decided.atMs;
}

/** @param mark how many lines there were before @returns what tells that the proxy thread runs the next document */
async function running(process: SidecarProcess, mark: number): Promise<Line> {
  const since = (line: Line): boolean => process.lines.indexOf(line) >= mark;
  const live = await process.line((line) => line.msg === "The configuration is live." && since(line));
  return process.line((line) => line.msg === ran && since(line) && Number(line["revision"]) >= Number(live["revision"]));
}

/** Documents that differ in a static weight, written as `ebbgate apply` does. */
async function publish(sidecars: number, changes: number, told: (line: string) => void): Promise<number[]> {
  const redis = await RedisServer.start();
  const fleet = await FleetProcesses.start({ size: sidecars, port: () => redis.port, rollout: null, log: "debug", shared: true });
  const store = await RedisStore.open({ settings: redisSettings(redis.port) });
  const took: number[] = [];
  try {
    const document = new RedisSharedDocument(store);
    let digest: string | null = null;
    for (let change = 0; change < changes; change++) {
      const text = JSON.stringify({ revision: change + 1, routes: [{ name: "shop", cohort: { key: ["header:x-user"] }, timeouts: { firstByte: `${1_000 + change}ms` }, variants: [{ name: "v1", endpoints: [fleet.v1.url] }] }] });
      const marks = fleet.members.map(({ process }) => process!.lines.length);
      const from = Date.now();
      if (!(await document.write(text, digest, { action: "applied", who: "bench", revision: change + 1, reason: null }))) throw new Error("somebody else wrote");
      const seen = await document.read(null);
      digest = typeof seen === "object" ? seen.digest : null;
      const lines = await Promise.all(fleet.members.map(({ process }, i) => running(process!, marks[i]!)));
      took.push(Math.max(...lines.map(timeOf)) - from);
      await delay(150);
    }
    told(`${took.length} published changes`);
    return took;
  } finally {
    await store.close();
    await fleet.clear();
    await redis.kill();
  }
}
