/**
 * A Redis that is stopped (SIGSTOP) under load: whether users notice. One sidecar of a fleet, an open loop at a fixed rate, and rounds with
 * Redis running and stopped in turn, so that what else the machine does falls on both.
 */
import { setTimeout as delay } from "node:timers/promises";
import { OpenLoad } from "../../src/cli/demo/load.ts";
import { Tally } from "../../src/cli/demo/tally.ts";
import { systemClock } from "../../src/core/clock.ts";
import { systemRandom } from "../../src/core/random.ts";
import { FleetProcesses } from "../../test/support/fleet-processes.ts";
import { RedisServer, until } from "../../test/support/redis.ts";
import { quantileOf } from "./detection.ts";

const requestsPerSecond = 500;
const rollout = { candidate: "v2", steps: [{ weight: 20, dwell: "1h", minRequests: 1 }, 100] };

export interface StoppedResult {
  readonly rounds: number;
  readonly requests: number;
  /** Of both kinds of rounds: no answer, or a server error. */
  readonly failed: number;
  /** Medians of the rounds. */
  readonly p99Ms: { readonly running: number; readonly stopped: number };
  readonly ratio: number;
}

export async function stopped(rounds: number, seconds: number, told: (line: string) => void): Promise<StoppedResult> {
  const redis = await RedisServer.start();
  const fleet = await FleetProcesses.start({ size: 1, port: () => redis.port, rollout });
  const [sidecar] = fleet.members;
  const p99: Record<"running" | "stopped", number[]> = { running: [], stopped: [] };
  let [requests, failed] = [0, 0];
  const round = async (kind: "running" | "stopped"): Promise<void> => {
    const tally = new Tally();
    const load = new OpenLoad({ origin: sidecar!.process!.proxy, requestsPerSecond, users: 1_000, patienceMs: 10_000, clock: systemClock, random: systemRandom, tally });
    load.start();
    await delay(seconds * 1_000);
    await load.stop();
    await load.close();
    const { ramp } = tally.stages;
    requests += ramp.requests;
    failed += ramp.bad;
    p99[kind].push(ramp.latencyMs(0.99)!);
  };
  const reachable = (is: boolean) => until(async () => ((await sidecar!.status()).fleet.leader !== null) === is);
  try {
    await reachable(true);
    await round("running");
    p99.running = [];
    for (let n = 0; n < rounds; n++) {
      await round("running");
      redis.pause();
      await round("stopped");
      redis.resume();
      await reachable(true);
    }
    const p99Ms = { running: quantileOf(p99.running, 0.5), stopped: quantileOf(p99.stopped, 0.5) };
    told(`Redis running ${p99.running.map((ms) => ms.toFixed(1)).join(" ")} ms, stopped ${p99.stopped.map((ms) => ms.toFixed(1)).join(" ")} ms (p99 of each round)`);
    return { rounds, requests, failed, p99Ms, ratio: p99Ms.stopped / p99Ms.running };
  } finally {
    redis.resume();
    await fleet.clear();
    await redis.stop();
  }
}
