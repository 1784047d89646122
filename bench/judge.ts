/**
 * What one judging pass costs the control thread: 100 rollouts of two variants each, through the real slab, recorders and
 * controller, in simulated time. Only `RolloutController.tick` is timed: reading the slab, judging and deciding.
 *
 * Quantiles are of elapsed time: the kernel advances a thread's CPU time with its scheduler's tick only (4 ms on the machine of
 * decision 017), which is as long as a pass. Elapsed time is at least the CPU time, so what else runs can only make the figures
 * worse. The mean is of CPU time: over thousands of passes the ticks average out.
 */
import { cpus } from "node:os";
import { defaultLimits } from "../src/config/rollout-plan.ts";
import { seededRandom } from "../src/core/random.ts";
import { SeriesRecorder, type Sample } from "../src/observe/recorder.ts";
import { Slab } from "../src/observe/slab.ts";
import { slotsPerPage } from "../src/observe/layout.ts";
import { RolloutController } from "../src/rollout/controller.ts";

const rollouts = 100;
const tickMs = 100;
const warmUpTicks = 300;
const boundMs = 5;
const timeoutMs = 15_000;

interface Scenario {
  readonly name: string;
  readonly what: string;
  /** Errors of both variants, as a share. */
  readonly errors: number;
  /** Share of the answers that take 3 s, so that strata stay open. */
  readonly slow: number;
}

const scenarios: readonly Scenario[] = [
  { name: "healthy", what: "0.1% errors, answers within some 10 ms", errors: 0.001, slow: 0 },
  { name: "failing", what: "20% errors in both variants", errors: 0.2, slow: 0 },
  { name: "in-flight", what: "5% of the answers take 3 s: several strata are open at any time", errors: 0.001, slow: 0.05 },
];

interface Cost {
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly cpuMeanMs: number;
}

interface Pending {
  readonly sample: Sample;
  readonly recorder: SeriesRecorder;
  readonly bornMs: number;
  readonly latencyMs: number;
  readonly bad: boolean;
}

/** @returns the process's exit status: 1 where the median or the 99th percentile of a scenario's passes is not below 5 ms */
export async function run(argv: readonly string[]): Promise<number> {
  const option = (name: string, fallback: number): number => {
    const at = argv.indexOf(name);
    return at < 0 ? fallback : Number(argv[at + 1]);
  };
  const seed = option("--seed", 1);
  const seconds = option("--seconds", 60);
  const requestsPerSecond = option("--rps", 200);
  const results = [];
  const at = argv.indexOf("--only");
  for (const scenario of scenarios.filter(({ name }) => at < 0 || argv[at + 1] === name)) results.push({ name: scenario.name, what: scenario.what, ...(await measure(scenario, seed, seconds, requestsPerSecond)) });
  const machine = `${cpus()[0]?.model ?? "unknown"}, Node ${process.version}`;
  if (argv.includes("--json")) process.stdout.write(`${JSON.stringify({ rollouts, seed, seconds, requestsPerSecond, machine, boundMs, results }, null, 2)}\n`);
  else {
    process.stdout.write(`${rollouts} rollouts x 2 variants, ${requestsPerSecond} requests a second on each route, seed ${seed}, ${seconds} s simulated\n${machine}\n\n`);
    process.stdout.write(`${"".padEnd(10)}  median     p99     max  CPU mean  ms a pass\n`);
    for (const r of results) process.stdout.write(`${r.name.padEnd(10)}  ${fixed(r.medianMs)}  ${fixed(r.p99Ms)}  ${fixed(r.maxMs)}    ${fixed(r.cpuMeanMs)}  ${r.what}\n`);
  }
  return results.every((r) => r.medianMs < boundMs && r.p99Ms < boundMs) ? 0 : 1;
}

const fixed = (ms: number): string => ms.toFixed(2).padStart(6);

