/**
 * A thousand sidecars on one Redis: one is real and leads, the others are light clients in a few processes. What Redis and the leader take, how long a
 * decision needs to reach the last of them, and how long a fault needs to be answered everywhere.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { FleetProcesses } from "../../test/support/fleet-processes.ts";
import { RedisServer } from "../../test/support/redis.ts";
import { cpuMs } from "../processes.ts";
import { quantileOf } from "./detection.ts";

const processes = 4;
const steps = 30;
/** Steps that end by time alone: decisions to measure. */
const rollout = {
  candidate: "v2", breaker: { action: "rollback" }, limits: [{ metric: "errorRate" }, { metric: "latency", quantile: "location", prove: false }],
  steps: [...Array.from({ length: steps }, (_, i) => ({ weight: i + 1, dwell: "700ms", minRequests: 1, evidence: false })), { weight: 40, dwell: "1h", minRequests: 1 }, 100],
};

export interface ManyResult {
  readonly clients: number;
  readonly redisCpu: number;
  readonly redisOpsPerSecond: number;
  readonly leaderCpu: number;
  readonly bytesPerSidecarAndSecond: { readonly sent: number; readonly toRedis: number; readonly fromRedis: number };
  readonly convergenceMs: { readonly decisions: number; readonly p50: number; readonly p99: number };
  readonly rollback: { readonly firstMs: number; readonly lastMs: number; readonly reached: number };
}

interface Seen {
  readonly zeroAtMs: readonly (number | null)[];
  readonly bytes: number;
}

export async function many(clients: number, seconds: number, told: (line: string) => void): Promise<ManyResult> {
  const redis = await RedisServer.start();
  const fleet = await FleetProcesses.start({ size: 1, port: () => redis.port, rollout });
  const leader = fleet.members[0]!;
  const children: ChildProcess[] = [];
  const info = async (section: string): Promise<Map<string, number>> =>
    new Map(String(await redis.command("INFO", section)).split("\r\n").flatMap((line) => (line.includes(":") ? [[line.split(":")[0]!, Number(line.split(":")[1])] as const] : [])));
  const ask = async (): Promise<Seen[]> =>
    Promise.all(children.map(async (child) => {
      const answer = once(child, "message") as Promise<[Seen]>;
      child.send({ kind: "look" });
      return (await answer)[0];
    }));
  try {
    told(`starting ${clients} light clients in ${processes} processes`);
    for (let i = 0; i < processes; i++) {
      const child = fork(fileURLToPath(new URL("light-process.ts", import.meta.url)), [String(redis.port), String(i * Math.floor(clients / processes)), String(Math.floor(clients / processes))]);
      children.push(child);
      await once(child, "message");
    }
    while ((await leader.status()).fleet.size < clients) await delay(200);
    leader.load(1);
    const samples: number[] = [];
    while ((await leader.status()).routes[0]!.variants[1]!.weight < 1) await delay(50);
    told("measuring");
    const [cpuBefore, statsBefore, leaderBefore, bytesBefore, from] = [await info("cpu"), await info("stats"), cpuMs(leader.process!.child.pid!), await ask(), performance.now()];
    let known = (await leader.status()).fleet.convergenceMs.length;
    while (performance.now() - from < seconds * 1_000) {
      await delay(500);
      const { convergenceMs } = (await leader.status()).fleet;
      // The status shows the last twenty.
      samples.push(...(convergenceMs.length < 20 ? convergenceMs.slice(known) : convergenceMs.slice(-1)));
      known = Math.min(19, convergenceMs.length);
    }
    const elapsed = (performance.now() - from) / 1_000;
    const [cpuAfter, statsAfter, leaderAfter, bytesAfter] = [await info("cpu"), await info("stats"), cpuMs(leader.process!.child.pid!), await ask()];
    const per = (after: Map<string, number>, before: Map<string, number>, key: string): number => (after.get(key)! - before.get(key)!) / elapsed;
    for (let i = 0; (await leader.status()).routes[0]!.variants[1]!.weight < 40; i++) {
      await delay(200);
      if (i > 300) throw new Error(`the rollout stands still: ${JSON.stringify((await leader.status()).rollouts[0])}`);
    }
    await delay(2_000);
    const faultAtMs = performance.timeOrigin + performance.now();
    for (const child of children) child.send({ kind: "fail" });
    let zeros: number[] = [];
    for (let i = 0; i < 50 && zeros.length < Math.floor(clients / processes) * processes; i++) {
      await delay(200);
      zeros = (await ask()).flatMap(({ zeroAtMs }) => zeroAtMs.flatMap((at) => (at === null || at < faultAtMs ? [] : [at - faultAtMs])));
    }
    const all = (await leader.status()).fleet.convergenceMs;
    samples.push(...all.slice(-1));
    return {
      clients, redisCpu: per(cpuAfter, cpuBefore, "used_cpu_user") + per(cpuAfter, cpuBefore, "used_cpu_sys"), redisOpsPerSecond: per(statsAfter, statsBefore, "total_commands_processed"),
      leaderCpu: (leaderAfter - leaderBefore) / elapsed / 1_000,
      bytesPerSidecarAndSecond: {
        sent: bytesAfter.reduce((sum, { bytes }, i) => sum + bytes - bytesBefore[i]!.bytes, 0) / elapsed / clients,
        toRedis: per(statsAfter, statsBefore, "total_net_input_bytes") / clients, fromRedis: per(statsAfter, statsBefore, "total_net_output_bytes") / clients,
      },
      convergenceMs: { decisions: samples.length, p50: quantileOf(samples, 0.5), p99: quantileOf(samples, 0.99) },
      rollback: { firstMs: Math.min(...zeros), lastMs: Math.max(...zeros), reached: zeros.length },
    };
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await fleet.clear();
    await redis.kill();
  }
}