async function measure(scenario: Scenario, seed: number, seconds: number, requestsPerSecond: number): Promise<Cost> {
  const random = seededRandom(seed);
  let nowMs = 1_000_000;
  const slab = new Slab(1);
  const recorders = Array.from({ length: rollouts }, (_, i) =>
    ["v1", "v2"].map((variant) => {
      const slot = slab.slotOf(`route${i}`, variant);
      return new SeriesRecorder(slab.pages[Math.floor(slot / slotsPerPage)]!, slot, 0);
    }),
  );
  const controller = new RolloutController({
    clock: { wallMs: () => nowMs, monotonicMs: () => nowMs },
    slab,
    publish: () => undefined,
    sendEdges: (route, edges) => {
      const of = recorders[Number(route.slice("route".length))]!;
      for (const { variant, edges: sent } of edges) of[variant === "v1" ? 0 : 1]!.setEdges(sent);
    },
    store: { get: () => Promise.resolve(undefined), put: (_key, _value, expected) => Promise.resolve(expected + 1), append: () => Promise.resolve() },
    storeFailed: (error) => {
      throw error;
    },
  });
  await controller.configure(
    recorders.map((_, i) => ({
      firstByteTimeoutMs: timeoutMs,
      plan: {
        name: `route${i}`, route: `route${i}`, baseline: "v1", candidate: "v2", revision: "r1",
        steps: [{ weight: 10, dwellMs: 86_400_000, minRequests: 100, approval: false }],
        // A regression of both variants is none of the candidate's, and a breach would end the work that is measured.
        limits: defaultLimits.map((limit) => ({ ...limit, action: "dryRun" as const })),
        bakeMs: 0, exposureBudget: null, paused: false, breaker: { action: "probe" as const }, alpha: 0.01,
      },
    })),
  );
  let inFlight: Pending[] = [];
  const times: number[] = [];
  let cpuMicros = 0;
  const ticks = warmUpTicks + (seconds * 1000) / tickMs;
  for (let tick = 0; tick < ticks; tick++) {
    nowMs += tickMs;
    for (const pair of recorders) inFlight.push(...arrivals(pair, scenario, random, nowMs, (requestsPerSecond * tickMs) / 1000));
    inFlight = inFlight.filter((pending) => !settled(pending, nowMs));
    const cpuFrom = process.threadCpuUsage();
    const fromMs = performance.now();
    controller.tick();
    const spentMs = performance.now() - fromMs;
    const cpu = process.threadCpuUsage(cpuFrom);
    if (tick >= warmUpTicks) {
      times.push(spentMs);
      cpuMicros += cpu.user + cpu.system;
    }
    if (tick % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  times.sort((a, b) => a - b);
  return { medianMs: times[times.length >> 1]!, p99Ms: times[Math.floor(times.length * 0.99)]!, maxMs: times.at(-1)!, cpuMeanMs: cpuMicros / 1000 / times.length };
}

function arrivals(pair: readonly SeriesRecorder[], scenario: Scenario, random: () => number, nowMs: number, count: number): Pending[] {
  return Array.from({ length: count }, () => {
    const recorder = pair[random() < 0.1 ? 1 : 0]!;
    const client = Math.floor(random() * 0x1_0000_0000);
    const sample: Sample = { row: -1, second: 0, counted: 0, shard: 0, client, endpointShard: client & 3 };
    recorder.dispatched(sample, Math.floor(nowMs / 1000), client & 127, true);
    const usual = 10 * Math.exp(0.4 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
    return { sample, recorder, bornMs: nowMs - random() * tickMs, latencyMs: random() < scenario.slow ? 3_000 : usual, bad: random() < scenario.errors };
  });
}

function settled({ sample, recorder, bornMs, latencyMs, bad }: Pending, nowMs: number): boolean {
  const ageMs = nowMs - bornMs;
  if (ageMs < latencyMs) {
    recorder.aged(sample, ageMs * 1000);
    return false;
  }
  recorder.firstByte(sample, latencyMs * 1000, bad ? 500 : 200);
  recorder.ended();
  return true;
}
